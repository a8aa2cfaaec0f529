"""Windows as people see them: under a place, and the one with the keyboard."""

from collections.abc import Sequence

from aurora_desktop.input.backends.protocol import Area
from aurora_desktop.input.messages import Window

from .connection import Connection, numbers_of

OVERLAY_CLASS = "aurora-overlay"
_DESCRIPTION = ("WM_CLASS", "WM_TRANSIENT_FOR", "_NET_WM_PID", "_NET_WM_NAME", "WM_NAME")
_MAX_DEPTH = 12
_VIEWABLE = 2
_NOBODY, _POINTER_ROOT = 0, 1  # the focus: nowhere, or wherever the pointer is


class Windows:
    """Finds the client windows below the frames of window managers. Calls may raise DisplayLostError."""

    def __init__(self, connection: Connection) -> None:
        self._x = connection
        self._clients: dict[int, int] = {}  # focus window to client window, until the focus moves

    def at(self, x: int, y: int) -> Window | None:
        """The window under a place; None for the bare desktop. Our own overlay is looked through."""
        return self.at_each([(x, y)])[0]

    def at_each(self, places: Sequence[tuple[int, int]]) -> tuple[Window | None, ...]:
        """The same for many places: asked all at once, and each window is described once."""
        root, ask = self._x.root, self._x.core.TranslateCoordinates
        tops = [reply.child for reply in self._x.ask(*[ask(root, root, x, y) for x, y in places])]
        found = {top: self._window(self._client(top)) if top else None for top in dict.fromkeys(tops)}
        return tuple(self._seen(found[top], place) for top, place in zip(tops, places, strict=True))

    def _seen(self, window: Window | None, place: tuple[int, int]) -> Window | None:
        is_ours = window is not None and window.window_class == OVERLAY_CLASS
        return self._below_overlay(*place) if is_ours else window

    def all(self) -> tuple[Window, ...]:
        """As the window manager lists them, the front one first; without one those on the screen. Not our overlay."""
        names = ("_NET_CLIENT_LIST_STACKING", "_NET_CLIENT_LIST")
        managed = next(filter(None, (self._x.numbers(self._x.root, name) for name in names)), ())
        found = [self._window(window) for window in reversed(managed or self._on_screen())]
        return tuple(window for window in found if window.window_class != OVERLAY_CLASS)

    def _on_screen(self) -> tuple[int, ...]:
        [tree] = self._x.ask(self._x.core.QueryTree(self._x.root))
        asked = [(top, self._x.core.GetWindowAttributes(top)) for top in tree.children]
        seen = [(top, self._x.maybe(cookie)) for top, cookie in asked]
        return tuple(self._client(top) for top, found in seen if found is not None and found.map_state == _VIEWABLE)

    def focused(self) -> Window | None:
        """The window with the keyboard; None if none has it."""
        [reply] = self._x.ask(self._x.core.GetInputFocus())
        client = self.client_of_focus(reply.focus)
        return self._window(client) if client else None

    def area(self, window: int) -> Area | None:
        """Without the frame of the window manager; None for a window that is gone."""
        size = self._x.maybe(self._x.core.GetGeometry(window))
        corner = self._x.maybe(self._x.core.TranslateCoordinates(window, self._x.root, 0, 0))
        if size is None or corner is None:
            return None
        return Area(corner.dst_x, corner.dst_y, size.width, size.height)

    def client_of_focus(self, focus: int) -> int:
        """The client window that a focused window belongs to; 0 for none."""
        if focus == _POINTER_ROOT:
            return self._under_pointer()
        if focus in (_NOBODY, self._x.root):  # the active window changes without the focus
            active = self._x.numbers(self._x.root, "_NET_ACTIVE_WINDOW") if focus else ()
            return active[0] if active else 0
        if focus not in self._clients:
            self._clients = {focus: self._find_client(focus)}
        return self._clients[focus]

    def _find_client(self, focus: int) -> int:
        window = focus
        for _ in range(_MAX_DEPTH):
            if self._x.property(window, "WM_STATE"):
                return window
            tree = self._x.maybe(self._x.core.QueryTree(window))
            if tree is None or tree.parent in (0, self._x.root):
                return window
            window = tree.parent
        return window

    def _under_pointer(self) -> int:
        [reply] = self._x.ask(self._x.core.QueryPointer(self._x.root))
        return self._client(reply.child) if reply.child else 0

    def _client(self, window: int) -> int:
        """The window with WM_STATE at or below this one; itself where there is none (menus, tooltips)."""
        level = [window]
        for _ in range(_MAX_DEPTH):
            pending = [self._x.core.QueryTree(candidate) for candidate in level]  # on its way with the states
            states = self._x.properties(*[(candidate, "WM_STATE") for candidate in level])
            trees = [self._x.maybe(cookie) for cookie in pending]
            if found := next((candidate for candidate, state in zip(level, states, strict=True) if state), 0):
                return found
            level = [child for tree in trees if tree is not None for child in tree.children]
            if not level:
                break
        return window

    def _below_overlay(self, x: int, y: int) -> Window | None:
        [tree] = self._x.ask(self._x.core.QueryTree(self._x.root))
        for top in reversed(list(tree.children)):
            if self._covers(top, x, y):
                window = self._window(self._client(top))
                if window.window_class != OVERLAY_CLASS:
                    return window
        return None

    def _covers(self, window: int, x: int, y: int) -> bool:
        attributes = self._x.maybe(self._x.core.GetWindowAttributes(window))
        place = self._x.maybe(self._x.core.GetGeometry(window))
        if attributes is None or place is None or attributes.map_state != _VIEWABLE:
            return False
        border = 2 * place.border_width
        return bool(0 <= x - place.x < place.width + border and 0 <= y - place.y < place.height + border)

    def _window(self, window: int) -> Window:
        own_class, owners, pids, *titles = self._x.properties(*[(window, name) for name in _DESCRIPTION])
        owner, pid = numbers_of(owners), numbers_of(pids)
        window_class = _class_name(own_class)
        if not window_class and owner:
            window_class = _class_name(self._x.property(owner[0], "WM_CLASS"))
        title = next(filter(None, titles), b"").decode("utf-8", "replace")
        return Window(id=window, window_class=window_class, title=title, pid=pid[0] if pid else 0)


def _class_name(raw: bytes) -> str:
    instance, _, window_class = raw.partition(b"\0")
    name = window_class.strip(b"\0") or instance
    return OVERLAY_CLASS if instance == OVERLAY_CLASS.encode() else name.decode("utf-8", "replace")
