"""A port that is taken: a stray of ours that holds it is ended, else the service moves, else the holder is named."""

import asyncio
import socket
from collections.abc import Mapping, Sequence
from typing import ClassVar

from aurora_desktop.core.settings.schema import Service
from aurora_desktop.healing.faults import Fault, Invasiveness
from aurora_desktop.healing.remedies.builtin.common import Helping, named
from aurora_desktop.healing.remedies.builtin.places import declared_ports, port_of, probed_ports
from aurora_desktop.healing.remedies.kinds import FaultKind
from aurora_desktop.healing.remedies.remedy import Done, Plan, RefusedError
from aurora_desktop.healing.yard import Holder, Yard

KIND = "port_conflict"
_TAKEN = (
    r"(?:address (?:is )?already in use|EADDRINUSE|AddrInUse|Adresse wird bereits verwendet|Adresse déjà utilisée"
    r"|La dirección ya se está usando|address in use|only one usage of each socket address|WSAEADDRINUSE)"
)
_HOST = r"(?<![\w.*-])(?:\[[0-9a-f:]{0,40}\]|\d{1,3}(?:\.\d{1,3}){3}|localhost|\*|:{0,2})"

FAULT_KINDS = (
    FaultKind(
        name=KIND,
        title="Port already in use",
        sentence="{service}: port {port} is already in use",
        next_step="Find who holds it (`ss -ltnp`), end that, or give {service} another port",
        patterns=(
            rf"(?i){_TAKEN}[^\d/]{{0,40}}{_HOST}:+(?P<port>\d{{1,5}})\b",
            r"(?i)\('[^']{0,60}', (?P<port>\d{1,5})[^)]{0,60}\): .{0,60}in use",
            r"(?i)connection in use: \('[^']{0,60}', (?P<port>\d{1,5})",
            rf"(?i)(?:listen|bind|tcp)\S{{0,10}} (?:tcp\w? )?{_HOST}:(?P<port>\d{{1,5}})\b.{{0,80}}{_TAKEN}",
            rf"(?i){_HOST}:(?P<port>\d{{1,5}})[\s\"'():-].{{0,80}}{_TAKEN}",
            rf"(?i){_TAKEN}.{{0,60}}\bport:? (?P<port>\d{{1,5}})\b",
            rf"(?i)\bport:? (?P<port>\d{{1,5}})\b.{{0,60}}(?:{_TAKEN}|in use|is not available)",
            r"(?i)\bport (?:number )?(?P<port>\d{1,5}) (?:is|was) already (?:being used|allocated|taken|bound)",
            r"(?i)something is already running on port (?P<port>\d{1,5})",
            r"(?i)bind(?:\(\))?:? .{0,40}:(?P<port>\d{1,5}) failed \((?:98|48|10048):",
            rf"(?i){_TAKEN}(?!.{{0,10}}/)",
            r"(?i)\bport is already (?:in use|taken|allocated)",
            r"\[(?:Errno|WinError) (?:98|48|10048)\]",
            r"\b(?:os error|errno:?|code:) -?(?:98|48|10048)\b",
        ),
        # Node.js tells them below the error, in lines of their own.
        more=(r"^\s*port: (?P<port>\d{1,5}),?$", r"^\s*address: '(?P<path>/[^'\n]{1,400})'"),
        hints=("in use", "addrinuse", "already", "wird bereits", "déjà", "ya se est", "address", "98", "48", "port "),
        priority=60,
    ),
    FaultKind(
        name="privileged_port",
        title="Port needs special rights",
        sentence="{service} may not open its port {port}",
        next_step="Ports below 1024 are the administrator's: give {service} a higher one,"
        " or let all use them: `sudo sysctl net.ipv4.ip_unprivileged_port_start=80`",
        patterns=(
            r"listen E(?:ACCES|PERM): .{0,60}:(?P<port>\d{1,5})\b",
            r"(?i)bind(?:ing|\(\))?:? (?:to )?.{0,60}:(?P<port>\d{1,5})\b.{0,60}(?:permission denied|\(13:)",
            r"(?i)listen tcp.{0,60}:(?P<port>\d{1,5}): bind: permission denied",
            r"(?i)bind on address \('[^']*', (?P<port>\d{1,5})[^)]*\): permission denied",
        ),
        hints=("eacces", "eperm", "permission denied", "(13:"),
        priority=65,
    ),
)


class EndStrayOnPort(Helping):
    """The holder is a process that Aurora started for a service and lost: it is ended."""

    name: ClassVar[str] = "end_stray_on_port"
    kinds: ClassVar[tuple[str, ...]] = (KIND,)
    invasiveness: ClassVar[Invasiveness] = Invasiveness.RESTART
    summary: ClassVar[str] = "Ends the stray process of ours that holds the port, and restarts the service"

    async def plan(self, fault: Fault, yard: Yard) -> Plan | None:
        name, spec = named(fault, yard)
        port, holders = await _held(fault, name, spec, yard)
        if not holders:
            return None
        foreign = [holder for holder in holders if not holder.is_stray]
        if not foreign:
            return Plan(f"End {_listed(holders)}, a stray of ours that holds port {port}, and restart {name}")
        if spec.healing.port_range is not None:
            return None
        raise _held_by_others(port, foreign, name)

    async def apply(self, fault: Fault, yard: Yard) -> Done:
        name, spec = named(fault, yard)
        port, holders = await _held(fault, name, spec, yard)
        for holder in holders:
            if not await yard.end_stray(holder):
                raise _held_by_others(port, [holder], name)
        if not holders:
            yard.restart(name, "its port is free again")
            return Done(f"nobody holds the port of {name} any more: restarted it")
        yard.restart(name, f"port {port} is free again")
        return Done(f"ended {_listed(holders)}, which held port {port}, and restarted {name}", {"port": str(port)})


class MoveToFreePort(Helping):
    """Somebody else holds the port, and the service may move: it gets the next free one of its range."""

    name: ClassVar[str] = "move_to_free_port"
    kinds: ClassVar[tuple[str, ...]] = (KIND,)
    invasiveness: ClassVar[Invasiveness] = Invasiveness.RESTART
    summary: ClassVar[str] = "Gives the service the next free port of `healing.port_range`, until Aurora ends"
    verifies: ClassVar[str] = "the service stays up, and something listens on the new port"
    undoes: ClassVar[str] = "the service gets its own port back and is restarted"

    async def plan(self, fault: Fault, yard: Yard) -> Plan | None:
        name, spec = named(fault, yard)
        if spec.healing.port_env is None or spec.healing.port_range is None:
            return None
        port, holders = await _held(fault, name, spec, yard)
        if not holders or all(holder.is_stray for holder in holders):
            return None
        free = await self._free(name, spec, port)
        return Plan(f"Port {port} is held by {_listed(holders)}: start {name} on port {free} ({spec.healing.port_env})")

    async def apply(self, fault: Fault, yard: Yard) -> Done:
        name, spec = named(fault, yard)
        port, _ = await _held(fault, name, spec, yard)
        free = await self._free(name, spec, port)
        variable = spec.healing.port_env or ""
        yard.set_environment(name, variable, str(free))
        yard.restart(name, f"moved to port {free}")
        return Done(f"started {name} on port {free} instead of {port}", {"variable": variable, "port": str(free)})

    async def verify(self, fault: Fault, done: Done, yard: Yard) -> bool:
        return await super().verify(fault, done, yard) and await asyncio.to_thread(answers, int(done.facts["port"]))

    async def undo(self, fault: Fault, done: Done, yard: Yard) -> None:
        name, _ = named(fault, yard)
        yard.set_environment(name, done.facts["variable"], None)
        view = yard.view(name)
        if view is None or view.state not in ("stopping", "stopped"):  # else its next start has its own port
            yard.restart(name, "back on its own port")

    async def _free(self, name: str, spec: Service, taken: int) -> int:
        if taken in probed_ports(spec):
            raise RefusedError(
                f"{name} cannot move from port {taken}",
                "its probes ask that port, so that Aurora would not see it on another one",
                f"Use a `log_pattern` or `exec` probe for {name}, or free port {taken}: `ss -ltnp 'sport = :{taken}'`",
            )
        first, last = spec.healing.port_range or (1, 0)
        free = await asyncio.to_thread(next_free, first, last, taken)
        if free is None:
            raise RefusedError(
                f"No port from {first} to {last} is free for {name}",
                "each of them is held by somebody",
                f"Widen `healing.port_range` of {name}, or end who holds port {taken}",
            )
        return free


async def _held(fault: Fault, name: str, spec: Service, yard: Yard) -> tuple[int, list[Holder]]:
    """The taken port and who holds it; (0, nobody) when no port that it may be is held."""
    for port in _candidates(fault.facts, spec, yard.environment(name)):
        holders = [holder for holder in await yard.holders_of_port(port) if holder.is_stray or holder.service != name]
        if holders:
            return port, holders
    return 0, []


def _candidates(facts: Mapping[str, str], spec: Service, environment: Mapping[str, str]) -> Sequence[int]:
    told = port_of(facts.get("port", ""))
    return [told] if told is not None else declared_ports(spec, environment)


def next_free(first: int, last: int, taken: int) -> int | None:
    """The first port of the range that can be bound on all addresses."""
    return next((port for port in range(first, last + 1) if port != taken and _is_free(port)), None)


def _is_free(port: int) -> bool:
    for family, host in ((socket.AF_INET, "0.0.0.0"), (socket.AF_INET6, "::1")):  # noqa: S104 - let go at once
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host, port))
                probe.listen(1)
            except OSError:
                if family is socket.AF_INET:  # a machine without IPv6 has nothing taken there
                    return False
    return True


def answers(port: int) -> bool:
    """Whether something accepts connections on this port of the loopback."""
    for host in ("127.0.0.1", "::1"):
        try:
            socket.create_connection((host, port), timeout=1.0).close()
        except OSError:
            continue
        return True
    return False


def _listed(holders: Sequence[Holder]) -> str:
    return ", ".join(f"pid {holder.pid} ({holder.program})" for holder in holders)


def _held_by_others(port: int, holders: Sequence[Holder], name: str) -> RefusedError:
    of_ours = next((holder.service for holder in holders if holder.service), "")
    who = f"the service {of_ours} of Aurora's" if of_ours else "a program that Aurora did not start, and does not end"
    hint = (
        f"Give {name} or {of_ours} another port"
        if of_ours
        else f"End it if it is not needed (`kill {holders[0].pid}`), or give {name} another port"
    )
    return RefusedError(f"Port {port} is held by {_listed(holders)}", who, hint)


REMEDIES = (EndStrayOnPort(), MoveToFreePort())
