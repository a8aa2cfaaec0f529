"""What keeps Qt's binding small; measured with PySide6 6.11 on Python 3.11."""

import contextlib
import linecache


def load_shiboken() -> None:
    """Import shiboken6 without its look into the source of every module that is imported after it.

    It looks for a use of PySide6, for the sake of its `__feature__` switches, which nothing here uses: 12 MB of source
    lines stay in `linecache`, and a start takes a tenth of a second more. To be called before PySide6 is imported.
    """
    import shiboken6  # noqa: F401  # brings `shibokensupport` along

    with contextlib.suppress(ImportError, AttributeError):  # an inner matter of it, which another version may not have
        from shibokensupport import feature

        if callable(feature._mod_uses_pyside):
            feature._mod_uses_pyside = _uses_no_switches
    linecache.clearcache()


def _uses_no_switches(_module: object) -> bool:
    return False
