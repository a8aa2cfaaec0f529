"""A display without a display, and time that passes only while somebody waits."""

from collections.abc import Callable, Sequence

from aurora_desktop.input.backends.protocol import Area, Around, CannotError, Key, ScreenLayout, Stroke
from aurora_desktop.input.messages import Window
from aurora_desktop.input.view import Display
from aurora_desktop.input.worker.brake import Brake
from aurora_desktop.input.worker.hand import Hand
from aurora_desktop.safety.permit import HeldTable, Permit, SharedPage, create_page

GENERATION = 3
SHIFT = Key(50, "shift")
LAYOUT = ScreenLayout((Display("D", 0, 0, 1000, 800, primary=True),), 1000, 800)
_FAR_FUTURE = 1 << 62


class FakeLine:
    """Main's voice. `at_wait` is called with the number of each wait, so that a test can interfere at any moment."""

    def __init__(self) -> None:
        self.problem = ""
        self.cancelled: set[int] = set()
        self.time = 100.0
        self.waits = 0
        self.longest_wait_s = 0.0
        self.at_wait: Callable[[int], None] = lambda _number: None

    def wait(self, timeout_s: float) -> None:
        self.time += timeout_s
        self.longest_wait_s = max(self.longest_wait_s, timeout_s)
        self.waits += 1
        self.at_wait(self.waits)

    def is_cancelled(self, action_id: int) -> bool:
        return action_id in self.cancelled


class FakeBackend:
    """Keeps what it was sent; capitals need Shift. `at_event` is called after each event with its number."""

    name = "fake"

    def __init__(self) -> None:
        self.sent: list[tuple[str, object]] = []
        self.down: set[object] = set()
        self.pointer = (500, 400)
        self.is_frozen, self._moved_to = False, self.pointer
        self.typed = ""
        self.modifiers_of_others = ""
        self.focus = 1
        self.keyboard = 1
        self.ended = 0
        self.at_event: Callable[[int], None] = lambda _number: None

    def begin_action(self) -> None:
        """Nothing to look at."""

    def around(self, held: frozenset[int]) -> Around:
        return Around(self.pointer, self.focus, self.modifiers_of_others, self.keyboard)

    def move(self, x: int, y: int) -> tuple[int, int]:
        self._sent("move", (x, y))
        self._moved_to = (x, y)
        if not self.is_frozen:
            self.pointer = self._moved_to
        return self.pointer

    def thaw(self) -> None:
        """The pointer, held still by a window manager, goes on to where it was sent."""
        self.is_frozen, self.pointer = False, self._moved_to

    def button(self, number: int, *, down: bool) -> None:
        self._note(("button", number), down=down)

    def key(self, key: Key, *, down: bool) -> None:
        if down and len(key.name) == 1:
            self.typed += key.name.upper() if ("key", SHIFT.code) in self.down else key.name
        self._note(("key", key.code), down=down)

    def chord_problem(self, keys: str) -> str:
        return "no such key" if keys == "unknown" else ""

    def chord(self, keys: str) -> tuple[Key, ...]:
        return tuple(Key(100 + len(name), name) for name in keys.split("+"))

    def text_problem(self, text: str) -> str:
        return "cannot be typed: U+001B" if "\x1b" in text else ""

    def is_ready_for(self, character: str) -> bool:
        if character == "?":
            raise CannotError("the window does not answer")
        return True

    def stroke(self, character: str) -> Stroke:
        return Stroke((SHIFT,) if character.isupper() else (), Key(ord(character) % 40, character.lower()))

    def is_text_read(self) -> bool:
        return True

    def end_text(self) -> None:
        self.ended += 1

    def _note(self, what: tuple[str, int], *, down: bool) -> None:
        (self.down.add if down else self.down.discard)(what)
        self._sent("press" if down else "release", what)

    def _sent(self, kind: str, what: object) -> None:
        self.sent.append((kind, what))
        self.at_event(len(self.sent))


class FakeDesktop:
    """One window everywhere."""

    def __init__(self) -> None:
        self.window: Window | None = Window(7, "editor", "notes")

    def layout(self) -> ScreenLayout:
        return LAYOUT

    def has_changed(self) -> bool:
        return False

    def windows_at(self, places: Sequence[tuple[int, int]]) -> tuple[Window | None, ...]:
        return tuple(self.window_at(x, y) for x, y in places)

    def window_at(self, x: int, y: int) -> Window | None:
        return self.window

    def focused(self) -> Window | None:
        return self.window

    def area(self, window: int) -> Area | None:
        return Area(100, 100, 600, 400) if self.window is not None and window == self.window.id else None

    def is_focused(self, window: int, around: Around) -> bool:
        return around.focus == window

    def offer(self, text: str, window: Window | None, *, secret: bool) -> "FakeOffer":
        self.offered = FakeOffer()
        return self.offered

    def paste_keys(self, window: Window | None) -> str:
        return "ctrl+v"

    def close(self) -> None:
        """Nothing is held open."""


class FakeOffer:
    def __init__(self) -> None:
        self.restored = False

    def is_ready(self) -> bool:
        return True

    def is_taken(self) -> bool:
        return True

    def restore(self) -> None:
        self.restored = True


class Bench:
    """A hand on fakes, with real pages of permit and held table."""

    def __init__(self, *, max_hold_s: float = 10.0, corners: bool = True) -> None:
        import os

        self._fds = create_page("permit"), create_page("held")
        self._pages = [SharedPage(fd, writable=True) for fd in self._fds]
        for fd in self._fds:
            os.close(fd)
        self.permit, self.held = Permit(self._pages[0]), HeldTable(self._pages[1])
        self.permit.grant(GENERATION, _FAR_FUTURE)
        self.line, self.backend, self.desktop = FakeLine(), FakeBackend(), FakeDesktop()
        self.orphan = False
        self.brake = Brake(self.permit, GENERATION, self.line, lambda: self.orphan, lambda: self.line.time)
        self.brake.interval_s = 0.005
        self.hand = Hand(self.backend, self.held, self.brake, lambda: LAYOUT, max_hold_s=max_hold_s, corners=corners)

    def close(self) -> None:
        for page in self._pages:
            page.close()
