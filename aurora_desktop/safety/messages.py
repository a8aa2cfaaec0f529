"""What main and the guard say to each other: one JSON object per line on a socket that only they have."""

from typing import Literal

from msgspec import Struct

from aurora_desktop.safety.view import Mode

LEASE_RENEW_S = 0.05
LEASE_S = 0.15
DRILL_S = 30.0
SECOND_PRESS_S = 2.0
HOLD_S = 1.0
NO_KEYBOARD = "no physical keyboard: every keyboard of this display is synthetic"


class _ToGuard(Struct, frozen=True, tag_field="type", tag=str.lower):
    pass


class MarkedTree(Struct, frozen=True):
    """A running service with `on_estop`: its main process and the marker that its tree carries."""

    name: str
    action: Literal["freeze", "stop"]
    marker: str
    pid: int
    started: int


class Configure(_ToGuard, frozen=True):
    """How to watch. `hotkey`: modifiers and one key, `ctrl+alt+shift+escape`."""

    hotkey: str
    failsafe_corners: bool
    operator_first: bool
    pynput: bool = True


class Marked(_ToGuard, frozen=True):
    """The table of what to freeze or stop, whole, whenever it changed."""

    trees: tuple[MarkedTree, ...]


class ExpectPress(_ToGuard, frozen=True):
    """Watch for synthetic input from now on: a confirmation may follow."""


class Confirm(_ToGuard, frozen=True):
    """Was the press at the display's time `pressed_at` (ms) physical, held for HOLD_S and nothing synthetic since?"""

    id: int
    pressed_at: int
    kind: Literal["key", "button"]


class Arm(_ToGuard, frozen=True):
    """Spawn the worker and permit `generation`; the worker's socket comes along as a descriptor.

    `command`: the worker's argument list, to which the guard appends the numbers of its descriptors.
    """

    generation: int
    command: tuple[str, ...]
    mode: Mode


class Renew(_ToGuard, frozen=True):
    """Main is alive: the permit is good for LEASE_S more."""


class Disarm(_ToGuard, frozen=True):
    reason: str


class Stop(_ToGuard, frozen=True):
    source: str


class Drill(_ToGuard, frozen=True):
    on: bool


class Retire(_ToGuard, frozen=True):
    """Main quits in good order: end the worker and yourself."""


class Ping(_ToGuard, frozen=True):
    """Are you there? Answered by `Pong`."""

    id: int


ToGuard = Configure | Marked | ExpectPress | Confirm | Arm | Renew | Disarm | Stop | Drill | Retire | Ping


class _FromGuard(Struct, frozen=True, tag_field="type", tag=str.lower):
    pass


class Ready(_FromGuard, frozen=True):
    """The guard runs. `kind`: how it watches (`x11`, `pynput`, `none`); `tells_physical`: whether it can tell a
    physical press from a synthetic one on this session."""

    pid: int
    kind: str
    tells_physical: bool


class Channel(_FromGuard, frozen=True):
    """State of the stop channel, after every check that changed it."""

    listening: bool
    detail: str = ""
    hint: str = ""
    keyboards: tuple[str, ...] = ()
    second: bool = False


class HotkeyProven(_FromGuard, frozen=True):
    """The operator pressed it in a drill."""

    hotkey: str


class Confirmed(_FromGuard, frozen=True):
    """The answer to `Confirm`; `reason` in words when it was not good."""

    id: int
    good: bool
    reason: str = ""


class Armed(_FromGuard, frozen=True):
    generation: int
    worker_pid: int


class NotArmed(_FromGuard, frozen=True):
    generation: int
    reason: str
    hint: str = ""


class WorkerEnded(_FromGuard, frozen=True):
    """The worker ended unasked; the gate is closed, everything released."""

    generation: int
    reason: str
    events: int
    in_flight: bool


class Disarmed(_FromGuard, frozen=True):
    """The permit is revoked, the worker ended, everything released."""

    generation: int
    reason: str
    events: int
    in_flight: bool


class Stopped(_FromGuard, frozen=True):
    """After an emergency stop: `latency_ms` from the first sign to nothing held."""

    source: str
    latency_ms: float
    released: int
    latched: bool
    events: int
    in_flight: bool
    at: float
    detail: str = ""
    second_press: bool = False


class TreesHeld(_FromGuard, frozen=True):
    """What became of marked services, by name: in a stop, or in the second press, which ends what was to be frozen."""

    frozen: tuple[str, ...] = ()
    stopped: tuple[str, ...] = ()
    failed: tuple[str, ...] = ()


class Human(_FromGuard, frozen=True):
    """The operator's own devices are in use while an agent acts, or quiet again."""

    active: bool


class Pong(_FromGuard, frozen=True):
    id: int


FromGuard = (
    Ready
    | Channel
    | HotkeyProven
    | Confirmed
    | Armed
    | NotArmed
    | WorkerEnded
    | Disarmed
    | Stopped
    | TreesHeld
    | Human
    | Pong
)
