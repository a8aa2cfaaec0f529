"""Becoming the parent of the orphans among our descendants."""

import sys


def become_subreaper() -> bool:
    """On Linux, have the orphans of our services become our children, so that none gets away. True if granted."""
    if sys.platform != "linux":
        return False
    import ctypes

    set_child_subreaper = 36  # PR_SET_CHILD_SUBREAPER, prctl(2)
    return bool(ctypes.CDLL(None, use_errno=True).prctl(set_child_subreaper, 1, 0, 0, 0) == 0)
