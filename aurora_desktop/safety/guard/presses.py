"""Rules about presses, without a display: confirmations, second presses, and the operator's own use of the devices."""

from collections import deque
from typing import Literal, NamedTuple

from aurora_desktop.safety.messages import HOLD_S, SECOND_PRESS_S

TIME_TOLERANCE_MS = 2
QUIET_BEFORE_MS = 100
QUIET_AFTER_S = 1.0
_REMEMBERED = 64
_WRAP_MS = 1 << 32

PressKind = Literal["key", "button"]


class RawInput(NamedTuple):
    """One raw event. `x_time`: the display's clock in ms, `at`: ours in s; `physical`: of a device of the operator."""

    kind: Literal["key", "button", "motion"]
    pressed: bool
    code: int
    device: int
    physical: bool
    x_time: int
    at: float


def elapsed_ms(earlier: int, later: int) -> int:
    """Between two times of the display, whose 32 bits run over every 50 days; negative when they are the other way."""
    difference = (later - earlier) % _WRAP_MS
    return difference - _WRAP_MS if difference >= _WRAP_MS // 2 else difference


class _Press:
    def __init__(self, event: RawInput) -> None:
        self.event = event
        self.held_ms: int | None = None


class PressLog:
    """The operator's last presses and the last sign of synthetic input: enough to judge a confirmation."""

    def __init__(self) -> None:
        self._presses: deque[_Press] = deque(maxlen=_REMEMBERED)
        self._synthetic_at: int | None = None

    def record(self, event: RawInput) -> None:
        if not event.physical:
            self._synthetic_at = event.x_time
        elif event.kind != "motion":
            self._record_press(event)

    def _record_press(self, event: RawInput) -> None:
        still_down = self._still_down(event)
        if event.pressed and still_down is None:
            self._presses.append(_Press(event))
        elif not event.pressed and still_down is not None:
            still_down.held_ms = elapsed_ms(still_down.event.x_time, event.x_time)

    def _still_down(self, event: RawInput) -> _Press | None:
        same = (p for p in self._presses if p.held_ms is None and _place(p.event) == _place(event))
        return next(same, None)

    def missing_s(self, pressed_at: int, kind: PressKind, now: float) -> float:
        """How much longer this press must be held before it can be judged; 0.0 when it can be now."""
        press = self._find(pressed_at, kind)
        if press is None or press.held_ms is not None:
            return 0.0
        return max(0.0, press.event.at + HOLD_S - now)

    def pressed_at_s(self, pressed_at: int, kind: PressKind) -> float:
        """When that press reached us, on the monotonic clock; 0.0 when there was none."""
        press = self._find(pressed_at, kind)
        return press.event.at if press is not None else 0.0

    def refusal(self, pressed_at: int, kind: PressKind) -> str:
        """Why this press confirms nothing, or "" when it does; to be asked once `missing_s` is 0."""
        press = self._find(pressed_at, kind)
        if press is None:
            return "no key or button of the operator's own devices was pressed then; a program may have sent it"
        if press.held_ms is not None and press.held_ms < HOLD_S * 1000:
            return f"it was held for {press.held_ms / 1000:.1f} s instead of {HOLD_S:g} s"
        if self._synthetic_at is not None and elapsed_ms(press.event.x_time, self._synthetic_at) >= -QUIET_BEFORE_MS:
            return "a program sent input of its own around that press"
        return ""

    def _find(self, pressed_at: int, kind: PressKind) -> _Press | None:
        for press in reversed(self._presses):
            near = abs(elapsed_ms(press.event.x_time, pressed_at)) <= TIME_TOLERANCE_MS
            if near and press.event.kind == kind:
                return press
        return None


def _place(event: RawInput) -> tuple[int, str, int]:
    return event.device, event.kind, event.code


class PressCounter:
    """Tells one press that several detectors report from two presses within SECOND_PRESS_S.

    A detector that reports the second time within that span has seen a second press; another one that reports for
    the first time has seen the same.
    """

    def __init__(self) -> None:
        self._since: float | None = None
        self._seen: dict[str, int] = {}

    def count(self, detector: str, now: float) -> Literal["first", "same", "second"]:
        if self._since is None or now - self._since > SECOND_PRESS_S:
            self._since, self._seen = now, {detector: 1}
            return "first"
        self._seen[detector] = self._seen.get(detector, 0) + 1
        twice = [name for name, times in self._seen.items() if times >= 2]
        return "second" if twice == [detector] and self._seen[detector] == 2 else "same"


class HumanWatch:
    """Whether the operator's own devices are in use while an agent acts; quiet again after QUIET_AFTER_S."""

    def __init__(self) -> None:
        self.is_active = False
        self._last: float = 0.0

    def touched(self, now: float) -> bool:
        """They were used; whether that is news."""
        self._last = now
        news, self.is_active = not self.is_active, True
        return news

    def quiet_in_s(self, now: float) -> float:
        """Seconds until it counts as quiet."""
        return self._last + QUIET_AFTER_S - now

    def calm(self) -> None:
        self.is_active = False
