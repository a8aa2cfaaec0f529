"""The services that the brake holds: what the guard needs to know of their process trees."""

from typing import Protocol

from aurora_desktop.core.settings.schema import Service
from aurora_desktop.safety.messages import MarkedTree
from aurora_desktop.supervisor.tree import Tree
from aurora_desktop.supervisor.view import ServiceView


class MarkedSupervisor(Protocol):
    """The part of the supervisor that freezes."""

    def marked(self) -> dict[str, tuple[Service, Tree]]: ...

    def latch(self, cause: str) -> None: ...

    def freeze_marked(self, cause: str) -> None: ...

    def thaw(self, names: tuple[str, ...], cause: str) -> None: ...

    def views(self) -> tuple[ServiceView, ...]: ...

    def worker_views(self) -> tuple[ServiceView, ...]: ...


class MarkedServices:
    """Speaks of the marked services in the guard's words."""

    def __init__(self, supervisor: MarkedSupervisor) -> None:
        self._supervisor = supervisor

    def trees(self) -> tuple[MarkedTree, ...]:
        """Every marked tree that lives now."""
        return tuple(
            MarkedTree(
                name, "stop" if spec.on_estop == "stop" else "freeze", tree.marker, tree.main.pid, tree.main.started
            )
            for name, (spec, tree) in self._supervisor.marked().items()
        )

    def latch(self, cause: str) -> None:
        """Let none be started until `release`; what an earlier Aurora left is frozen once it is taken over."""
        self._supervisor.latch(cause)

    def hold(self, cause: str) -> None:
        """Freeze and stop them, and let none be started until `release`."""
        self._supervisor.latch(cause)
        self._supervisor.freeze_marked(cause)

    def release(self) -> None:
        """They may be started again; none is by this."""
        self._supervisor.latch("")

    def frozen(self) -> tuple[str, ...]:
        """Names of the services and workers that stand still now."""
        everybody = (*self._supervisor.views(), *self._supervisor.worker_views())
        return tuple(view.name for view in everybody if view.state == "frozen")

    def thaw(self, names: tuple[str, ...], cause: str) -> None:
        self._supervisor.thaw(names, cause)
