"""Main's end of the chain: what the guard says of itself, and questions to it that are answered."""

import asyncio
import itertools
import socket
from collections.abc import Callable, Mapping
from typing import Literal, Protocol

from aurora_desktop.core.errors import AuroraError
from aurora_desktop.core.paths import StatePaths
from aurora_desktop.safety.guard_link import GuardLink
from aurora_desktop.safety.messages import (
    NO_KEYBOARD,
    Arm,
    Armed,
    Channel,
    Configure,
    Confirm,
    Confirmed,
    Disarmed,
    FromGuard,
    HotkeyProven,
    Human,
    Marked,
    MarkedTree,
    NotArmed,
    Ready,
    Stopped,
    ToGuard,
    TreesHeld,
    WorkerEnded,
)
from aurora_desktop.safety.standing import Obstacle
from aurora_desktop.safety.view import Confirmation

ANSWER_S = 3.0
ARM_S = 15.0


class ChainOwner(Protocol):
    """Who is told what the guard did by itself."""

    def guard_stopped(self, message: Stopped) -> None: ...

    def guard_dropped(self, message: Disarmed | WorkerEnded) -> None: ...

    def guard_lost(self, reason: str) -> None: ...

    def guard_held(self, message: TreesHeld) -> None: ...

    def hotkey_proven(self, hotkey: str) -> None: ...

    def human(self, *, active: bool) -> None: ...

    def channel_changed(self) -> None: ...


class Chain:
    """Starts the guard, keeps it told, and knows whether every link holds."""

    def __init__(
        self,
        paths: StatePaths,
        environment: Mapping[str, str],
        owner: ChainOwner,
        configure: Callable[[], Configure],
        marked: Callable[[], tuple[MarkedTree, ...]],
    ) -> None:
        self._owner, self._configure, self._marked = owner, configure, marked
        self._loop = asyncio.get_running_loop()
        self.link = GuardLink(self._loop, paths, environment, self._on_message, self._on_lost)
        self._ready: Ready | None = None
        self._channel: Channel | None = None
        self._was_listening = self._is_missed = False
        self._told: tuple[MarkedTree, ...] = ()
        self._numbers = itertools.count(1)
        self._confirming: dict[int, asyncio.Future[Confirmed]] = {}
        self._arming: asyncio.Future[Armed | NotArmed] | None = None

    async def start(self) -> None:
        """Raises AuroraError when the guard cannot run here at all."""
        await self.link.start()

    async def close(self) -> None:
        await self.link.close()

    def abandon(self) -> None:
        """The loop is gone."""
        self.link.abandon()

    # --- how it stands ----------------------------------------------------------------------------------------

    @property
    def is_up(self) -> bool:
        return self._ready is not None

    @property
    def is_listening(self) -> bool:
        return self._channel is not None and self._channel.listening

    def news(self) -> Literal["lost", "back", ""]:
        """Whether the stop key was lost or is back, told once each; what never was there is not lost."""
        listening = self.is_listening
        if self._is_missed and listening:
            self._is_missed = False
            return "back"
        if self._was_listening and not listening and not self._is_missed:
            self._is_missed = True
            return "lost"
        self._was_listening = self._was_listening or listening
        return ""

    @property
    def tells_physical(self) -> bool:
        """Whether a press can be known to be the operator's: the guard can tell, and there is something to press."""
        if self._ready is None or not self._ready.tells_physical:
            return False
        return self._channel is None or self._channel.detail != NO_KEYBOARD

    def obstacles(self) -> tuple[Obstacle, ...]:
        """Which link is missing."""
        if self._ready is None:
            return (Obstacle("the guard does not run", "It is started again by itself; `aurora doctor` says more"),)
        if self._channel is None:
            return (Obstacle("the stop key is not listened for yet"),)
        if not self._channel.listening:
            return (Obstacle(self._channel.detail or "the stop key is not heard", self._channel.hint),)
        return ()

    # --- what it is told --------------------------------------------------------------------------------------

    def send(self, message: ToGuard) -> None:
        """Dropped when there is no guard: it is told everything anew when it is up."""
        if self.link.is_up:
            self.link.send(message)

    def tell_settings(self) -> None:
        self.send(self._configure())

    def tell_marked(self) -> None:
        """The table of marked services, if it changed."""
        trees = self._marked()
        if trees != self._told and self.is_up:
            self._told = trees
            self.send(Marked(trees))

    async def confirm(self, confirmation: Confirmation) -> None:
        """Ask the guard whether the press was the operator's. Raises AuroraError with the reason why not."""
        number = next(self._numbers)
        answer = self._confirming[number] = self._loop.create_future()
        self.send(Confirm(number, confirmation.pressed_at, confirmation.kind))
        try:
            async with asyncio.timeout(ANSWER_S):
                confirmed = await answer
        except TimeoutError:
            raise AuroraError("The guard did not answer", "The press could not be confirmed", "Try again") from None
        finally:
            self._confirming.pop(number, None)
        if not confirmed.good:
            raise AuroraError(
                "This press does not count", confirmed.reason, "Press and hold with your own mouse or keyboard"
            )

    async def arm(self, message: Arm, worker_socket: socket.socket) -> None:
        """Have the worker started and permitted. Raises AuroraError with the reason why not."""
        self._arming = self._loop.create_future()
        self.link.arm(message, worker_socket)
        try:
            async with asyncio.timeout(ARM_S):
                answer = await self._arming
        except TimeoutError:
            raise AuroraError("Control could not be armed", f"the guard did not answer in {ARM_S:g} s") from None
        finally:
            self._arming = None
        if isinstance(answer, NotArmed):
            raise AuroraError("Control could not be armed", answer.reason, answer.hint)

    # --- what it says -----------------------------------------------------------------------------------------

    def _on_message(self, message: FromGuard) -> None:
        match message:
            case Ready():
                self._ready, self._channel, self._told = message, None, ()
                self.tell_settings()
                self.tell_marked()
                self._owner.channel_changed()
            case Channel():
                self._channel = message
                self._owner.channel_changed()
            case Confirmed(id=number):
                if (waiting := self._confirming.get(number)) is not None and not waiting.done():
                    waiting.set_result(message)
            case Armed() | NotArmed():
                self._answer_arming(message)
            case Disarmed(generation=generation, reason=reason) | WorkerEnded(generation=generation, reason=reason):
                self._answer_arming(NotArmed(generation, reason))
                self._owner.guard_dropped(message)
            case Stopped():
                self._answer_arming(NotArmed(0, f"stopped by {message.source}"))
                self._owner.guard_stopped(message)
            case TreesHeld():
                self._owner.guard_held(message)
            case HotkeyProven(hotkey=hotkey):
                self._owner.hotkey_proven(hotkey)
            case Human(active=active):
                self._owner.human(active=active)

    def _answer_arming(self, answer: Armed | NotArmed) -> None:
        if self._arming is not None and not self._arming.done():
            self._arming.set_result(answer)

    def _on_lost(self, reason: str) -> None:
        self._ready = self._channel = None
        self._answer_arming(NotArmed(0, reason))
        self._owner.guard_lost(reason)
