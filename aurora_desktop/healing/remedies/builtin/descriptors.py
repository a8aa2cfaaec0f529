"""Too many open files: the service may open as many as the system allows, and what it hoards is named."""

import asyncio
import os
import re
from collections import Counter
from typing import ClassVar

from aurora_desktop.healing.faults import Fault, Invasiveness
from aurora_desktop.healing.remedies.builtin.common import Helping, named, plain
from aurora_desktop.healing.remedies.kinds import FaultKind
from aurora_desktop.healing.remedies.remedy import Done, Plan, RefusedError
from aurora_desktop.healing.yard import Yard

KIND = "too_many_open_files"
_A_LEAK = 20
_MOST_LOOKED_AT = 20_000

FAULT_KINDS = (
    FaultKind(
        name="system_out_of_files",
        title="The system is out of file descriptors",
        sentence="{service}: the whole machine has too many files open",
        next_step="See who has so many open (`cat /proc/sys/fs/file-nr`; `lsof | cut -d' ' -f1 | sort | uniq -c`),"
        " or raise `fs.file-max` with sysctl",
        patterns=(r"\bENFILE\b|(?i:too many open files in system)|\[Errno 23\]|\bos error 23\b",),
        hints=("enfile", "too many", "errno 23", "error 23"),
        priority=75,
    ),
    FaultKind(
        name=KIND,
        title="Too many open files",
        sentence="{service} has as many files open as it may",
        next_step="Look for files or connections that {service} does not close: `ls -l /proc/PID/fd`",
        patterns=(
            r"(?i)too many open files|\bEMFILE\b|Zu viele offene Dateien|Trop de fichiers ouverts",
            r"\[Errno 24\]|\bos error 24\b|errno:? -?24\b|cannot open shared object file: Error 24\b",
            r"(?i)\b(?:ulimit|RLIMIT_NOFILE|worker_connections).{0,60}(?:too low|not enough|exceed)",
        ),
        hints=("too many", "emfile", "zu viele", "trop de", "24", "ulimit", "nofile", "worker_conn"),
        priority=70,
    ),
)


class RaiseDescriptorLimit(Helping):
    """A higher limit buys time; the leak, if it is one, is told."""

    name: ClassVar[str] = "raise_descriptor_limit"
    kinds: ClassVar[tuple[str, ...]] = (KIND,)
    invasiveness: ClassVar[Invasiveness] = Invasiveness.RESTART
    summary: ClassVar[str] = "Lets the service open as many files as the system allows, and restarts it"
    undoes: ClassVar[str] = "nothing: the higher limit does no harm, and ends with Aurora"

    async def plan(self, fault: Fault, yard: Yard) -> Plan | None:
        name, _ = named(fault, yard)
        return Plan(f"Let {name} open as many files as the system allows, and restart it")

    async def apply(self, fault: Fault, yard: Yard) -> Done:
        name, _ = named(fault, yard)
        view = yard.view(name)
        hoard = await asyncio.to_thread(hoard_of, view.pid) if view is not None and view.pid else ""
        limit = yard.raise_descriptor_limit(name)
        if limit is None:
            raise RefusedError(
                f"{name} may already open as many files as the system allows",
                hoard or "what it has open is not known",
                "Look for what it does not close, or raise the hard limit (`ulimit -Hn`) for your user",
            )
        yard.restart(name, f"it may open {limit} files now")
        return Done(f"{name} may open {limit} files now" + (f"; {hoard}" if hoard else ""), {"limit": str(limit)})


def hoard_of(pid: int) -> str:
    """What a process has open most, when that looks like a leak: `120 of its 130 open files are sockets`."""
    kinds: Counter[str] = Counter()
    try:
        numbers = os.listdir(f"/proc/{pid}/fd")[:_MOST_LOOKED_AT]
    except OSError:
        return ""
    for number in numbers:
        try:
            kinds[_kind(os.readlink(f"/proc/{pid}/fd/{number}"))] += 1
        except OSError:
            continue
    if not kinds:
        return ""
    what, count = kinds.most_common(1)[0]
    return f"{count} of its {kinds.total()} open files are {what}" if count >= _A_LEAK else ""


def _kind(target: str) -> str:
    """`sockets` for `socket:[123]`; a file by its folder, so that a leak of many files is one."""
    if match := re.match(r"(socket|pipe|anon_inode):", target):
        return {"socket": "sockets", "pipe": "pipes"}.get(match[1], "watches, timers and the like")
    return f"in {plain(os.path.dirname(target) or target)}"


REMEDIES = (RaiseDescriptorLimit(),)
