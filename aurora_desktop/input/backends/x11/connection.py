"""One connection to the X server: requests, events that came in, and errors in our own words."""

import importlib
from collections.abc import Callable
from typing import Any, TypeVar

from aurora_desktop.input.backends.protocol import DisplayLostError

T = TypeVar("T")
_EXTENSIONS = ("xproto", "xtest", "xkb", "randr", "shape")
ANY_PROPERTY_TYPE = 0
_PROPERTY_WORDS = 1 << 20
_EVENT_MASK = 0x800  # CWEventMask
_STRUCTURE_NOTIFY = 0x20000


class Connection:
    """Whatever fails below comes out as DisplayLostError. xcffib has no types: its objects are `Any` here."""

    def __init__(self) -> None:
        """To the display of the environment. Raises DisplayLostError."""
        xcffib: Any = importlib.import_module("xcffib")
        self.modules: dict[str, Any] = {
            name: importlib.import_module(f"xcffib.{name}") for name in _EXTENSIONS
        }  # before connecting: that is when xcffib learns their events
        self._errors: tuple[type[Exception], ...] = (xcffib.XcffibException, xcffib.ConnectionException)
        self.xcb: Any = self._guarded(xcffib.connect)
        send = self.xcb.send_request
        self.xcb.send_request = lambda *request: self._guarded(lambda: send(*request))
        self.core: Any = self.xcb.core
        self.root: int = self.xcb.get_setup().roots[self.xcb.pref_screen].root
        self.listeners: list[Callable[[Any], None]] = []
        self._atoms: dict[str, int] = {}
        self.hear_of_root()

    def hear_of_root(self, more: int = 0) -> None:
        """What happens to the root window is always heard (that is how new monitors are told), and the mask `more`."""
        self.core.ChangeWindowAttributes(self.root, _EVENT_MASK, [_STRUCTURE_NOTIFY | more])

    def extension(self, name: str) -> Any:
        return self.xcb(self.modules[name].key)

    def pointer_for_c(self) -> int:
        """The address of the `xcb_connection_t`, for libraries that share it."""
        ffi: Any = importlib.import_module("xcffib.ffi").ffi
        return int(ffi.cast("uintptr_t", self.xcb._conn))

    def ask(self, *cookies: Any) -> list[Any]:
        """The replies to requests that are on their way, all in one round trip. Raises DisplayLostError."""
        return self._guarded(lambda: [cookie.reply() for cookie in cookies])

    def maybe(self, cookie: Any) -> Any | None:
        """The reply, or None when what it asked about (a window) is gone. Raises DisplayLostError."""
        try:
            return cookie.reply()
        except self._errors as error:
            self._raise_if_lost(error)
            return None

    def sync(self) -> None:
        """Return once the server has done everything so far. Raises DisplayLostError, also for a refused request."""
        self.ask(self.core.GetInputFocus())
        self.pump()

    def pump(self) -> None:
        """Hand out the events that came in. Raises DisplayLostError, also when a request was refused."""
        while (event := self._guarded(self.xcb.poll_for_event)) is not None:
            for listener in self.listeners:
                listener(event)

    def atom(self, name: str) -> int:
        if name not in self._atoms:
            [reply] = self.ask(self.core.InternAtom(False, len(name), name))  # noqa: FBT003 - X's own order: only_if_exists
            self._atoms[name] = reply.atom
        return self._atoms[name]

    def atom_name(self, atom: int) -> str:
        [reply] = self.ask(self.core.GetAtomName(atom))
        return bytes(reply.name.raw).decode("latin-1")

    def property(self, window: int, name: str) -> bytes:
        """The raw value of a window's property, b"" if it has none."""
        [value] = self.properties((window, name))
        return value

    def properties(self, *wanted: tuple[int, str]) -> list[bytes]:
        """The raw values of properties, each of a window by its name, all in one round trip."""
        pending = [
            self.core.GetProperty(0, window, self.atom(name), ANY_PROPERTY_TYPE, 0, _PROPERTY_WORDS)
            for window, name in wanted
        ]
        replies = [self.maybe(cookie) for cookie in pending]
        return [b"" if reply is None else bytes(reply.value.raw) for reply in replies]

    def numbers(self, window: int, name: str) -> tuple[int, ...]:
        """A property of 32-bit numbers (windows, atoms, cardinals)."""
        return numbers_of(self.property(window, name))

    def close(self) -> None:
        self.xcb.disconnect()

    def _guarded(self, call: Callable[[], T]) -> T:
        try:
            return call()
        except self._errors as error:
            raise DisplayLostError(self._words(error)) from error

    def _raise_if_lost(self, error: Exception) -> None:
        if self.xcb.has_error():
            raise DisplayLostError(self._words(error)) from error

    def _words(self, error: Exception) -> str:
        lost = not hasattr(self, "xcb") or self.xcb.has_error()
        return "the display is gone" if lost else f"the display refused a request: {type(error).__name__}"


def numbers_of(value: bytes) -> tuple[int, ...]:
    """The 32-bit numbers of a property's raw value."""
    return tuple(memoryview(value[: len(value) // 4 * 4]).cast("I"))
