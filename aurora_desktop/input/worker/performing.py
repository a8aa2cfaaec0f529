"""Each action as moves, presses and releases of the hand."""

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from aurora_desktop.input.actions import (
    Action,
    CursorPosition,
    DoubleClick,
    DragPath,
    HoldKey,
    Key,
    LeftClick,
    LeftClickDrag,
    LeftMouseDown,
    LeftMouseUp,
    ListWindows,
    MiddleClick,
    MouseMove,
    Paste,
    Point,
    ReleaseAll,
    RightClick,
    Screenshot,
    Scroll,
    TripleClick,
    Type,
    Wait,
    Zoom,
)
from aurora_desktop.input.backends.characters import normal_text
from aurora_desktop.input.backends.protocol import (
    LEFT,
    MIDDLE,
    RIGHT,
    WHEEL_DOWN,
    WHEEL_LEFT,
    WHEEL_RIGHT,
    WHEEL_UP,
    Desktop,
)

from .brake import SLICE_S, BrokenError
from .hand import Hand
from .pictures import Pictures
from .typing import Typist

_CLICKS: dict[type[Action], tuple[int, int]] = {
    LeftClick: (LEFT, 1),
    RightClick: (RIGHT, 1),
    MiddleClick: (MIDDLE, 1),
    DoubleClick: (LEFT, 2),
    TripleClick: (LEFT, 3),
}
_BUTTONS = {"left": LEFT, "middle": MIDDLE, "right": RIGHT}
# With a button held, these go on holding it.
KEEP_HOLDING = (LeftMouseDown, MouseMove, Wait, Screenshot, Zoom, CursorPosition, ListWindows, Scroll, Key, HoldKey)
_STEP_S = 0.01  # of a movement that takes time
_DRAG_STEPS = 8  # at least: programs begin a drag only after some movement
_MOST_WINDOWS, _MOST_TITLE = 100, 200
_PASTE_READY_S, _PASTE_TAKEN_S = 3.0, 3.0
_PASTE_SETTLE_S = 0.15  # some programs ask for the content twice

Pixel = tuple[int, int]
Result = dict[str, Any] | None


def _pixel(point: Point) -> Pixel:
    return int(point.x), int(point.y)


class Performer:
    """Raises what the hand raises, and CannotError."""

    def __init__(self, hand: Hand, typist: Typist, desktop: Desktop, pictures: Pictures) -> None:
        self._hand, self._typist, self._desktop, self._pictures = hand, typist, desktop, pictures

    def perform(self, action: Action) -> Result:
        """Do it; returns what it gives back."""
        if type(action) in _CLICKS:
            return self._click(action)
        return self._ways()[type(action)](action)

    def problem(self, action: Action) -> str:
        """Why it cannot be done at all, or ""; before anything is sent."""
        backend = self._hand.backend
        match action:
            case Type():
                return backend.text_problem(normal_text(action.text))
            case Key() | HoldKey():
                return backend.chord_problem(action.keys)
            case LeftClickDrag() | DragPath():
                if problem := self._drag_problem(action):
                    return problem
        modifiers = getattr(action, "modifiers", "")
        return backend.chord_problem(modifiers) if modifiers else ""

    def _drag_problem(self, action: LeftClickDrag | DragPath) -> str:
        points = len(action.points) if isinstance(action, DragPath) else _DRAG_STEPS
        duration_s = max(action.duration_s, points * self._hand.brake.interval_s)
        if duration_s <= self._hand.max_hold_s:
            return ""
        return f"it takes {duration_s:g} s, but a button may be held for {self._hand.max_hold_s:g} s only"

    def _ways(self) -> dict[type[Any], Callable[[Any], Result]]:
        return {
            MouseMove: self._move,
            LeftClickDrag: self._drag,
            DragPath: self._drag_path,
            LeftMouseDown: self._down,
            LeftMouseUp: self._up,
            Scroll: self._scroll,
            Key: self._key,
            HoldKey: self._hold_key,
            Type: self._type,
            Paste: self._paste,
            Wait: self._wait,
            Screenshot: self._screenshot,
            Zoom: self._zoom,
            CursorPosition: self._cursor,
            ListWindows: self._list_windows,
            ReleaseAll: self._release_all,
        }

    # --- mouse ------------------------------------------------------------------------------------------------------

    def _move(self, action: MouseMove) -> Result:
        self._glide((_pixel(action.at),), action.duration_s)
        return None

    def _click(self, action: Any) -> Result:
        button, count = _CLICKS[type(action)]
        with self._hand.unbroken(), self._holding(action.modifiers):
            self._go(action.at)
            for _ in range(count):
                self._hand.press_button(button)
                self._hand.release_button(button)
        return None

    def _drag(self, action: LeftClickDrag) -> Result:
        with self._hand.unbroken(), self._holding(action.modifiers):
            self._go(action.start)
            self._hand.press_button(LEFT)
            self._glide((_pixel(action.to),), action.duration_s, _DRAG_STEPS)
            self._hand.release_button(LEFT)
        return None

    def _drag_path(self, action: DragPath) -> Result:
        button = _BUTTONS[action.button]
        first, *others = (_pixel(point) for point in action.points)
        with self._hand.unbroken(), self._holding(action.modifiers):
            self._hand.move(*first)
            self._hand.press_button(button)
            self._glide(others, action.duration_s)
            self._hand.release_button(button)
        return None

    def _down(self, action: LeftMouseDown) -> Result:
        with self._hand.unbroken():
            self._go(action.at)
            if LEFT not in self._hand.buttons:
                self._hand.press_button(LEFT)
        return None

    def _up(self, action: LeftMouseUp) -> Result:
        self._go(action.at)
        self._hand.release_button(LEFT)
        return None

    def _scroll(self, action: Scroll) -> Result:
        turns = (
            (WHEEL_DOWN if action.dy > 0 else WHEEL_UP, action.dy),
            (WHEEL_RIGHT if action.dx > 0 else WHEEL_LEFT, action.dx),
        )
        with self._hand.unbroken(), self._holding(action.modifiers):
            self._go(action.at)
            for button, notches in turns:
                for _ in range(abs(notches)):
                    self._hand.press_button(button)
                    self._hand.release_button(button)
        return None

    def _go(self, point: Point | None) -> None:
        if point is not None:
            self._hand.move(*_pixel(point))

    def _glide(self, points: Sequence[Pixel], duration_s: float, least: int = 1) -> None:
        """Through the points in this time, evenly by their number."""
        each_s = duration_s / len(points)
        steps = max(least, math.ceil(each_s / _STEP_S))
        place = self._hand.look().pointer
        for point in points:
            for x, y in _line(place, point, steps):
                self._hand.move(x, y)
                self._hand.wait(each_s / steps)
            place = point

    @contextmanager
    def _holding(self, modifiers: str) -> Iterator[None]:
        if not modifiers:
            yield
            return
        keys = self._typist.hold(modifiers)
        yield  # what breaks off releases everything anyway
        for key in reversed(keys):
            self._hand.release(key)

    # --- keyboard ---------------------------------------------------------------------------------------------------

    def _key(self, action: Key) -> Result:
        self._typist.press_together(action.keys, presses=action.presses)
        return None

    def _hold_key(self, action: HoldKey) -> Result:
        self._typist.press_together(action.keys, action.duration_s)
        return None

    def _type(self, action: Type) -> Result:
        self._typist.type(normal_text(action.text), action.interval_s)
        return None

    def _paste(self, action: Paste) -> Result:
        self._hand.look()
        window = self._desktop.focused()
        offer = self._desktop.offer(normal_text(action.text), window, secret=action.secret)
        try:
            if not self._until(offer.is_ready, _PASTE_READY_S):
                raise BrokenError("the clipboard could not be taken")
            self._typist.press_together(self._desktop.paste_keys(window))
            if not self._until(offer.is_taken, _PASTE_TAKEN_S):
                raise BrokenError("nothing took the text from the clipboard")
            self._hand.brake.wait(_PASTE_SETTLE_S)
        finally:
            offer.restore()
        return None

    def _until(self, question: Callable[[], bool], patience_s: float) -> bool:
        end = self._hand.brake.now() + patience_s
        while not question():
            if self._hand.brake.now() > end:
                return False
            self._hand.brake.wait(SLICE_S)
        return True

    # --- the rest ---------------------------------------------------------------------------------------------------

    def _wait(self, action: Wait) -> Result:
        self._hand.wait(action.duration_s)
        return None

    def _screenshot(self, action: Screenshot) -> Result:
        return self._pictures.screenshot(action.display, action.max_width, action.max_height)

    def _zoom(self, action: Zoom) -> Result:
        (x0, y0), (x1, y1) = _pixel(action.corner), _pixel(action.opposite)
        return self._pictures.rectangle(min(x0, x1), min(y0, y1), abs(x1 - x0), abs(y1 - y0))

    def _cursor(self, _action: CursorPosition) -> Result:
        x, y = self._hand.look().pointer
        return {"x": x, "y": y}

    def _list_windows(self, _action: ListWindows) -> Result:
        focused = self._desktop.focused()
        windows = self._desktop.windows()
        front = [(window, area) for window in windows[:_MOST_WINDOWS] if (area := self._desktop.area(window.id))]
        return {
            "windows": [
                {
                    "id": window.id,
                    "title": window.title[:_MOST_TITLE],
                    "window_class": window.window_class,
                    "pid": window.pid,
                    **area._asdict(),
                    "focused": focused is not None and window.id == focused.id,
                }
                for window, area in front
            ],
            "omitted": max(0, len(windows) - _MOST_WINDOWS),
        }

    def _release_all(self, _action: ReleaseAll) -> Result:
        self._hand.let_go()
        return None


def _line(start: Pixel, end: Pixel, steps: int) -> Iterator[Pixel]:
    for step in range(1, steps + 1):
        part = step / steps
        yield round(start[0] + (end[0] - start[0]) * part), round(start[1] + (end[1] - start[1]) * part)
