"""One armed worker: its process, its permit and the lease that main keeps up."""

import os
import time
from collections.abc import Callable, Sequence

from aurora_desktop.safety.guard.children import Child, spawn
from aurora_desktop.safety.guard.loop import Loop
from aurora_desktop.safety.messages import LEASE_S
from aurora_desktop.safety.permit import HeldTable, Permit, read_only

_LEASE_NS = int(LEASE_S * 1e9)
LEASE_LOST = f"lost the lease: Aurora's main process did not answer for {LEASE_S * 1000:.0f} ms"


class Session:
    """From the grant of the permit to the end of the worker. The guard's alone; nothing here waits but `end`."""

    def __init__(self, loop: Loop, permit: Permit, held: HeldTable, generation: int) -> None:
        self.generation = generation
        self._loop, self._permit, self._held = loop, permit, held
        self._child: Child | None = None

    def begin(self, command: Sequence[str], link: int, permit: int, held: int, on_exit: Callable[[str], None]) -> int:
        """Permit the generation and start its worker with these descriptors; its pid. Raises OSError."""
        self._held.clear()
        self._permit.grant(self.generation, time.monotonic_ns() + _LEASE_NS)
        shown = read_only(permit)
        options = ("--socket", link, "--permit", shown, "--held", held, "--generation", self.generation)
        try:
            pid = spawn((*command, *map(str, options)), (link, shown, held))
            self._child = Child(self._loop, pid, on_exit)
        except OSError:
            self._permit.revoke()
            raise
        finally:
            os.close(shown)
        return pid

    def renew(self) -> bool:
        """Main is alive. A lease once lost stays lost: False then."""
        if self.is_overdue():
            return False
        self._permit.extend(time.monotonic_ns() + _LEASE_NS)
        return True

    def is_overdue(self) -> bool:
        return time.monotonic_ns() >= self._permit.deadline_ns

    def end(self, grace_s: float) -> None:
        """Revoke, give a worker that is at work `grace_s` to let go and tell main so, then kill it."""
        self._permit.revoke()
        if self._child is not None:
            self._child.end(grace_s, self._is_at_work)

    def _is_at_work(self) -> bool:
        held = self._held
        return held.is_busy or held.in_flight or bool(held.keys()) or bool(held.buttons())
