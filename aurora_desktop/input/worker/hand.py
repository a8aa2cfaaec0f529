"""The one place from which events go out: permit, operator, corners, held table around each of them."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from aurora_desktop.input.backends.protocol import Around, DisplayLostError, InputBackend, Key, ScreenLayout
from aurora_desktop.safety.permit import HeldTable

from .brake import SLICE_S, Brake, BrokenError, LetGoError

T = TypeVar("T")
CORNER_REASON = "failsafe corner"
ARRIVAL_S = 0.5


def is_corner(place: tuple[int, int], layout: ScreenLayout) -> bool:
    """Whether the place is a corner pixel of the desktop."""
    return place[0] in (0, layout.width - 1) and place[1] in (0, layout.height - 1)


class Hand:
    """Presses, releases, moves. Raises what the brake raises, DisplayLostError, BrokenError, LetGoError.

    `layout`: the desktop as it is now. `max_hold_s`: whatever is held is released after this. `corners`: whether the
    pointer in a corner stops everything.
    """

    def __init__(
        self,
        backend: InputBackend,
        held: HeldTable,
        brake: Brake,
        layout: Callable[[], ScreenLayout],
        *,
        max_hold_s: float,
        corners: bool,
    ) -> None:
        self.backend, self.brake = backend, brake
        self._held, self.layout, self._corners = held, layout, corners
        self._keys: dict[int, Key] = {}
        self._buttons: list[int] = []
        self.max_hold_s = max_hold_s
        self._held_since = 0.0
        self._unbroken_from: int | None = None
        self.human_active = False
        self.before_first: Callable[[Around], None] | None = None
        self.before_key: Callable[[Around], None] | None = None
        self.examine_screen: Callable[[], None] | None = None

    @property
    def events(self) -> int:
        """Primitive events sent by this worker."""
        return self._held.events

    def is_in_doubt(self, events: int) -> bool:
        """Whether anything was or may have been sent since `events` were."""
        return self._held.events > events or self._held.in_flight

    @property
    def keys(self) -> frozenset[int]:
        """Codes of the keys that are down."""
        return frozenset(self._keys)

    @property
    def buttons(self) -> tuple[int, ...]:
        return tuple(self._buttons)

    @contextmanager
    def unbroken(self) -> Iterator[None]:
        """What happens inside is one whole: the operator coming in between ends the action."""
        self._unbroken_from = self.events
        try:
            yield
        finally:
            self._unbroken_from = None

    # --- events ---------------------------------------------------------------------------------------------------

    def move(self, x: int, y: int) -> None:
        self._before(1)
        self._held.begin_event()
        place = self.backend.move(x, y)
        self._held.end_event()
        if place != (x, y) and (place := self._let_it_arrive(x, y)) != (x, y):
            raise BrokenError(f"the pointer did not go to {x}, {y}, but to {place[0]}, {place[1]}")

    def _let_it_arrive(self, x: int, y: int) -> tuple[int, int]:
        """Where the pointer is in the end: a window manager that raises the window under a press holds it still."""
        end = self.brake.now() + ARRIVAL_S
        while (place := self.look().pointer) != (x, y) and self.brake.now() < end:
            self.wait(SLICE_S)
        return place

    def press_button(self, number: int) -> None:
        self._before(2)
        self._note_time()
        self._buttons.append(number)
        self._held.hold_button(number)
        self._held.begin_event()
        self.backend.button(number, down=True)
        self._held.end_event()

    def release_button(self, number: int) -> None:
        if number in self._buttons:
            self.brake.check()
            self._release_button(number)

    def press(self, key: Key) -> None:
        self._before(2, self.before_key)
        self._note_time()
        self._keys[key.code] = key
        self._held.hold_key(key.code)
        self._held.begin_event()
        self.backend.key(key, down=True)
        self._held.end_event()

    def release(self, key: Key) -> None:
        if key.code in self._keys:
            self.brake.check()
            self._release_key(key)

    def only_hold(self, modifiers: tuple[Key, ...]) -> None:
        """Exactly these keys are down afterwards."""
        wanted = {key.code for key in modifiers}
        for key in [key for code, key in self._keys.items() if code not in wanted]:
            self.release(key)
        for key in modifiers:
            if key.code not in self._keys:
                self.press(key)

    def wait(self, duration_s: float) -> None:
        """Time in which the operator may work: what is held is then released."""
        end = self.brake.now() + duration_s
        while (left := end - self.brake.now()) > 0:
            self.brake.wait(min(left, SLICE_S))
            self._give_way()
            self._limit_hold()

    def held_for_s(self) -> float:
        """How long something has been held down without a break; 0 while nothing is."""
        return self.brake.now() - self._held_since if self._keys or self._buttons else 0.0

    def look(self) -> Around:
        """The display now; the pointer in a corner ends the action."""
        around = self.backend.around(self.keys)
        if self._corners and is_corner(around.pointer, self.layout()):
            raise BrokenError(CORNER_REASON)
        return around

    # --- letting go -----------------------------------------------------------------------------------------------

    def let_go(self) -> bool:
        """Release everything that is held, without asking anybody; whether anything was. Raises DisplayLostError."""
        held_any = bool(self._keys or self._buttons)
        lost: DisplayLostError | None = None
        for button in reversed(self._buttons[:]):
            lost = self._attempt(self._release_button, button) or lost
        for key in reversed(list(self._keys.values())):
            lost = self._attempt(self._release_key, key) or lost
        if lost is not None:
            raise lost
        return held_any

    def _attempt(self, release: Callable[[T], None], what: T) -> DisplayLostError | None:
        try:
            release(what)
        except DisplayLostError as error:
            return error
        return None

    def _release_button(self, number: int) -> None:
        self._held.begin_event()
        self.backend.button(number, down=False)
        self._held.end_event()
        self._buttons.remove(number)
        self._held.drop_button(number)

    def _release_key(self, key: Key) -> None:
        self._held.begin_event()
        self.backend.key(key, down=False)
        self._held.end_event()
        del self._keys[key.code]
        self._held.drop_key(key.code)

    # --- before each event ----------------------------------------------------------------------------------------

    def _limit_hold(self) -> None:
        if self.held_for_s() > self.max_hold_s:
            raise BrokenError(f"held down for {self.max_hold_s:g} s, the limit of the settings")

    def _note_time(self) -> None:
        if not self._keys and not self._buttons:
            self._held_since = self.brake.now()

    def _before(self, events: int, examine: Callable[[Around], None] | None = None) -> None:
        while (left := self.brake.turn_in_s) > 0:
            self.brake.wait(min(left, SLICE_S))
            self._give_way()
        self.brake.take_turn(events)
        while True:
            self._give_way()
            self._limit_hold()
            around = self.look()
            for question in (self.before_first, examine):
                if question is not None:
                    question(around)
            if self.examine_screen is not None:
                self.examine_screen()
            self.brake.check()
            if not self.brake.is_paused:  # since we looked
                self.before_first = None
                return

    def _give_way(self) -> None:
        """While the operator works: hold nothing and wait. What cannot bear that ends."""
        if not self.brake.is_paused:
            return
        self.human_active = True
        released = self.let_go()
        self.brake.wait_for_quiet()
        if self._unbroken_from is not None and self.events > self._unbroken_from:
            raise BrokenError("the operator used mouse or keyboard", human=True)
        if released:
            raise LetGoError
