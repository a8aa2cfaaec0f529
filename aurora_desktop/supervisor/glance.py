"""A cheap first look at the memory of many processes, for what is looked at often."""

import sys
from typing import Protocol

from aurora_desktop.supervisor.processes import ProcessTable


class Glance(Protocol):
    """Remembers what it looked at; used from the loop's thread alone."""

    def of(self, root: int) -> int | None:
        """Resident bytes of the process and its descendants; `None` when only a proper look can tell."""
        ...

    def tidy(self) -> None:
        """Forget what was not looked at since the last time; called after each round."""
        ...

    def close(self) -> None: ...


def memory_glance(table: ProcessTable) -> Glance | None:
    """That of this platform, if it has one."""
    if sys.platform == "linux":
        from aurora_desktop.supervisor.glance_linux import LinuxGlance

        return LinuxGlance(table.children)
    return None
