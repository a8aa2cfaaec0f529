"""Importing msgspec without what it does not need."""

import sys


def import_msgspec_lean() -> None:
    """msgspec takes from `typing` what it does not find in `typing_extensions`, whose import costs a worker 5 MB.

    Barred for this import alone: libraries of an adapter may need it.
    """
    name = "typing_extensions"
    if name in sys.modules or "msgspec" in sys.modules:
        return
    sys.modules[name] = None  # type: ignore[assignment]  # None bars an import, by the language
    try:
        import msgspec  # noqa: F401 - for its effect
    finally:
        del sys.modules[name]
