"""Windows by user32, as much as the policy needs: class, title, process."""

import sys

from aurora_desktop.input.messages import Window

from .protocol import Area

if sys.platform == "win32":
    import ctypes
    from ctypes import wintypes

    _LONGEST = 512
    _ROOT = 2  # GA_ROOT
    _user32 = ctypes.WinDLL("user32", use_last_error=True)
    _user32.WindowFromPoint.argtypes = [wintypes.POINT]
    for _function in (_user32.WindowFromPoint, _user32.GetForegroundWindow, _user32.GetAncestor):
        _function.restype = wintypes.HWND

    def window_at(x: int, y: int) -> Window | None:
        """The top-level window under a place."""
        handle = _user32.WindowFromPoint(wintypes.POINT(x, y))
        return _window(_user32.GetAncestor(handle, _ROOT)) if handle else None

    def windows() -> tuple[Window, ...]:
        """Visible top-level windows with a title, the front one first: that is the order in which they are told."""
        handles: list[int] = []
        told = ctypes.WINFUNCTYPE(wintypes.BOOL, wintypes.HWND, wintypes.LPARAM)
        keep = told(lambda handle, _: handles.append(handle) is None)
        _user32.EnumWindows(keep, 0)
        found = [_window(handle) for handle in handles if _user32.IsWindowVisible(wintypes.HWND(handle))]
        return tuple(window for window in found if window is not None and window.title)

    def focused() -> Window | None:
        """The window in the foreground."""
        return _window(_user32.GetForegroundWindow())

    def area(window: int) -> Area | None:
        """With its frame."""
        rect = wintypes.RECT()
        if not _user32.GetWindowRect(wintypes.HWND(window), ctypes.byref(rect)):
            return None
        return Area(rect.left, rect.top, rect.right - rect.left, rect.bottom - rect.top)

    def _window(handle: int | None) -> Window | None:
        if not handle:
            return None
        name, title = ctypes.create_unicode_buffer(_LONGEST), ctypes.create_unicode_buffer(_LONGEST)
        _user32.GetClassNameW(wintypes.HWND(handle), name, _LONGEST)
        _user32.GetWindowTextW(wintypes.HWND(handle), title, _LONGEST)
        pid = wintypes.DWORD()
        _user32.GetWindowThreadProcessId(wintypes.HWND(handle), ctypes.byref(pid))
        return Window(id=handle, window_class=name.value, title=title.value, pid=pid.value)
