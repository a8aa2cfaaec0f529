"""A yard for remedies alone: services as the test defines them, a scripted machine, and a book of what was done."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from core.clocks import FakeClock

from aurora_desktop.core.settings.schema import Service
from aurora_desktop.core.settings.values import Command
from aurora_desktop.healing.faults import Fault
from aurora_desktop.healing.yard import Holder, Ran
from aurora_desktop.supervisor.view import ServiceView
from healing.fault_texts import sighting

STRAY = Holder(4711, "old-web", is_stray=True)
FOREIGN = Holder(4712, "postgres", is_stray=False)


def service(folder: Path | None, *command: str, **keys: Any) -> Service:
    return Service(command=Command(command or ("program",)), cwd=str(folder) if folder else None, **keys)


def fault(kind: str, name: str = "web", message: str = "", **facts: str) -> Fault:
    return Fault(
        kind=kind, sentence="it failed", sighting=sighting(component=f"service:{name}", message=message), facts=facts
    )


class CatalogueYard:
    """`does`: what each command answers, by its text; `done`: restarts, endings and the like, in order."""

    def __init__(self, **services: Service) -> None:
        self.clock = FakeClock()
        self.services = services
        self.variables: dict[str, str] = {}
        self.on_port: dict[int, list[Holder]] = {}
        self.on_file: dict[Path, list[Holder]] = {}
        self.views: dict[str, ServiceView] = {}
        self.done: list[str] = []
        self.ran: list[tuple[str, ...]] = []
        self.answer: Callable[[tuple[str, ...]], Ran] = lambda _: Ran(0, "")
        self.well: dict[str, bool] = {}
        self.ends_strays = True
        self.descriptors: int | None = 4096

    def service(self, name: str) -> Service | None:
        return self.services.get(name)

    def view(self, name: str) -> ServiceView | None:
        return self.views.get(name)

    def folder(self, name: str) -> Path:
        return Path(self.services[name].cwd or "/nowhere")

    def environment(self, name: str) -> Mapping[str, str]:
        return {"PATH": "/usr/bin:/bin", **self.variables, **self.services[name].env}

    def restart(self, name: str, cause: str) -> None:
        assert cause
        self.done.append(f"restart {name}")

    def set_environment(self, name: str, variable: str, value: str | None) -> None:
        self.done.append(f"set {variable}={value} for {name}")

    def raise_descriptor_limit(self, name: str) -> int | None:
        return self.descriptors

    async def holders_of_port(self, port: int) -> list[Holder]:
        return self.on_port.get(port, [])

    async def holders_of_file(self, path: Path) -> list[Holder]:
        return self.on_file.get(path, [])

    async def end_stray(self, holder: Holder) -> bool:
        if holder.is_stray and self.ends_strays:
            self.done.append(f"end {holder.pid}")
            return True
        return False

    async def run(self, name: str, command: Sequence[str], timeout_s: float, *, in_folder: Path | None = None) -> Ran:
        assert timeout_s > 0
        self.ran.append(tuple(command))
        return self.answer(tuple(command))

    async def until_well(self, name: str, timeout_s: float, stays_s: float) -> bool:
        return self.well.get(name, True)
