"""Memory: over `memory_high` a service is restarted at the next quiet moment; over `memory_max` at once."""

from functools import cached_property
from typing import ClassVar

from aurora_desktop.healing.faults import Fault, Invasiveness
from aurora_desktop.healing.remedies.builtin.common import Helping, named
from aurora_desktop.healing.remedies.builtin.quiet import until_quiet
from aurora_desktop.healing.remedies.kinds import FaultKind
from aurora_desktop.healing.remedies.remedy import Done, Plan, RefusedError
from aurora_desktop.healing.yard import Yard
from aurora_desktop.supervisor.outcome import format_duration
from aurora_desktop.supervisor.processes import ProcessTable, process_table

KIND = "memory_high"
QUIET_S = 5.0
WITHIN_S = 600.0
LOOK_S = 1.0

FAULT_KINDS = (
    FaultKind(
        name=KIND,
        title="Memory over its limit",
        sentence="{service} uses {used} of memory, over its memory_high of {limit}",
        next_step="Restart {service} when it suits you, and see in its memory chart whether it grows without end",
        patterns=(r"^over memory_high: (?P<used>.{1,30}) of (?P<limit>.{1,30})$",),
        events=frozenset({"limit_warning"}),
        hints=("over memory_high",),
        priority=90,
    ),
    FaultKind(
        name="memory_max",
        title="Memory over its hard limit",
        sentence="{service} was over its memory_max, and was restarted at once",
        next_step="Look for the leak, or raise `memory_max`; with `memory_high` it is restarted before, when quiet",
        failures=frozenset({"memory"}),
        priority=90,
    ),
    FaultKind(
        name="out_of_memory",
        title="Out of memory",
        sentence="{service} ran out of memory",
        next_step="Give {service} or the machine more memory, or let it use less; `journalctl -k | grep -i oom` tells"
        " whether the system ended it",
        patterns=(
            r"(?:^|\s)MemoryError\b|std::bad_alloc|java\.lang\.OutOfMemoryError|JavaScript heap out of memory",
            (
                r"(?i)cannot allocate memory|\bENOMEM\b|fatal error: runtime: out of memory|memory allocation of"
                r" \d{1,20} bytes failed"
            ),
            r"\[Errno 12\]|\bos error 12\b|failed to allocate memory \(NoMemoryError\)|oom-kill",
        ),
        hints=("memory", "alloc", "enomem", "oom", "errno 12", "error 12"),
        priority=60,
    ),
)


class RestartWhenQuiet(Helping):
    """Waits for a moment without output and with little CPU, so that no work is cut off."""

    name: ClassVar[str] = "restart_when_quiet"
    kinds: ClassVar[tuple[str, ...]] = (KIND,)
    invasiveness: ClassVar[Invasiveness] = Invasiveness.RESTART
    summary: ClassVar[str] = "Restarts a service over `memory_high` as soon as it is quiet"

    def __init__(self, quiet_s: float = QUIET_S, within_s: float = WITHIN_S, look_s: float = LOOK_S) -> None:
        self._quiet_s, self._within_s, self._look_s = quiet_s, within_s, look_s

    @cached_property
    def _table(self) -> ProcessTable:
        return process_table()

    async def plan(self, fault: Fault, yard: Yard) -> Plan | None:
        name, _ = named(fault, yard)
        return Plan(
            f"Restart {name} as soon as it has printed nothing and used little CPU for {format_duration(self._quiet_s)}"
            f"; that is waited for, {format_duration(self._within_s)} at the most"
        )

    async def apply(self, fault: Fault, yard: Yard) -> Done:
        name, _ = named(fault, yard)
        view = yard.view(name)
        pid, began = view.pid if view is not None else None, yard.clock.monotonic()
        if not await until_quiet(name, yard, self._table, self._quiet_s, self._within_s, self._look_s):
            raise RefusedError(
                f"{name} had no quiet moment within {format_duration(self._within_s)}",
                "it printed or used CPU all the time, and a restart would have cut off its work",
                f"Restart it when it suits you: `aurora restart {name}`",
            )
        waited = format_duration(yard.clock.monotonic() - began)
        view = yard.view(name)
        if view is None or view.pid != pid:
            return Done(f"{name} was restarted meanwhile")
        yard.restart(name, f"{fault.sighting.message}; it was quiet".removeprefix("; "))
        return Done(f"restarted {name} in a quiet moment, after {waited}")


REMEDIES = (RestartWhenQuiet(),)
