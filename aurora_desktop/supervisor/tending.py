"""What the supervisor lets healing do: little, and nothing against the operator's word or the emergency stop."""

import contextlib
from collections.abc import Callable, Mapping
from pathlib import Path

from aurora_desktop.core.errors import AuroraError
from aurora_desktop.core.settings.schema import Service
from aurora_desktop.supervisor.order import Order
from aurora_desktop.supervisor.presenting import present
from aurora_desktop.supervisor.processes import ProcessInfo
from aurora_desktop.supervisor.runner import Runner
from aurora_desktop.supervisor.spawn import highest_file_limit, working_folder
from aurora_desktop.supervisor.stimuli import Heal
from aurora_desktop.supervisor.strays import Strays
from aurora_desktop.supervisor.surroundings import Surroundings
from aurora_desktop.supervisor.tree import Identity
from aurora_desktop.supervisor.view import ServiceView


class Tending:
    """One per supervisor. A name that the settings do not have (any more) is nobody, and no error but for `restart`."""

    def __init__(
        self,
        around: Surroundings,
        runners: Mapping[str, Runner],
        order: Order,
        everyone: Callable[[], tuple[Runner, ...]],
        quits: Callable[[], bool],
    ) -> None:
        self._around = around
        self._runners = runners
        self._order = order
        self._quits = quits
        self._strays = Strays(around, everyone)

    # --- what it is -------------------------------------------------------------------------------------------

    def names(self) -> tuple[str, ...]:
        return tuple(self._runners)

    def definition(self, name: str) -> Service | None:
        runner = self._runners.get(name)
        return None if runner is None else runner.definition

    def view(self, name: str) -> ServiceView | None:
        runner = self._runners.get(name)
        return None if runner is None else present(runner, self._around)

    def is_up(self, name: str) -> bool:
        """Whether what depends on it may start."""
        return name in self._runners and self._runners[name].is_up

    def stalled_s(self) -> float:
        """Seconds in which Aurora itself stood still, since it was started."""
        return self._around.stalls.total_s()

    def folder(self, name: str) -> Path:
        """The folder that it runs in. Raises SpawnError where no home folder is known."""
        return working_folder(self._known(name).definition)

    def environment(self, name: str) -> dict[str, str]:
        """The environment of a command beside it, marked like a probe's."""
        return self._known(name).command_environment()

    def inherited(self) -> Mapping[str, str]:
        """Aurora's own environment, as it is passed on."""
        return self._around.environment

    # --- whether anything may be done -------------------------------------------------------------------------

    def why_not(self, name: str) -> str:
        """Why nothing may be done to this service now, in words; "" when it may."""
        runner = self._runners.get(name)
        if runner is None:
            return "it is not in the settings any more"
        if self._quits():
            return "Aurora quits"
        if self._around.paused:
            return "supervision is paused"
        if runner.is_latched:
            return "the emergency stop holds it back"
        if runner.status.state == "frozen":
            return "it is frozen"
        if not runner.status.wanted or self._order.is_condemned(name):
            return "it is not wanted: it was stopped, or has done its work"
        return ""

    def is_latched(self, name: str) -> bool:
        """Whether the emergency stop is in force, and is for this service too."""
        return name in self._runners and self._runners[name].is_latched

    # --- what is done -----------------------------------------------------------------------------------------

    def restart(self, name: str, cause: str) -> None:
        """Restart it at once, whatever its backoff. Raises AuroraError with the reason when it may not be.

        It counts as a restart, but unlike the operator's it does not forget those before, and the budget of restarts is
        neither spent nor given back by it. What depends on the service goes on, as when it crashes.
        """
        runner = self._known(name)
        if reason := self.why_not(name):
            raise AuroraError(f"`{name}` is not restarted by healing", reason)
        if runner.definition.restart_policy == "never" and not runner.status.is_alive:
            raise AuroraError(
                f"`{name}` is not restarted by healing", "its settings say `restart: never`", f"aurora start {name}"
            )
        runner.feed(Heal(cause))

    def set_environment(self, name: str, variable: str, value: str | None) -> None:
        """From its next start on, until Aurora ends, its settings say otherwise, or (None) it is taken back."""
        runner = self._known(name)
        if value is None:
            runner.adjustments.unset(variable)
        else:
            runner.adjustments.set(variable, value, runner.definition)

    def raise_descriptor_limit(self, name: str) -> int | None:
        """As many open files as the system allows from its next start on; None where it has that already."""
        runner = self._known(name)
        limit = highest_file_limit()
        if limit is None or runner.adjustments.most_files:
            return None
        runner.adjustments.most_files = True
        return limit

    # --- strays -----------------------------------------------------------------------------------------------

    def identify(self, pid: int) -> ProcessInfo | None:
        return self._around.table.read(pid)

    async def stray_of(self, pid: int) -> str | None:
        """The service that left this process behind, or None: no stray of ours."""
        with contextlib.suppress(OSError):  # no file descriptor to look with: then it is none
            return await self._strays.service_of(pid)
        return None

    async def member_of(self, pid: int) -> str | None:
        """The service to whose present tree a process belongs."""
        everyone = await self._around.processes_apart()
        trees = [(name, runner.tree) for name, runner in self._runners.items() if runner.tree is not None]
        return next((name for name, tree in trees if pid in tree.members(everyone)), None)

    async def end_stray(self, stray: Identity) -> bool:
        """End it; False, and nothing is done, unless this very process still is a stray of ours."""
        return await self._strays.end(stray)

    def _known(self, name: str) -> Runner:
        if name not in self._runners:
            raise AuroraError(f"There is no service `{name}`", "", "`aurora ps` lists the services.")
        return self._runners[name]
