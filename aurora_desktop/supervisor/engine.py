"""The supervisor: all services together, in the order of their dependencies."""

import asyncio
import contextlib
import difflib
import logging
import os
from collections.abc import Callable, Coroutine, Iterable, Mapping

from aurora_desktop.core.clock import Clock, StallMeter
from aurora_desktop.core.errors import AuroraError, UnknownServiceError
from aurora_desktop.core.events import (
    WORKER_PREFIX,
    AnyEvent,
    FailureKind,
    OperatorCommand,
    OperatorVerb,
    PartFailed,
    SupervisionPaused,
)
from aurora_desktop.core.paths import StatePaths
from aurora_desktop.core.settings.diff import changes
from aurora_desktop.core.settings.schema import Service, Settings
from aurora_desktop.supervisor import graph
from aurora_desktop.supervisor.exits import reap_orphans
from aurora_desktop.supervisor.ledger import Ledger
from aurora_desktop.supervisor.measures import Measures
from aurora_desktop.supervisor.notify import NotifySocket, notify_address
from aurora_desktop.supervisor.order import Order
from aurora_desktop.supervisor.presenting import present
from aurora_desktop.supervisor.processes import SPAWN_MARKER, ProcessTable, process_table
from aurora_desktop.supervisor.rounds import Rounds
from aurora_desktop.supervisor.runner import Runner
from aurora_desktop.supervisor.stimuli import (
    DependenciesChanged,
    Freeze,
    Restart,
    Resumed,
    Start,
    Stimulus,
    Stop,
    Thaw,
    Unwell,
)
from aurora_desktop.supervisor.subreaper import become_subreaper
from aurora_desktop.supervisor.surroundings import Surroundings
from aurora_desktop.supervisor.takeover import Takeover
from aurora_desktop.supervisor.tending import Tending
from aurora_desktop.supervisor.tree import Tree
from aurora_desktop.supervisor.view import ServiceView

log = logging.getLogger(__name__)


class Supervisor:
    """Implements `SupervisorFace`; `begin` adopts and starts, `end` stops everything or lets it run."""

    def __init__(
        self,
        settings: Settings,
        *,
        clock: Clock,
        ledger: Ledger,
        paths: StatePaths,
        publish: Callable[[AnyEvent], object],
        environment: Mapping[str, str],
        table: ProcessTable | None = None,
    ) -> None:
        loop = asyncio.get_running_loop()
        self._settings = settings
        self._around = Surroundings(
            clock=clock,
            stalls=StallMeter(clock),
            loop=loop,
            table=table or process_table(),
            ledger=ledger,
            paths=paths,
            publish=publish,
            environment=environment,
            notify_address=notify_address(paths.root, paths.digest),
        )
        self._runners: dict[str, Runner] = {}
        self._removed: dict[str, Runner] = {}
        self._quits = False
        self._notify = NotifySocket(self._around.notify_address, self._notified)
        self._tasks: set[asyncio.Task[None]] = set()
        self._order = Order(self._around, self._runners, self._run)
        self._takeover = Takeover(self._around, self._runners, self._order.wake)
        self.tending = Tending(self._around, self._runners, self._order, self._everyone, lambda: self._quits)

    # --- from start to end ------------------------------------------------------------------------------------

    async def begin(self) -> None:
        """Adopt what an earlier Aurora left, end its strays, and start what is to start, in order."""
        await self.take_over()
        if self._around.latched_by:
            self.freeze_marked(self._around.latched_by)
        rounds = Rounds(self._around, lambda: tuple(self._runners.values()), lambda: self._settings.supervisor)
        for loop in rounds.all():
            self._run(loop)
        autostart = [name for name, spec in self._settings.services.items() if spec.autostart]
        await self._order.start_gently(autostart, "started together with Aurora")

    async def take_over(self) -> None:
        """Adopt what an earlier Aurora left and end its strays; start nothing."""
        become_subreaper()
        with contextlib.suppress(OSError):  # a read-only state dir: `notify` services will say that they got no READY
            self._notify.open(self._around.loop)
        for name, spec in self._settings.services.items():
            self._runners[name] = self._make_runner(name, spec)
        await self._takeover.perform()

    async def end(self, *, leave: bool) -> None:
        """Stop every service in reverse order within `quit_timeout_s`, or (`leave`) let them run."""
        self._quits = True
        self._order.forget_restarts()
        if not leave:
            try:
                async with asyncio.timeout(self._settings.supervisor.quit_timeout_s):
                    await self._stop_all()
            except TimeoutError:
                await self._kill_all()
        for task in self._tasks:
            task.cancel()
        self._notify.close()
        for runner in self._everyone():
            runner.abandon()
        reap_orphans(self._around.table.children(os.getpid()), self._around.table.read)

    def disown(self) -> None:
        """The loop is gone: let the processes run on as if we had died, to be taken over by a successor."""
        for runner in self._everyone():
            runner.disown()

    def hurry(self) -> None:
        """Asked a second time to quit: no more grace for anybody."""
        for runner in self._everyone():
            runner.feed(Stop("Aurora quits at once"))
            runner.kill()

    def set_path(self, path: str) -> None:
        """The PATH that services are started with from now on."""
        self._around.environment = {**self._around.environment, "PATH": path}

    async def _stop_all(self) -> None:
        everyone = self._everyone()
        await self._order.stop_all("Aurora quits")
        while any(runner.has_processes for runner in everyone) or self._takeover.is_busy:
            await self._order.wait_for_change()

    async def _kill_all(self) -> None:
        self.hurry()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(2.0):
                while any(runner.has_processes for runner in self._everyone()):
                    await self._order.wait_for_change()

    def _make_runner(self, name: str, spec: Service) -> Runner:
        return Runner(name, spec, self._around, self._order.blockers, self._runner_changed)

    def _runner_changed(self, changed: Runner) -> None:
        if changed.name in self._removed and not changed.has_processes:
            del self._removed[changed.name]
        self._order.has_changed(changed)

    def _everyone(self) -> tuple[Runner, ...]:
        """Those of the settings, and those that were taken out of them and have not ended yet."""
        return (*self._runners.values(), *self._removed.values())

    def _run(self, work: Coroutine[None, None, None]) -> None:
        task = self._around.loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._part_ended)

    def _part_ended(self, task: "asyncio.Task[None]") -> None:
        """No part ends in silence."""
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("a part of the supervisor failed", exc_info=error)
            detail = f"a part of the supervisor failed: {type(error).__name__}: {error}"
            self._around.publish(PartFailed(at=self._around.clock.wall(), component="aurora", detail=detail))

    # --- what the operator asks for ---------------------------------------------------------------------------

    @property
    def paused(self) -> bool:
        return self._around.paused

    def views(self) -> tuple[ServiceView, ...]:
        return tuple(self.view(name) for name in self._runners if not name.startswith(WORKER_PREFIX))

    def worker_views(self) -> tuple[ServiceView, ...]:
        return tuple(self.view(name) for name in self._runners if name.startswith(WORKER_PREFIX))

    def view(self, name: str) -> ServiceView:
        return present(self._known(name), self._around)

    def measures(self, name: str) -> Measures:
        """What was measured of it in passing; not to be changed."""
        return self._known(name).measures

    async def memory_of(self, name: str) -> int | None:
        """Bytes of its tree as they are now, shared pages counted once; None when it does not run.

        What is counted so is read in a thread: the kernel walks the pages of each process for it.
        """
        tree = self._known(name).tree
        members = tree.members(self._around.processes()) if tree is not None else {}
        if not members:
            return None
        resident = sum(info.memory_bytes for info in members.values())
        if len(members) == 1:
            return resident
        return await asyncio.to_thread(self._around.table.proportional_bytes, tuple(members)) or resident

    def employ(self, names: tuple[str, ...], cause: str) -> None:
        """Start workers that have work, unless the emergency stop holds them back."""
        self._check(names)
        if not self._quits:
            self._order.start(names, cause)

    def dismiss(self, names: tuple[str, ...], cause: str, *, kill: bool = False) -> None:
        """Stop workers that are not needed now; `kill`: at once, so that what is frozen does not run once more."""
        self._check(names)
        for name in names if kill else ():
            self._runners[name].kill()
        self._order.stop(names, cause)

    def has_processes(self, name: str) -> bool:
        """Whether anything of it may still be there; also of one that was taken out of the settings."""
        return any(runner.has_processes for runner in self._everyone() if runner.name == name)

    def start(self, names: tuple[str, ...], source: str) -> None:
        self._check(names)
        self._tell_command("start", names, source)
        self._refuse_while_quitting()
        self._refuse_while_latched(names)
        self._order.start(names, "started by the operator")

    def stop(self, names: tuple[str, ...], source: str) -> None:
        self._check(names)
        self._tell_command("stop", names, source)
        self._order.stop(names, "stopped by the operator")

    def restart(self, names: tuple[str, ...], source: str) -> None:
        self._check(names)
        self._tell_command("restart", names, source)
        self._refuse_while_quitting()
        self._refuse_while_latched(names)
        self._order.restart(names, "restarted by the operator")

    def pause(self, source: str) -> None:
        self._set_paused(source, paused=True)

    def resume(self, source: str) -> None:
        self._set_paused(source, paused=False)

    def _set_paused(self, source: str, *, paused: bool) -> None:
        if self._around.paused == paused:
            return
        self._around.paused = paused
        self._tell_command("pause" if paused else "resume", (), source)
        self._around.publish(SupervisionPaused(at=self._around.clock.wall(), component="aurora", paused=paused))
        if not paused:
            self._feed_all(Resumed())

    def freeze_marked(self, cause: str) -> None:
        """Do with each service what its `on_estop` says: freeze it where it stands, stop it, or nothing."""
        for runner in self._runners.values():
            match runner.spec.on_estop:
                case "freeze":
                    runner.feed(Freeze(cause))
                case "stop":
                    runner.feed(Stop(cause))

    def latch(self, cause: str) -> None:
        """From now on nothing with an `on_estop` is started by anybody; "" ends that and starts nothing by itself."""
        self._around.latched_by = cause

    def marked(self) -> dict[str, tuple[Service, Tree]]:
        """Each service with an `on_estop` that has a process tree now, and that tree."""
        marked = {name: runner for name, runner in self._runners.items() if runner.spec.on_estop != "ignore"}
        return {name: (runner.spec, runner.tree) for name, runner in marked.items() if runner.tree is not None}

    def thaw(self, names: tuple[str, ...], cause: str) -> None:
        """Let frozen services go on."""
        self._check(names)
        for name in names:
            self._runners[name].feed(Thaw(cause))

    # --- what healing asks for ----------------------------------------------------------------------------------

    @property
    def stood_still_s(self) -> float:
        """For how long Aurora itself could not run so far, in seconds; no child is to be blamed for that time."""
        return self._around.stalls.total_s()

    @property
    def latched(self) -> bool:
        """Whether the emergency stop holds: nothing may be started but services that it does not concern."""
        return bool(self._around.latched_by)

    @property
    def table(self) -> ProcessTable:
        return self._around.table

    def tree(self, name: str) -> Tree | None:
        """The processes of a service that is up and may be judged: neither frozen, stopped nor on its way."""
        runner = self._runners.get(name)
        is_judged = runner is not None and runner.status.state in ("running", "ready", "unhealthy")
        return runner.tree if runner is not None and is_judged else None

    def unwell(self, name: str, kind: FailureKind, cause: str) -> None:
        """Alive, and to be replaced, as after a failed liveness probe. Raises UnknownServiceError."""
        self._known(name).feed(Unwell(kind, cause))

    # --- waiting ------------------------------------------------------------------------------------------------

    async def settled(self, names: tuple[str, ...]) -> None:
        self._check(names)
        while not all(self._order.is_settled(name) for name in names):
            await self._order.wait_for_change()

    def _refuse_while_latched(self, names: Iterable[str]) -> None:
        held = [name for name in names if self._runners[name].is_latched]
        if held:
            raise AuroraError(
                "The emergency stop holds this back",
                f"{', '.join(held)}: nothing with an `on_estop` starts while the stop is latched",
                "Reset first, in Aurora's window",
            )

    def _refuse_while_quitting(self) -> None:
        if self._quits:
            raise AuroraError("Aurora quits and starts nothing any more", "", "Ask again once it runs again.")

    def _check(self, names: Iterable[str]) -> None:
        for name in names:
            self._known(name)

    def _known(self, name: str) -> Runner:
        if name in self._runners:
            return self._runners[name]
        near = difflib.get_close_matches(name, self._runners, n=1)
        hint = f"Did you mean `{near[0]}`?" if near else "`aurora ps` lists the services."
        raise UnknownServiceError(f"There is no service `{name}`", "", hint)

    def _tell_command(self, command: OperatorVerb, names: Iterable[str], source: str) -> None:
        components = [f"service:{name}" for name in names] or ["aurora"]
        for component in components:
            at = self._around.clock.wall()
            self._around.publish(OperatorCommand(at=at, component=component, command=command, source=source))

    # --- changed settings -------------------------------------------------------------------------------------

    def apply(self, settings: Settings) -> None:
        """Take over changed settings: services whose definition is the same are not touched."""
        if self._quits:
            return
        difference = changes(self._settings, settings)
        self._settings = settings
        for name in difference.removed:
            self._remove(name)
        for name in (*difference.added, *difference.changed):
            self._add_or_change(name, settings.services[name])
        self._sort_as_in(settings)
        fresh = [name for name in difference.added if settings.services[name].autostart]
        for name in self._order.sorted(graph.with_requirements(self._order.services(), fresh)):
            runner = self._runners[name]
            if (
                not runner.is_latched
                and not runner.is_up
                and (not runner.status.is_alive or runner.status.state == "stopping")
            ):
                runner.feed(Start("added to the settings"))
        self._feed_all(DependenciesChanged())

    def _feed_all(self, stimulus: Stimulus) -> None:
        for name in self._order.sorted(self._runners):
            self._runners[name].feed(stimulus)

    def _sort_as_in(self, settings: Settings) -> None:
        """In place: others hold this dictionary too."""
        runners = {name: self._runners[name] for name in settings.services}
        self._runners.clear()
        self._runners.update(runners)

    def _remove(self, name: str) -> None:
        runner = self._runners.pop(name)
        self._order.forget(name)
        if runner.status.is_alive or runner.has_processes:
            self._removed[name] = runner
        runner.feed(Stop("removed from the settings"))

    def _add_or_change(self, name: str, spec: Service) -> None:
        if name in self._removed:
            # Taken out and put in again before it had ended: the old one must be gone before the new one comes.
            self._runners[name] = self._removed.pop(name)
            self._runners[name].next_spec = spec
            return
        runner = self._runners.get(name)
        if runner is None:
            self._runners[name] = self._make_runner(name, spec)
            return
        if not runner.status.is_alive:
            runner.spec, runner.next_spec = spec, None
            runner.adjustments.definition_changed(spec)
            if runner.status.wanted:
                runner.feed(Restart("its definition changed"))
            return
        runner.next_spec = spec
        if runner.status.wanted:
            runner.feed(Restart("its definition changed"))

    # --- sd_notify --------------------------------------------------------------------------------------------

    def _notified(self, pid: int, assignments: dict[str, str]) -> None:
        runner = self._sender(pid)
        if runner is not None:
            runner.notified(assignments)

    def _sender(self, pid: int) -> Runner | None:
        for runner in self._runners.values():
            if runner.pid == pid:
                return runner
        marker = self._around.table.environment(pid).get(SPAWN_MARKER)
        for runner in self._runners.values():
            if runner.tree is not None and runner.tree.marker == marker:
                return runner
        return None
