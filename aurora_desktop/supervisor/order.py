"""Starting, stopping and restarting services in the order of their dependencies."""

import asyncio
import contextlib
from collections.abc import Callable, Coroutine, Iterable, Mapping, Set

from aurora_desktop.core.settings.schema import Service
from aurora_desktop.supervisor import graph
from aurora_desktop.supervisor.runner import Runner
from aurora_desktop.supervisor.status import Blocker
from aurora_desktop.supervisor.stimuli import DependenciesChanged, Restart, Start, Stop
from aurora_desktop.supervisor.surroundings import Surroundings


class Order:
    """Says who waits for whom and who goes first; `runners` are all services by name, `run` starts a task.

    Every name given is that of a service. A name is condemned from the wish that it stops until its turn comes.
    """

    def __init__(
        self,
        around: Surroundings,
        runners: Mapping[str, Runner],
        run: Callable[[Coroutine[None, None, None]], None],
    ) -> None:
        self._around = around
        self._runners = runners
        self._run = run
        self._condemned: set[str] = set()
        self._to_restart: set[str] = set()
        self._changed = asyncio.Event()

    def services(self) -> dict[str, Service]:
        """The definitions as the settings have them now."""
        return {name: runner.definition for name, runner in self._runners.items()}

    def sorted(self, names: Iterable[str]) -> list[str]:
        """The names, each after those that it depends on."""
        chosen = set(names)
        return [name for name in graph.start_order(self.services()) if name in chosen]

    # --- start, stop, restart ---------------------------------------------------------------------------------

    async def start_gently(self, names: Iterable[str], cause: str) -> None:
        """Feed Start in order, giving the loop its turns; what waits is started once it need not wait any more."""
        self._around.ledger.prepare(self._runners)
        for name in self.sorted(graph.with_requirements(self.services(), names)):
            await self._around.turns.mine()
            if not self._runners[name].status.is_alive and not self._runners[name].is_latched:
                self._runners[name].feed(Start(cause))
        while any(runner.is_put_off for runner in self._runners.values()):  # noqa: ASYNC110 - a few turns
            await asyncio.sleep(0)

    def start(self, names: tuple[str, ...], cause: str) -> None:
        """Start these with all that they require; it takes them off the list of what is to stop."""
        wanted = graph.with_requirements(self.services(), names)
        self._condemned -= wanted
        for name in self.sorted(wanted):
            # A oneshot that is only required has done its work; one that is named runs again.
            if (name in names or not self._runners[name].is_up) and not self._runners[name].is_latched:
                self._runners[name].feed(Start(cause))

    def stop(self, names: Iterable[str], cause: str) -> None:
        """Stop these and their parts; what requires them stops first and waits for them."""
        parts = graph.with_parts(self.services(), names)
        everyone = graph.with_dependents(self.services(), parts)
        self._condemned |= everyone
        self._to_restart -= everyone
        self._run(self._stop_in_order(everyone, everyone - parts, cause))

    async def stop_all(self, cause: str) -> None:
        """Stop everything; nothing waits to start again."""
        await self._stop_in_order(set(self._runners), frozenset(), cause)

    def restart(self, names: Iterable[str], cause: str) -> None:
        """Dependents stop first and wait; each named service is replaced; then what waited starts again."""
        parts = graph.with_parts(self.services(), names)
        dependents = graph.with_dependents(self.services(), parts) - parts
        self._to_restart |= parts
        if not any(self._runners[name].status.is_alive for name in dependents):
            self._restart_now(parts, cause)
            return
        self._condemned |= parts | dependents

        async def in_order() -> None:
            await self._stop_in_order(dependents, dependents, cause)
            while any(self._is_going_down(name) for name in dependents):
                await self.wait_for_change()
            self._restart_now(parts, cause)

        self._run(in_order())

    def forget(self, name: str) -> None:
        """It was taken out of the settings: neither a stop nor a restart waits for its turn."""
        self._condemned.discard(name)
        self._to_restart.discard(name)

    def forget_restarts(self) -> None:
        """Aurora quits: no restart that waits for its turn comes any more."""
        self._to_restart.clear()

    def _restart_now(self, names: Iterable[str], cause: str) -> None:
        """But for what was told to stop meanwhile."""
        for name in self.sorted(self._to_restart.intersection(names)):
            self._to_restart.discard(name)
            self._condemned.discard(name)
            if name in self._runners:
                self._runners[name].feed(Restart(cause))

    async def _stop_in_order(self, names: set[str], held: Set[str], cause: str) -> None:
        """Stop dependents before what they depend on; the `held` go on waiting for their dependencies.

        A name is condemned until its turn comes; a start by the operator meanwhile takes it off the list.
        """
        self._condemned |= names
        services = self.services()
        for name in reversed(self.sorted(names)):
            await self._around.turns.mine()
            dependents = graph.with_dependents(services, [name]) & names - {name}
            while name in self._condemned and any(self._is_going_down(d) for d in dependents):
                await self.wait_for_change()
            if name in self._condemned and name in self._runners:
                self._condemned.discard(name)
                why = f"{cause}: what it requires stops" if name in held else cause
                self._runners[name].feed(Stop(why, hold=name in held))
        self.wake()

    def _is_going_down(self, name: str) -> bool:
        runner = self._runners.get(name)
        return runner is not None and (name in self._condemned or runner.status.state == "stopping")

    # --- who waits for whom -----------------------------------------------------------------------------------

    def blockers(self, runner: Runner) -> tuple[Blocker, ...]:
        """The dependencies that are not up."""
        blockers = []
        definition = runner.definition
        for name in dict.fromkeys((*definition.requires, *definition.after)):
            other = self._runners.get(name)
            if other is None or (other.is_up and name not in self._condemned):
                continue
            if name in definition.requires or _is_on_its_way(other):
                blockers.append(Blocker(name, other.status.state))
        return tuple(blockers)

    def has_changed(self, changed: Runner) -> None:
        """The service came into another state: what waits for it is fed that."""
        self.wake()
        for runner in tuple(self._runners.values()):
            if runner.status.state == "waiting" and changed.name in (
                *runner.definition.requires,
                *runner.definition.after,
            ):
                runner.feed(DependenciesChanged())

    def is_condemned(self, name: str) -> bool:
        """Whether it is to stop, and its turn has not come yet."""
        return name in self._condemned

    def is_settled(self, name: str) -> bool:
        """Whether nothing more comes of what was asked: it is up, down for good, or waits for such a one."""
        runner = self._runners.get(name)
        if runner is None:
            return True
        if name in self._condemned:
            return False
        if runner.is_up or runner.status.state in ("stopped", "failed", "degraded", "frozen"):
            return True
        if runner.status.state != "waiting" or runner.status.retry_at is not None:
            return False
        return self._around.paused or all(
            self.is_settled(dep) for dep in (*runner.definition.requires, *runner.definition.after)
        )

    def wake(self) -> None:
        """Whoever waits for a change looks again."""
        self._changed.set()

    async def wait_for_change(self) -> None:
        """Until a service changed its state, or a moment passed: some ends (a tree's) are no change of state."""
        self._changed.clear()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._changed.wait(), 0.05)


def _is_on_its_way(runner: Runner) -> bool:
    return runner.status.wanted and runner.status.state in ("starting", "running", "waiting")
