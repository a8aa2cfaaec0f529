"""Remedies that people write in their settings: what they recognise, run, verify and undo."""

import re
from collections.abc import Mapping, Sequence

from aurora_desktop.core.errors import AuroraError
from aurora_desktop.core.settings.schema import Settings
from aurora_desktop.core.settings.schema_healing import UserRemedy
from aurora_desktop.healing.faults import Fault, Invasiveness
from aurora_desktop.healing.remedies.gated import GatedFixes
from aurora_desktop.healing.remedies.remedy import ANY_KIND, Done, Plan, RefusedError
from aurora_desktop.healing.yard import Ran, Yard

_PLACE = re.compile(r"\{(\w+)\}")
_SHOWN_OUTPUT = 300
_FAILED = "failed"
_FIX = "fix"


class OwnRemedy:
    """One of `healing.remedies`. Where it changes files and the service declares a check, it is gated by that."""

    kinds = (ANY_KIND,)

    def __init__(self, name: str, declared: UserRemedy, stays_s: float, gate: GatedFixes) -> None:
        self.name = name
        self.declared = declared
        self._stays_s = stays_s
        self._gate = gate

    @property
    def invasiveness(self) -> Invasiveness:
        return Invasiveness(self.declared.invasiveness)

    @property
    def asks(self) -> bool:
        return self.declared.ask_first

    @property
    def summary(self) -> str:
        again = ", then restarts the service" if self.declared.restart else ""
        return f"Runs `{' '.join(self.declared.command)}`{again}"

    @property
    def verifies(self) -> str:
        if self.declared.verify is None:
            return "the service is up again and stays so"
        return f"`{' '.join(self.declared.verify)}` exits with 0"

    @property
    def undoes(self) -> str:
        if self.declared.undo is None:
            return "it has no undo"
        return f"undone by `{' '.join(self.declared.undo)}`"

    def is_for(self, service: str | None) -> bool:
        """Whether it may be applied to this service at all."""
        return service is not None and (not self.declared.services or service in self.declared.services)

    async def plan(self, fault: Fault, yard: Yard) -> Plan | None:
        if fault.service is None or not self.is_for(fault.service) or f"{self.name}." not in fault.facts:
            return None
        command = self._filled(self.declared.command, fault)
        return Plan(f"Run `{' '.join(command)}` in {yard.folder(fault.service)}", command)

    async def apply(self, fault: Fault, yard: Yard) -> Done:
        service = _service(fault)
        facts: dict[str, str] = {}
        if self._is_gated(service, yard):
            fix = await self._gate.apply(fault, self.name, yard, lambda: self._changed(fault, yard))
            facts = {_FIX: fix}
        else:
            ran = await self._run(self.declared.command, fault, yard)
            if not ran.ok:  # half of it may be done: `verify` says no, and it is undone
                return Done(_said(self.declared.command, ran), {_FAILED: "yes"})
        if self.declared.restart:
            yard.restart(service, f"healed by your remedy `{self.name}`")
        return Done(f"`{' '.join(self.declared.command)}` was run", facts)

    async def verify(self, fault: Fault, done: Done, yard: Yard) -> bool:
        if _FAILED in done.facts:
            return False
        helped = await self._is_well(fault, yard)
        if helped and _FIX in done.facts:
            await self._gate.keep(done.facts[_FIX])
        return helped

    async def _is_well(self, fault: Fault, yard: Yard) -> bool:
        service = _service(fault)
        spec = yard.service(service)
        within_s = spec.timeout_start_sec if spec is not None else 0.0
        is_asked = self.declared.verify is not None
        if (self.declared.restart or not is_asked) and not await yard.until_well(
            service, within_s, 0.0 if is_asked else self._stays_s
        ):
            return False
        return self.declared.verify is None or (await self._run(self.declared.verify, fault, yard)).ok

    async def undo(self, fault: Fault, done: Done, yard: Yard) -> None:
        if _FIX in done.facts:
            await self._gate.roll_back(done.facts[_FIX])
        if self.declared.undo is None:
            return
        ran = await self._run(self.declared.undo, fault, yard)
        if not ran.ok:
            raise AuroraError(_said(self.declared.undo, ran), "", "Look at what the remedy did, and mend it by hand")

    def _is_gated(self, service: str, yard: Yard) -> bool:
        spec = yard.service(service)
        changes_files = self.declared.invasiveness == Invasiveness.CHANGE_FILES
        return changes_files and spec is not None and spec.healing.check is not None

    async def _changed(self, fault: Fault, yard: Yard) -> None:
        ran = await self._run(self.declared.command, fault, yard)
        if not ran.ok:
            raise AuroraError(_said(self.declared.command, ran))

    async def _run(self, template: Sequence[str], fault: Fault, yard: Yard) -> Ran:
        return await yard.run(_service(fault), self._filled(template, fault), self.declared.timeout_sec)

    def _filled(self, template: Sequence[str], fault: Fault) -> tuple[str, ...]:
        prefix = f"{self.name}."
        found = {key.removeprefix(prefix): text for key, text in fault.facts.items() if key.startswith(prefix)}
        return filled(template, {**found, "service": _service(fault)}, self._groups())

    def _groups(self) -> set[str]:
        return set(re.compile(self.declared.pattern).groupindex)


def filled(template: Sequence[str], found: Mapping[str, str], groups: set[str]) -> tuple[str, ...]:
    """Each argument with `{service}` and the named groups filled in; other braces stay as they are.

    What was found in a log is nobody's word: it stays inside its one argument, and never makes an option of it.
    Raises RefusedError for one that would, or for a group that found nothing.
    """

    def put(place: "re.Match[str]") -> str:
        name = place[1]
        if name in found:
            return found[name]
        if name in groups:
            raise RefusedError(f"`{{{name}}}` of its command was not found in the failure")
        return place[0]

    arguments = tuple(_PLACE.sub(put, part) for part in template)
    for part, argument in zip(template, arguments, strict=True):
        if "\0" in argument or (argument.startswith("-") and not part.startswith("-")):
            raise RefusedError(
                f"what was found for `{part}` would be taken for an option of the command, or is no text",
                "",
                "Write `--` before it in the command, or part of the argument itself, like `./{path}`",
            )
    return arguments


def own_remedies(settings: Settings, gate: GatedFixes) -> tuple[OwnRemedy, ...]:
    """Those of the settings, in their order."""
    healing = settings.healing
    return tuple(OwnRemedy(name, declared, healing.verify_sec, gate) for name, declared in healing.remedies.items())


def _service(fault: Fault) -> str:
    if fault.service is None:
        raise RefusedError(f"{fault.component} is no service")
    return fault.service


def _said(command: Sequence[str], ran: Ran) -> str:
    how = "did not end in time" if ran.code is None else f"exited with code {ran.code}"
    last = " | ".join(line.strip() for line in ran.output.splitlines()[-3:] if line.strip())
    return f"`{command[0]}` {how}" + (f": {last[-_SHOWN_OUTPUT:]}" if last else "")
