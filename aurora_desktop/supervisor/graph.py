"""The order of services: who waits for whom. The settings' loader has refused cycles and unknown names."""

import graphlib
from collections.abc import Callable, Iterable, Mapping

from aurora_desktop.core.settings.schema import Service

Services = Mapping[str, Service]


def start_order(services: Services) -> list[str]:
    """Every name, each after those that it requires or comes after; else in the order of the settings."""
    rank = {name: index for index, name in enumerate(services)}
    sorter = graphlib.TopologicalSorter({name: _before(services, name) for name in services})
    sorter.prepare()
    order: list[str] = []
    while sorter.is_active():
        ready = sorted(sorter.get_ready(), key=rank.__getitem__)
        order.extend(ready)
        sorter.done(*ready)
    return order


def _before(services: Services, name: str) -> list[str]:
    spec = services[name]
    return [other for other in (*spec.requires, *spec.after) if other in services]


def with_requirements(services: Services, names: Iterable[str]) -> set[str]:
    """The names and, transitively, all that they require."""
    return _closure(names, lambda name: (n for n in services[name].requires if n in services))


def with_dependents(services: Services, names: Iterable[str]) -> set[str]:
    """The names and, transitively, all that require them."""
    return _closure(names, lambda name: (n for n, spec in services.items() if name in spec.requires))


def with_parts(services: Services, names: Iterable[str]) -> set[str]:
    """The names and, transitively, all that are part of them."""
    return _closure(names, lambda name: (n for n, spec in services.items() if name in spec.part_of))


def _closure(names: Iterable[str], following: Callable[[str], Iterable[str]]) -> set[str]:
    found = set(names)
    ahead = list(found)
    while ahead:
        fresh = set(following(ahead.pop())) - found
        found |= fresh
        ahead.extend(fresh)
    return found
