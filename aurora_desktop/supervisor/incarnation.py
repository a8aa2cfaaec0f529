"""One life of a service: its processes, from the spawn or the adoption until nothing of them is left."""

import os
import subprocess
import sys
from collections.abc import Callable

from aurora_desktop.supervisor.ending import Ending
from aurora_desktop.supervisor.exits import Watch, owned, reap, reap_orphans, watch_exit
from aurora_desktop.supervisor.ledger import Entry
from aurora_desktop.supervisor.outcome import Outcome
from aurora_desktop.supervisor.stimuli import Exited
from aurora_desktop.supervisor.surroundings import Surroundings
from aurora_desktop.supervisor.telling import tell_strays
from aurora_desktop.supervisor.tree import Tree, freeze, thaw


class Incarnation:
    """Watches the main process and ends the tree when told to.

    `child` is `None` for an adopted process. `on_exit` is called when the main process ended, `on_gone` when
    nothing is left of a tree that was to end; by then `is_over` tells whether that was all of it.
    """

    def __init__(
        self,
        service: str,
        tree: Tree,
        child: subprocess.Popen[bytes] | None,
        around: Surroundings,
        on_exit: Callable[[Exited], None],
        on_gone: Callable[[], None],
        age_s: float = 0.0,
    ) -> None:
        self.tree = tree
        self.adopted = child is None
        self.spawned_at = around.clock.monotonic() - age_s
        self.is_over = False
        self._service = service
        self._child = child
        self._around = around
        self._on_exit = on_exit
        self._on_gone = on_gone
        self._watch: Watch | None = None
        self._seen_ended_at: float | None = None
        self._ending: Ending | None = None

    @property
    def pid(self) -> int | None:
        """The main process, while it lives."""
        return self.tree.main.pid if self._watch is not None else None

    @property
    def is_ending(self) -> bool:
        """Whether the tree was told to end and something of it is left."""
        return self._ending is not None

    def watch(self) -> None:
        """Notice the end of the main process from now on. Raises ProcessLookupError if it is gone already."""
        self._watch = watch_exit(self.tree.main.pid, self._main_ended, self._around.loop, self._has_turn)

    def write_down(self, definition: str) -> None:
        """Have the ledger know it, so that a later Aurora can adopt it; `definition` is the digest."""
        entry = Entry(
            marker=self.tree.marker,
            service=self._service,
            pid=self.tree.main.pid,
            started=self.tree.main.started,
            boot_id=self._around.table.boot_id(),
            spawned_at=self._around.clock.wall(),
            ready=False,
            frozen=False,
            definition=definition,
        )
        self._around.ledger.spawned(self.tree.marker, entry)

    def verify_alive(self) -> None:
        """Notice the end of the main process even if the watch on it was lost."""
        if self._watch is not None and not self.tree.main_is_alive():
            self._watch.cancel()
            self._main_ended()

    def end(self, number: int) -> None:
        """Signal the whole tree; may be called again with a stronger signal."""
        if self._watch is None:
            tell_strays(self._service, self.tree, self._around)
        if self._ending is None:
            self._ending = Ending(self.tree, self._around, self._tree_gone)
        self._ending.send(number)

    def set_frozen(self, *, frozen: bool) -> None:
        """Stop the whole tree where it stands, or let it go on."""
        (freeze if frozen else thaw)(self.tree)
        self._around.ledger.is_frozen(self.tree.marker, frozen=frozen)

    def abandon(self) -> None:
        """Stop watching and leave the processes running, for the next Aurora to adopt."""
        if self._watch is not None:
            self._watch.cancel()
        if self._ending is not None:
            self._ending.abandon()
        self.disown()

    def disown(self) -> None:
        """Take no more interest in how our child ends."""
        if self._child is not None:
            owned.discard(self._child.pid)
            self._child.returncode = 0  # keeps Popen from warning that it still runs, which is the intention

    def _has_turn(self) -> bool:
        """Whether the end of the main process, which is seen now, is dealt with in this turn of the loop."""
        if self._seen_ended_at is None:
            self._seen_ended_at = self._around.clock.monotonic()
        return self._around.turns.has_time()

    def _main_ended(self, *, is_all_gone: bool = False) -> None:
        self._watch = None
        code, was_child = reap(self._child), self._child is not None
        self._child = None
        outcome = Outcome.from_returncode(code, self._around.clock.monotonic() - self.spawned_at)
        if self._ending is not None:
            self._ending.main_ended()
        strays = 0 if is_all_gone else self._strays(was_child=was_child)
        if not strays and self._ending is None:
            self._forget()
        self._on_exit(Exited(outcome, strays))

    def _strays(self, *, was_child: bool) -> int:
        """How many processes of the tree are left, now that its main process is gone.

        Orphans of our own child have become our children (subreaper), so that mostly one small read tells that
        there are none; those of an adopted one are looked for among all processes, in a reading that began after
        the end was seen: a hundred that end together share it.
        """
        if was_child and sys.platform == "linux":
            orphans = set(self._around.table.children(os.getpid())) - owned
            if not orphans:
                return 0
        seen_at = self._around.clock.monotonic() if self._seen_ended_at is None else self._seen_ended_at
        return len(self.tree.members(self._around.processes(seen_at)))

    def _tree_gone(self) -> None:
        self._ending = None
        reap_orphans(self._around.table.children(os.getpid()), self._around.table.read)
        if self._watch is not None:  # the table says so before the pidfd did
            self._watch.cancel()
            self._main_ended(is_all_gone=True)
        self._forget()
        self._on_gone()

    def _forget(self) -> None:
        if not self.is_over:
            self._around.ledger.ended(self.tree.marker)
        self.is_over = True
