"""What only the whole file can tell: reserved and unknown names, self-references and cycles."""

from collections.abc import Iterable, Iterator
from graphlib import CycleError, TopologicalSorter
from typing import NamedTuple

from aurora_desktop.core.settings.problems import Findings, joined, shown_key
from aurora_desktop.core.settings.schema import RESERVED_NAMES
from aurora_desktop.core.settings.tree import Mapping, Scalar, Sequence, Tree
from aurora_desktop.core.settings.validate import near_miss

ORDERING = ("requires", "after")
REFERENCES = (*ORDERING, "part_of")


class Reference(NamedTuple):
    """`service` names `target` in its list `key`; `item` is where."""

    service: str
    key: str
    position: int
    item: Scalar

    @property
    def target(self) -> str:
        return self.item.text

    @property
    def field(self) -> str:
        return joined(f"services.{shown_key(self.service)}.{self.key}", self.position)


def check_whole(tree: Tree, findings: Findings) -> None:
    """Leave to `findings` what is wrong between the services, whether or not each is right by itself."""
    services = services_of(tree)
    _check_agents(tree, services.entries if services is not None else {}, findings)
    if services is None:
        return
    _check_names(services, findings)
    good = [r for r in references(services) if _is_known(r, services, findings)]
    _check_cycles([r for r in good if r.key in ORDERING], findings)


def services_of(tree: Tree | None) -> Mapping | None:
    """The mapping under `services`, if there is one."""
    entry = tree.entries.get("services") if isinstance(tree, Mapping) else None
    return entry.value if entry and isinstance(entry.value, Mapping) else None


def _check_agents(tree: Tree, services: Iterable[str], findings: Findings) -> None:
    """The service that is restarted for an agent has to be there."""
    agents = _member(_member(tree, "agents"), "watch")
    for name, entry in agents.entries.items() if isinstance(agents, Mapping) else ():
        service = _member(entry.value, "service")
        if isinstance(service, Scalar) and isinstance(service.value, str) and service.value not in services:
            field = f"agents.watch.{shown_key(name)}.service"
            message = f"there is no service `{shown_key(service.text)}`"
            findings.add(service, field, message, near_miss(service.text, services))


def _member(tree: Tree | None, key: str) -> Tree | None:
    entry = tree.entries.get(key) if isinstance(tree, Mapping) else None
    return entry.value if entry is not None else None


def references(services: Mapping) -> Iterator[Reference]:
    """Every name that a service gives in `requires`, `after` or `part_of`, in the order of the file."""
    for name, service in services.entries.items():
        for key in REFERENCES:
            entry = service.value.entries.get(key) if isinstance(service.value, Mapping) else None
            items = entry.value.items if entry and isinstance(entry.value, Sequence) else ()
            for index, item in enumerate(items):
                if isinstance(item, Scalar) and isinstance(item.value, str):
                    yield Reference(name, key, index, item)


def _check_names(services: Mapping, findings: Findings) -> None:
    seen: dict[str, str] = {}
    for name, entry in services.entries.items():
        field = joined("services", name)
        if name.lower() in RESERVED_NAMES:
            findings.add(entry.key, field, f"the name `{name}` is reserved for Aurora itself", "choose another")
        elif (other := seen.setdefault(name.lower(), name)) != name:
            message = f"differs from `{shown_key(other)}` in upper and lower case alone"
            findings.add(entry.key, field, message, "their logs would share a file on some systems")


def _is_known(reference: Reference, services: Mapping, findings: Findings) -> bool:
    if reference.target == reference.service:
        findings.add(reference.item, reference.field, f"`{shown_key(reference.service)}` names itself", "remove it")
    elif reference.target not in services.entries:
        message = f"there is no service `{shown_key(reference.target)}`"
        others = [name for name in services.entries if name != reference.service]
        findings.add(reference.item, reference.field, message, near_miss(reference.target, others))
    else:
        return True
    return False


def _check_cycles(edges: list[Reference], findings: Findings) -> None:
    """Tell each cycle once: it is cut where it was found, and the rest searched again."""
    while cycle := _find_cycle(edges):
        cut = next(e for e in edges if (e.service, e.target) == (cycle[0], cycle[1]))
        path = " -> ".join(map(shown_key, cycle))
        findings.add(cut.item, cut.field, f"the services wait for each other: {path}", "remove one of these")
        edges = [e for e in edges if (e.service, e.target) != (cut.service, cut.target)]


def _find_cycle(edges: list[Reference]) -> list[str]:
    """Names from one that waits to the one it waits for, beginning and ending with the first of the file."""
    sorter: TopologicalSorter[str] = TopologicalSorter()
    for edge in edges:
        sorter.add(edge.service, edge.target)
    try:
        sorter.prepare()
    except CycleError as error:
        ring = list(reversed(error.args[1]))[:-1]
        order = {edge.service: place for place, edge in reversed(list(enumerate(edges)))}
        first = min(range(len(ring)), key=lambda i: order[ring[i]])
        return [*ring[first:], *ring[:first], ring[first]]
    return []
