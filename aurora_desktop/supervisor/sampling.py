"""Memory and CPU of whole process trees, and what follows when they are over their limits."""

from collections.abc import Iterable
from typing import Literal

from aurora_desktop.core.events import LimitWarning
from aurora_desktop.supervisor.glance import Glance
from aurora_desktop.supervisor.outcome import format_bytes
from aurora_desktop.supervisor.processes import ProcessInfo
from aurora_desktop.supervisor.runner import Runner
from aurora_desktop.supervisor.stimuli import Unwell
from aurora_desktop.supervisor.surroundings import Surroundings

MEMORY_WARNING = 0.9
MEMORY_CALM = 0.8
MEMORY_HIGH_REPEAT_S = 600.0
CPU_LASTING_S = 60.0


class Sampler:
    """`sample` reads every tree in one pass; `check_memory` only the trees with a limit, and more often.

    Over `memory_max` a service is unwell at once. Over `memory_high` it is only told, and again every
    MEMORY_HIGH_REPEAT_S seconds as long as it stays there: the quiet moment is waited for by whoever reads that.

    Where there is a `glance`, what it finds far below its limit is not looked at properly.
    """

    def __init__(self, around: Surroundings, glance: Glance | None = None) -> None:
        self._around = around
        self._glance = glance
        self._cpu: dict[str, tuple[str, float, float]] = {}
        self._cpu_over_since: dict[str, float] = {}
        self._memory_warned: set[str] = set()
        self._high_told_at: dict[str, float] = {}

    def sample(self, runners: Iterable[Runner]) -> None:
        everyone = self._around.processes()
        for runner in runners:
            if runner.tree is None:
                self._forget(runner)
                continue
            members = runner.tree.members(everyone)
            runner.memory_history.append(sum(info.memory_bytes for info in members.values()))
            self._sample_cpu(runner, sum(info.cpu_s for info in members.values()))
            self._judge_memory(runner, members)

    def check_memory(self, runners: Iterable[Runner]) -> None:
        for runner in runners:
            lowest = runner.spec.memory_high or runner.spec.memory_max
            if runner.tree is None or lowest is None:
                continue
            if not self._is_calm(runner, runner.tree.main.pid, lowest):
                self._judge_memory(runner, self._family(runner.tree.main.pid))
        if self._glance is not None:
            self._glance.tidy()

    def _is_calm(self, runner: Runner, root: int, limit: int) -> bool:
        """Whether a glance is enough to say that it is far below its limit; no warning waits to be taken back."""
        if self._glance is None or runner.name in self._memory_warned or runner.name in self._high_told_at:
            return False
        used = self._glance.of(root)
        return used is not None and used < MEMORY_CALM * limit

    def _family(self, root: int) -> dict[int, ProcessInfo]:
        """The descendants alone, by a handful of small reads; `sample` counts the others too."""
        found: dict[int, ProcessInfo] = {}
        ahead = [root]
        while ahead:
            pid = ahead.pop()
            if pid not in found and (info := self._around.table.read(pid)) is not None:
                found[pid] = info
                ahead.extend(self._around.table.children(pid))
        return found

    def _sample_cpu(self, runner: Runner, cpu_s: float) -> None:
        assert runner.tree is not None  # noqa: S101 - the caller has looked
        now, marker = self._around.clock.monotonic(), runner.tree.marker
        before = self._cpu.get(runner.name)
        self._cpu[runner.name] = (marker, now, cpu_s)
        if before is None or before[0] != marker or now <= before[1]:
            return
        # A member that ended takes its share along: never below zero.
        percent = max(0.0, 100.0 * (cpu_s - before[2]) / (now - before[1]))
        runner.cpu_history.append(round(percent, 1))
        self._judge_cpu(runner, percent, now)

    def _judge_cpu(self, runner: Runner, percent: float, now: float) -> None:
        limit = runner.spec.cpu_max_percent
        if limit is None or percent <= limit:
            if self._cpu_over_since.pop(runner.name, None) is not None:
                runner.warning = ""
            return
        since = self._cpu_over_since.setdefault(runner.name, now)
        if now - since < CPU_LASTING_S or runner.warning:
            return
        runner.warning = f"uses {percent:.0f} % of a core for over a minute (cpu_max_percent: {limit:g})"
        self._warn(runner, "cpu", percent, limit, runner.warning)

    def _judge_memory(self, runner: Runner, members: dict[int, ProcessInfo]) -> None:
        if runner.spec.memory_high is None and self._high_told_at.pop(runner.name, None) is not None:
            runner.warning = ""  # the settings have no such limit any more
        lowest = runner.spec.memory_high or runner.spec.memory_max
        if lowest is None or not members:
            return
        used = sum(info.memory_bytes for info in members.values())
        if used > lowest and len(members) > 1:
            # The sum counts shared pages several times: before it costs a restart, count them once.
            used = self._around.table.proportional_bytes(members) or used
        if runner.spec.memory_high is not None:
            self._judge_high(runner, used, runner.spec.memory_high)
        if runner.spec.memory_max is not None:
            self._judge_max(runner, used, runner.spec.memory_max)

    def _judge_high(self, runner: Runner, used: int, limit: int) -> None:
        now = self._around.clock.monotonic()
        told_at = self._high_told_at.get(runner.name)
        if used > limit and runner.status.state != "stopping":
            if told_at is None or now - told_at >= MEMORY_HIGH_REPEAT_S:
                self._high_told_at[runner.name] = now
                runner.warning = f"over memory_high: {format_bytes(used)} of {format_bytes(limit)}"
                self._warn(runner, "memory", used, limit, runner.warning)
        elif used < MEMORY_CALM * limit and told_at is not None:
            del self._high_told_at[runner.name]
            runner.warning = ""

    def _judge_max(self, runner: Runner, used: int, limit: int) -> None:
        if used > limit:
            cause = f"over memory limit: {format_bytes(used)} of {format_bytes(limit)} (memory_max)"
            self._warn_once(runner, used, limit, cause)
            runner.feed(Unwell("memory", cause))
        elif used > MEMORY_WARNING * limit:
            self._warn_once(
                runner, used, limit, f"near its memory limit: {format_bytes(used)} of {format_bytes(limit)}"
            )
        elif used < MEMORY_CALM * limit and runner.name in self._memory_warned:
            self._memory_warned.discard(runner.name)
            runner.warning = ""

    def _warn_once(self, runner: Runner, used: int, limit: int, cause: str) -> None:
        if runner.name not in self._memory_warned and runner.status.state != "stopping":
            self._memory_warned.add(runner.name)
            runner.warning = cause
            self._warn(runner, "memory", used, limit, cause)

    def _warn(self, runner: Runner, resource: Literal["memory", "cpu"], value: float, limit: float, cause: str) -> None:
        self._around.publish(
            LimitWarning(
                at=self._around.clock.wall(),
                component=runner.component,
                resource=resource,
                value=float(value),
                limit=float(limit),
                cause=cause,
            )
        )

    def _forget(self, runner: Runner) -> None:
        runner.warning = ""
        self._cpu.pop(runner.name, None)
        self._cpu_over_since.pop(runner.name, None)
        self._memory_warned.discard(runner.name)
        self._high_told_at.pop(runner.name, None)
