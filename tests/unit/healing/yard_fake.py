"""A yard without processes: it writes down what is asked of it, and answers what the test says."""

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from core.clocks import FakeClock

from aurora_desktop.core.clock import Clock
from aurora_desktop.core.errors import AuroraError
from aurora_desktop.core.healing_events import RemedyOutcome
from aurora_desktop.core.settings.schema import Service
from aurora_desktop.core.settings.values import Command
from aurora_desktop.healing.faults import Fault
from aurora_desktop.healing.yard import Holder, Ran
from aurora_desktop.supervisor.view import ServiceView


def service(**keys: Any) -> Service:
    return Service(**{"command": Command(["program"]), **keys})


class FakeYard:
    """Implements `Yard` and `Tended`. `calls` is all that was asked for, as tuples of a verb and its arguments.

    `ran`: what a command answers, by its first word (default: exit code 0); a list is used up, the last stays.
    `well`: what `until_well` answers, used up likewise. `reasons`: why nothing may be done, by service. `files`:
    `holds` a future by the first word of a command that is to hang until the test lets it go.
    """

    def __init__(self, services: Mapping[str, Service] | None = None, clock: Clock | None = None) -> None:
        self.clock: Clock = clock or FakeClock()
        self.services = dict(services or {"web": service()})
        self.states: dict[str, str] = dict.fromkeys(self.services, "waiting")
        self.calls: list[tuple[Any, ...]] = []
        self.ran: dict[str, list[Ran]] = {}
        self.well: list[bool] = [True]
        self.reasons: dict[str, str] = {}
        self.holders: dict[int | Path, list[Holder]] = {}
        self.environments: dict[str, dict[str, str]] = {}
        self.folders: dict[str, Path] = {}
        self.log_paths: dict[str, str] = {}
        self.problems: dict[str, str] = {}
        self.limit: int | None = 4096
        self.holds: dict[str, asyncio.Event] = {}

    def called(self, verb: str) -> list[tuple[Any, ...]]:
        """The arguments of each call of one verb."""
        return [call[1:] for call in self.calls if call[0] == verb]

    # --- Tended -----------------------------------------------------------------------------------------------

    def names(self) -> tuple[str, ...]:
        return tuple(self.services)

    def definition(self, name: str) -> Service | None:
        return self.services.get(name)

    def is_up(self, name: str) -> bool:
        return self.states.get(name) in ("running", "ready")

    def why_not(self, name: str) -> str:
        return self.reasons.get(name, "")

    # --- Yard -------------------------------------------------------------------------------------------------

    def service(self, name: str) -> Service | None:
        return self.services.get(name)

    def view(self, name: str) -> ServiceView | None:
        if name not in self.services:
            return None
        return ServiceView(
            name=name,
            state=self.states[name],  # type: ignore[arg-type] # the test's word
            cause="",
            since=0.0,
            problem=self.problems.get(name, ""),
            log_path=self.log_paths.get(name, ""),
        )

    def folder(self, name: str) -> Path:
        return self.folders.get(name, Path("/srv") / name)

    def environment(self, name: str) -> Mapping[str, str]:
        return self.environments.get(name, {})

    def restart(self, name: str, cause: str) -> None:
        if reason := self.why_not(name):
            raise AuroraError(f"`{name}` is not restarted", reason)
        self.calls.append(("restart", name, cause))

    def set_environment(self, name: str, variable: str, value: str | None) -> None:
        self.calls.append(("set_environment", name, variable, value))

    def raise_descriptor_limit(self, name: str) -> int | None:
        self.calls.append(("raise_descriptor_limit", name))
        return self.limit

    async def holders_of_port(self, port: int) -> list[Holder]:
        return self.holders.get(port, [])

    async def holders_of_file(self, path: Path) -> list[Holder]:
        return self.holders.get(path, [])

    async def end_stray(self, holder: Holder) -> bool:
        self.calls.append(("end_stray", holder))
        return holder.is_stray

    async def run(self, name: str, command: Sequence[str], timeout_s: float, *, in_folder: Path | None = None) -> Ran:
        self.calls.append(("run", name, tuple(command)))
        if command[0] in self.holds:
            await self.holds[command[0]].wait()
        return _next(self.ran.get(command[0], [Ran(0, "")]))

    async def until_well(self, name: str, timeout_s: float, stays_s: float) -> bool:
        self.calls.append(("until_well", name))
        return _next(self.well)


def _next(answers: list[Any]) -> Any:
    return answers.pop(0) if len(answers) > 1 else answers[0]


class FakeMemory:
    """Implements `Memory`: numbers the faults, and keeps what it is told."""

    def __init__(self) -> None:
        self.remembered: list[Fault] = []
        self.outcomes: list[tuple[str, RemedyOutcome]] = []
        self.recoveries: list[tuple[str, float]] = []
        self.history: dict[str, tuple[int, int]] = {}

    @property
    def counts(self) -> dict[str, tuple[int, int]]:
        tried = Counter(name for name, outcome in self.outcomes if outcome != "refused")
        worked = Counter(name for name, outcome in self.outcomes if outcome == "worked")
        return {name: (count, worked[name]) for name, count in tried.items()}

    def remember(self, fault: Fault) -> Fault:
        from msgspec.structs import replace

        fault = replace(fault, failure_id=len(self.remembered) + 1, signature=f"{fault.kind} of {fault.component}")
        self.remembered.append(fault)
        return fault

    def tried(self, fault: Fault, remedy: str, outcome: RemedyOutcome, sentence: str, duration_s: float) -> None:
        self.outcomes.append((remedy, outcome))

    def recovered(self, component: str, at: float, downtime_s: float) -> None:
        self.recoveries.append((component, downtime_s))

    async def success_of(self, signature: str, remedies: tuple[str, ...]) -> dict[str, tuple[int, int]]:
        return {name: self.history[name] for name in remedies if name in self.history}
