"""What control shows of itself, and what may be asked of it: anybody may stop, the window alone may arm and reset."""

from typing import Literal, Protocol

from msgspec import Struct

ControlState = Literal["closed", "latched", "disarmed", "arming", "armed"]
Mode = Literal["act", "ask", "dry_run"]
HotkeyState = Literal["off", "lost", "listening", "proven"]
UNNAMED_AGENT = "an agent"
"""The holder that gave no name: "" is nobody."""


class ControlRequest(Struct, frozen=True, kw_only=True):
    """An agent asks for mouse and keyboard, `reason` in its own words; it waits until `until`. Unix seconds."""

    agent: str
    reason: str
    asked_at: float
    until: float


class Decided(Struct, frozen=True, kw_only=True):
    """What became of a request: `armed` (agents may act), `declined` or `unanswered` by the operator, `refused`.

    `code`, where it is refused: `closed`, `latched`, `busy` (another agent asks), `too_soon` (after the last request).
    """

    decision: Literal["armed", "declined", "unanswered", "refused", "withdrawn"]
    code: Literal["", "closed", "latched", "busy", "too_soon"] = ""
    detail: str = ""
    hint: str = ""


class ControlView(Struct, frozen=True, kw_only=True):
    """Who may use mouse and keyboard now, and why not.

    `closed`: the outer gate, the session or a part of the chain forbids it (`reason`, `hint`); `latched`: stopped by
    the operator or the failsafe until it is reset; `disarmed`: could be armed; `armed`: until `armed_until` (Unix
    time in seconds).
    `holder`: the agent that acts now (UNNAMED_AGENT if it gave no name), or "". `needs_passphrase`: this session
    cannot tell a physical press from a synthetic one, or the operator set a passphrase to be asked for instead.
    `broken`: closed although the operator's file opens it. `pending`: changed safety settings that wait for the
    operator's confirmation, in words. `request`: an agent that asks to be armed just now.
    """

    state: ControlState
    reason: str = ""
    hint: str = ""
    mode: Mode = "act"
    armed_until: float | None = None
    remaining_s: float | None = None
    holder: str = ""
    doing: str = ""
    hotkey: str = ""
    hotkey_state: HotkeyState = "off"
    drill: bool = False
    stopped_by: str = ""
    stopped_at: float | None = None
    needs_passphrase: bool = False
    has_passphrase: bool = False
    human_active: bool = False
    worker_restarts: int = 0
    frozen: tuple[str, ...] = ()
    broken: bool = False
    pending: tuple[str, ...] = ()
    request: ControlRequest | None = None

    @property
    def is_open(self) -> bool:
        """Whether agents may act at all now."""
        return self.state == "armed"


class Confirmation(Struct, frozen=True, kw_only=True):
    """How the operator proves to be there: a press held in the window, by its X timestamps in ms, or the passphrase.

    `pressed_at`: the display's timestamp of the press; `kind`: what was pressed.
    """

    pressed_at: int = 0
    kind: Literal["key", "button"] = "button"
    passphrase: str = ""


class BrakeFace(Protocol):
    """What everybody may do: look, stop, and ask the operator. All calls on the loop's thread."""

    def view(self) -> ControlView: ...

    def stop(self, source: str) -> None:
        """The emergency stop: everything, now, latched."""
        ...

    def disarm(self, source: str) -> None:
        """Take control back without a latch."""
        ...

    async def request(self, agent: str, reason: str, wait_s: float) -> Decided:
        """Put it to the operator that an agent asks for mouse and keyboard, and wait for what is decided."""
        ...


class ControlFace(BrakeFace, Protocol):
    """What the operator may do in the window besides."""

    def expect_press(self) -> None:
        """A press begins that may become a confirmation: the guard begins to watch for synthetic input."""
        ...

    async def arm(self, mode: Mode, confirmation: Confirmation) -> None:
        """Open the inner gate. Raises AuroraError with the reason why not."""
        ...

    async def reset(self, confirmation: Confirmation) -> None:
        """Clear the latch; resumes nothing. Raises AuroraError."""
        ...

    async def confirm_settings(self, confirmation: Confirmation) -> None:
        """Put the pending safety settings in force. Raises AuroraError."""
        ...

    def decline_request(self) -> None:
        """No to the agent that asks for mouse and keyboard."""
        ...

    def extend(self) -> None:
        """Begin the armed time anew; refused silently unless armed."""
        ...

    def set_drill(self, *, on: bool) -> None:
        """While on (30 s at most), the hotkey proves itself instead of stopping."""
        ...

    async def allow_passphrase(self, confirmation: Confirmation) -> None:
        """Let a first passphrase be set within the next minutes, where presses can be told. Raises AuroraError."""
        ...

    async def set_passphrase(self, passphrase: str) -> None:
        """Set the first passphrase, where there is none. Raises AuroraError."""
        ...

    async def confirm_answer(self, confirmation: Confirmation) -> None:
        """A yes to what an agent asks for. Raises AuroraError when it was not the operator's."""
        ...

    def thaw(self, names: tuple[str, ...]) -> None:
        """Let frozen services go on."""
        ...
