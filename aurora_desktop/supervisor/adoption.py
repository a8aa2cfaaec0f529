"""Finding the services that an earlier Aurora left running, so that none is started twice."""

import os
from collections.abc import Iterable, Mapping

from msgspec import Struct

from aurora_desktop.supervisor.ledger import Entry
from aurora_desktop.supervisor.processes import (
    PROBE_MARKER,
    SERVICE_MARKER,
    SPAWN_MARKER,
    STATE_MARKER,
    ProcessInfo,
    ProcessTable,
)
from aurora_desktop.supervisor.tree import Identity, Tree


class Found(Struct, frozen=True):
    """One tree of an earlier Aurora; `main` is `None` when only parts of it are left."""

    service: str
    tree: Tree
    has_main: bool
    age_s: float
    ready: bool
    frozen: bool
    definition: str


class _Marked(Struct, frozen=True):
    info: ProcessInfo
    marker: str
    service: str


def find(entries: Iterable[Entry], table: ProcessTable, state_digest: str, now: float) -> list[Found]:
    """The trees that are still there, by the ledger and by the markers in the processes' environment.

    Either is enough: a program may have cleared its environment, and the ledger may have been lost.
    """
    everyone = table.all()
    marked = _marked(everyone, table, state_digest)
    by_marker = {entry.marker: entry for entry in entries}
    boot_id = table.boot_id()
    markers = dict.fromkeys([*by_marker, *(m.marker for m in marked)])
    found = []
    for marker in markers:
        carriers = [m for m in marked if m.marker == marker]
        if marker == PROBE_MARKER:
            # Every Aurora's probes carry it: each is ended by its ancestry alone.
            found += [_found(m.service, "", m.info, None, False, table, now) for m in carriers]  # noqa: FBT003 - no main
            continue
        main = _main(by_marker.get(marker), carriers, everyone, boot_id)
        if main is None and not carriers:
            continue
        service = carriers[0].service if carriers else by_marker[marker].service
        found.append(
            _found(service, marker, main or carriers[0].info, by_marker.get(marker), main is not None, table, now)
        )
    return found


def _marked(everyone: Mapping[int, ProcessInfo], table: ProcessTable, state_digest: str) -> list[_Marked]:
    marked = []
    for info in everyone.values():
        if info.is_zombie or info.pid == os.getpid():
            continue
        environment = table.environment(info.pid)
        if environment.get(STATE_MARKER) == state_digest and SPAWN_MARKER in environment:
            marked.append(_Marked(info, environment[SPAWN_MARKER], environment.get(SERVICE_MARKER, "")))
    return marked


def _main(
    entry: Entry | None, carriers: list[_Marked], everyone: Mapping[int, ProcessInfo], boot_id: str
) -> ProcessInfo | None:
    """The process that was spawned itself: as the ledger has it, else the one that leads its session."""
    if entry is not None and entry.pid is not None:
        info = everyone.get(entry.pid)
        is_it = info is not None and info.started == entry.started and entry.boot_id == boot_id and not info.is_zombie
        return info if is_it else None
    pids = {m.info.pid for m in carriers}
    leaders = [m.info for m in carriers if m.info.session == m.info.pid and m.info.parent not in pids]
    return leaders[0] if len(leaders) == 1 else None


def _found(
    service: str, marker: str, root: ProcessInfo, entry: Entry | None, has_main: bool, table: ProcessTable, now: float
) -> Found:
    return Found(
        service=service,
        tree=Tree(table, marker, Identity(root.pid, root.started), now),
        has_main=has_main,
        age_s=table.age_s(root.pid),
        ready=entry.ready if entry else False,
        frozen=entry.frozen if entry else False,
        definition=entry.definition if entry else "",
    )
