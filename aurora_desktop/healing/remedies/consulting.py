"""What is wrong now and what would be done about it: answers for who asks, beside the stream of events."""

from collections.abc import Callable

from aurora_desktop.core.clock import Clock
from aurora_desktop.core.errors import AuroraError
from aurora_desktop.core.events import service_component
from aurora_desktop.core.settings.schema import Settings
from aurora_desktop.healing.faults import Sighting, service_of
from aurora_desktop.healing.remedies.diagnosing import Diagnosis
from aurora_desktop.healing.remedies.recognise import UNKNOWN
from aurora_desktop.healing.view import RemedyTrial
from aurora_desktop.healing.yard import Tended


def why_not(settings: Settings, tending: Tended, component: str, sighting: Sighting | None = None) -> str:
    """Why the settings, or the supervisor, allow nothing now, in words; "" when they do. `sighting`: of a failure."""
    name = service_of(component)
    if not settings.healing.enabled:
        return "healing is switched off (`healing.enabled`)"
    if name is None:
        return ""
    spec = tending.definition(name)
    if spec is not None and not spec.healing.remedies:
        return f"its settings allow no remedies (`services.{name}.healing.remedies`)"
    if spec is not None and sighting is not None:
        if sighting.exit_code in spec.restart_prevent_exit_status:
            return "its settings say that it stays down after this exit code (`restart_prevent_exit_status`)"
        if spec.restart_policy == "never":
            return "its settings say that it is not started again (`restart: never`)"
    return tending.why_not(name)


class Consulting:
    """`may_not` says why nothing may be done to a component now, or ""."""

    def __init__(self, diagnosis: Diagnosis, tending: Tended, clock: Clock, may_not: Callable[[str], str]) -> None:
        self._diagnosis = diagnosis
        self._tending = tending
        self._clock = clock
        self._may_not = may_not

    async def test(self, text: str, service: str | None) -> RemedyTrial:
        """What this text would be recognised as, and what would be tried. Raises AuroraError for no such service."""
        if service is not None:
            self._check(service)
        lines = text.splitlines() or [""]
        component = service_component(service or "the service")
        fault = await self._diagnosis.searched(self._seen(component, lines[0], tuple(lines), kind="exit"))
        remedies = await self._diagnosis.ordered(fault) if fault.kind != UNKNOWN else ()
        return RemedyTrial(
            kind=fault.kind,
            sentence=fault.sentence,
            facts=fault.facts,
            remedies=tuple(remedy.name for remedy in remedies),
            next_step=self._diagnosis.next_step(fault),
        )

    async def findings(self, name: str | None, begin: Callable[[Sighting], None] | None) -> tuple[str, ...]:
        """A sentence for each service that is unwell, or for this one; `begin` heals. Raises AuroraError."""
        if name is not None:
            self._check(name)
        names = self._tending.names() if name is None else (name,)
        return tuple([await self._finding(each, begin) for each in names if name or self._is_unwell(each)])

    def _check(self, name: str) -> None:
        if self._tending.definition(name) is None:
            raise AuroraError(f"There is no service `{name}`", "", "`aurora ps` lists the services.")

    def _is_unwell(self, name: str) -> bool:
        view = self._tending.view(name)
        return view is not None and view.is_problem

    async def _finding(self, name: str, begin: Callable[[Sighting], None] | None) -> str:
        view = self._tending.view(name)
        if view is None or not view.is_problem:
            return f"{name}: nothing is wrong"
        seen = await self._diagnosis.with_lines(self._seen(service_component(name), view.problem))
        fault = await self._diagnosis.recognised(seen)
        remedies = ", ".join(remedy.name for remedy in await self._diagnosis.ordered(fault))
        if not remedies:
            step = self._diagnosis.next_step(fault)
            return f"{fault.sentence}. " + (f"Next step: {step}" if step else "No remedy is known for it")
        if reason := self._may_not(fault.component):
            return f"{fault.sentence}. What may help: {remedies}; nothing is done: {reason}"
        if begin is None:
            return f"{fault.sentence}. What may help: {remedies}"
        begin(seen)
        return f"{fault.sentence}. What fits of these is tried now, or offered in the window: {remedies}"

    def _seen(self, component: str, message: str, lines: tuple[str, ...] = (), kind: str = "") -> Sighting:
        return Sighting(
            at=self._clock.wall(),
            component=component,
            event="service_failed",
            event_id=0,
            kind=kind,
            message=message,
            lines=lines,
        )
