"""What control stands among: the hands that act, the services that it holds, and what it needs of the house."""

import socket
from collections.abc import Callable, Mapping
from typing import Protocol

from msgspec import Struct

from aurora_desktop.core.clock import Clock
from aurora_desktop.core.events import AnyEvent
from aurora_desktop.core.paths import StatePaths
from aurora_desktop.safety.gate import GateFile
from aurora_desktop.safety.in_force import InForce
from aurora_desktop.safety.messages import MarkedTree
from aurora_desktop.safety.standing import Obstacle
from aurora_desktop.safety.store import SafetyStore
from aurora_desktop.safety.view import Mode


class Hands(Protocol):
    """Who acts while control is armed: the input agent."""

    def take(self, worker_socket: socket.socket, generation: int, mode: Mode) -> None:
        """The worker runs; its socket is the hands' to close."""
        ...

    def drop(self, reason: str, *, events: int, in_flight: bool, stopped: bool) -> None:
        """No more may be sent. `stopped`: by the emergency stop, so that the queue is refused too."""
        ...

    def doing(self) -> tuple[str, str]:
        """The agent that acts now and what it does in words; empty when none."""
        ...


class Services(Protocol):
    """The part of the supervisor that the brake holds."""

    def trees(self) -> tuple[MarkedTree, ...]: ...

    def hold(self, cause: str) -> None: ...

    def release(self) -> None: ...

    def frozen(self) -> tuple[str, ...]: ...

    def thaw(self, names: tuple[str, ...], cause: str) -> None: ...


class Around(Struct, frozen=True, kw_only=True):
    """What control needs of the house.

    `confirmed` is called once the operator has put in force what waited. `obstacle`: why this session can have no
    input at all, or None.
    """

    paths: StatePaths
    environment: Mapping[str, str]
    clock: Clock
    publish: Callable[[AnyEvent], object]
    gate: GateFile
    store: SafetyStore
    in_force: InForce
    confirmed: Callable[[], object]
    services: Services
    obstacle: Callable[[], Obstacle | None]
    worker_command: tuple[str, ...]
