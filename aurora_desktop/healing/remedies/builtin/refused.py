"""A connection that nobody accepts: where a required service should, that one is restarted first."""

import re
from typing import ClassVar

from aurora_desktop.core.errors import AuroraError
from aurora_desktop.core.settings.schema import Service
from aurora_desktop.healing.faults import Fault, Invasiveness
from aurora_desktop.healing.remedies.builtin.common import STAYS_S, WELL_WITHIN_S, Helping, named
from aurora_desktop.healing.remedies.builtin.places import declared_ports, is_here, port_of
from aurora_desktop.healing.remedies.kinds import FaultKind
from aurora_desktop.healing.remedies.remedy import Done, Plan, RefusedError
from aurora_desktop.healing.remedies.wording import in_words
from aurora_desktop.healing.yard import Yard

KIND = "refused_connection"
_UP = ("running", "ready")
_HOST = r"(?P<host>\[[0-9a-fA-F:]+\]|[\w.-]{1,253})"
_NO_PROBE = "".join(f"(?<!{probe} probe: )" for probe in ("startup", "readiness", "liveness"))
_PORT = r"(?P<port>\d{1,5})"

FAULT_KINDS = (
    FaultKind(
        name=KIND,
        title="Connection refused",
        sentence="{service}: nothing accepts connections at {host}:{port}",
        next_step="See whether the program that should answer runs, and on that port: `ss -ltn`",
        patterns=(
            rf"ECONNREFUSED,? (?:connect )?{_HOST}:{_PORT}\b",
            rf"Connect call failed \('{_HOST}', {_PORT}",
            rf"(?i)dial tcp {_HOST}:{_PORT}: connect: connection refused",
            rf"(?i)failed to connect to {_HOST} port {_PORT}\b",
            rf"(?i)connect(?:ion)? to (?:server at )?\"?{_HOST}\"?(?: \([^)]*\))?,? port {_PORT} (?:failed|refused)",
            rf"(?i)host='{_HOST}', port={_PORT}\).{{0,400}}refused",
            rf"(?i)error \d+ connecting to {_HOST}:{_PORT}\. connection refused",
            rf"(?i)connect\(\) failed \(111: .{{0,300}}upstream: \"\w+://{_HOST}:{_PORT}",
            rf"(?i)\bconnect\(2\) for \"?{_HOST}\"? port {_PORT}",
            rf"(?i)(?<![\w.-]){_HOST}:{_PORT}\b.{{0,80}}connection refused",
            rf"(?i)connection refused.{{0,80}}(?<![\w.-]){_HOST}:{_PORT}\b",
            # Not what Aurora's own probe met: that tells of the service itself, and nothing of whom it asks.
            rf"(?i){_NO_PROBE}connection refused|ConnectionRefused|ECONNREFUSED|Verbindungsaufbau abgelehnt",
            r"\[(?:Errno|WinError) (?:111|61|10061)\]",
            r"\b(?:os error|errno:?|code:) -?(?:111|10061)\b",
        ),
        more=(r"^\s*port: (?P<port>\d{1,5}),?$", r"^\s*address: '(?P<host>[\w.:-]{1,253})'"),
        hints=("refused", "failed", "111", "10061", " 61", "abgelehnt", "connect("),
        priority=50,
    ),
)


class RestartDependency(Helping):
    """What does not answer is a service that this one requires: it is restarted first."""

    name: ClassVar[str] = "restart_dependency"
    kinds: ClassVar[tuple[str, ...]] = (KIND,)
    invasiveness: ClassVar[Invasiveness] = Invasiveness.RESTART
    summary: ClassVar[str] = "Restarts the required service that does not answer, then the service itself"
    verifies: ClassVar[str] = "both services come up and stay up"

    async def plan(self, fault: Fault, yard: Yard) -> Plan | None:
        name, spec = named(fault, yard)
        dependency = _dependency(fault, spec, yard)
        if dependency is None:
            raise _nobody_of_ours(fault, name, spec)
        return Plan(f"Restart {dependency}, which {name} requires and which does not answer, then {name}")

    async def apply(self, fault: Fault, yard: Yard) -> Done:
        name, spec = named(fault, yard)
        dependency = _dependency(fault, spec, yard)
        if dependency is None:
            raise _nobody_of_ours(fault, name, spec)
        try:
            yard.restart(dependency, f"{name} could not connect to it")
        except AuroraError as error:
            raise RefusedError(error.title, error.detail, error.hint) from error
        if not await yard.until_well(dependency, WELL_WITHIN_S, 0.0):
            raise RefusedError(
                f"{dependency} does not come up", f"{name} requires it", f"See why: `aurora logs {dependency}`"
            )
        yard.restart(name, f"{dependency} is up again")
        return Done(f"restarted {dependency}, then {name}", {"dependency": dependency})

    async def verify(self, fault: Fault, done: Done, yard: Yard) -> bool:
        is_up = await yard.until_well(done.facts["dependency"], WELL_WITHIN_S, STAYS_S)
        return is_up and await super().verify(fault, done, yard)


def _dependency(fault: Fault, spec: Service, yard: Yard) -> str | None:
    """The required service that should have answered: by port, by its name in the text, or the only one there is."""
    required = [name for name in spec.requires if (one := yard.service(name)) is not None and one.type != "oneshot"]
    port = port_of(fault.facts.get("port", ""))
    if port is not None:
        if not is_here(fault.facts.get("host", "")) and fault.facts.get("host") not in required:
            return None
        return next((name for name in required if port in _ports(name, yard)), None)
    text = "\n".join((fault.sighting.message, *fault.sighting.lines))
    mentioned = [name for name in required if re.search(rf"(?<![\w.-]){re.escape(name)}(?![\w.-])", text)]
    down = [name for name in required if (view := yard.view(name)) is not None and view.state not in _UP]
    listening = [name for name in required if _ports(name, yard)]
    for candidates in (mentioned, down, listening):
        if len(candidates) == 1:
            return candidates[0]
    return None


def _ports(name: str, yard: Yard) -> list[int]:
    spec = yard.service(name)
    return declared_ports(spec, yard.environment(name)) if spec is not None else []


def _nobody_of_ours(fault: Fault, name: str, spec: Service) -> RefusedError:
    host, port = fault.facts.get("host", ""), port_of(fault.facts.get("port", ""))
    where = in_words("{host}:{port}", {key: fault.facts[key] for key in ("host", "port") if fault.facts.get(key)})
    required = f"none of {', '.join(spec.requires)} is known to listen there" if spec.requires else "it requires none"
    look = f"`ss -ltnp 'sport = :{port}'`" if port is not None and is_here(host) else f"`aurora logs {name}`"
    return RefusedError(
        f"Nothing that Aurora runs for {name} answers at {where}",
        required,
        f"Start what should answer there ({look}); if it is a service of Aurora's, name it in `requires` of {name}"
        " and give it a `tcp` probe",
    )


REMEDIES = (RestartDependency(),)
