"""Ending the agent with all that it started: a word, SIGTERM, its grace, then SIGKILL until nothing is left."""

import contextlib
import os
import signal as signals
import sys
from collections.abc import Callable
from typing import Literal

from aurora_desktop.supervisor.processes import ProcessInfo, ProcessTable
from aurora_desktop.supervisor.tree import Tree, signal_all, thaw

SIGKILL = 9  # by number: Windows has no name for it, and os.kill ends the process there
INTERRUPT_S = 2.0
"""For an agent to stop by itself, once it was asked to in its own protocol."""
LEFTOVER_S = 0.5
"""For what the agent left behind, between SIGTERM and SIGKILL."""
GIVE_UP_S = 5.0
"""After SIGKILL: what is still there then waits in the kernel, and nobody can end it."""
_FIRST_LOOK_S = 0.002
_LONGEST_LOOK_S = 0.1

Phase = Literal["none", "interrupting", "terminating", "leftovers", "killing", "over"]


def never() -> bool:
    return False


class Ending:
    """The end of one agent's tree, moved on by `look`. Times on the monotonic clock.

    The tree is read before SIGTERM, since who dies of it may leave children that nothing names any more. `is_alone`:
    whether an agent that ended by itself has surely left nothing.
    """

    def __init__(self, tree: Tree, table: ProcessTable, grace_s: float, is_alone: Callable[[], bool] = never) -> None:
        self.phase: Phase = "none"
        self.left_running: tuple[int, ...] = ()
        self._tree = tree
        self._table = table
        self._grace_s = grace_s
        self._is_alone = is_alone
        self._until = 0.0
        self._delay_s = _FIRST_LOOK_S
        self._next_look = 0.0
        self._before: dict[int, ProcessInfo] = {}
        self._looked_empty = False
        self._agent_is_gone = False

    def interrupt(self, now: float) -> None:
        """The agent was asked in its own protocol to stop: `terminate` follows if it does not."""
        if self.phase == "none":
            self.phase, self._until = "interrupting", now + INTERRUPT_S

    def terminate(self, now: float) -> None:
        """SIGTERM to the agent's group, which is as polite as a shell; what it held in other sessions is its own."""
        if self.phase in ("none", "interrupting"):
            self.phase, self._until = "terminating", now + self._grace_s
            self._remember()
            thaw(self._tree)
            _terminate_group(self._tree.main.pid)

    def kill(self, now: float) -> None:
        """SIGKILL to everything, now and until nothing turns up any more."""
        if self.phase not in ("killing", "over"):
            self._remember()
            self._begin("killing", now, GIVE_UP_S)

    def agent_gone(self, now: float) -> None:
        """The agent's own process ended: what it left behind follows."""
        self._agent_is_gone = True
        if self.phase == "none" and self._is_alone():
            self.phase = "over"
        elif self.phase in ("none", "interrupting", "terminating"):
            left = self._remember()
            thaw(self._tree)
            signal_all(left.values(), signals.SIGTERM, self._table)
            self._begin("leftovers", now, min(LEFTOVER_S, self._grace_s))

    def look(self, now: float) -> float | None:
        """Do what is due; the time of the next look, or None while nothing is to come by itself."""
        if self.phase in ("none", "over"):
            return None
        if self.phase == "interrupting" and now >= self._until:
            self.terminate(now)
        elif self.phase == "terminating" and now >= self._until:
            self.kill(now)
        if self.phase in ("leftovers", "killing"):
            return self._sweep(now)
        return self._until

    def _sweep(self, now: float) -> float | None:
        if now < self._next_look:
            return self._next_look
        left = self._remember()
        if not left and self._looked_empty and self._agent_is_gone:
            self.phase = "over"
            return None
        # Never empty by one reading alone: one that forked and ended while it was made would hide its child.
        self._looked_empty = not left
        self._press_on(left, now)
        self._next_look = now + self._delay_s
        self._delay_s = min(self._delay_s * 2, _LONGEST_LOOK_S)
        return None if self.phase == "over" else self._next_look

    def _press_on(self, left: dict[int, ProcessInfo], now: float) -> None:
        if self.phase == "leftovers" and left and now >= self._until:
            self._begin("killing", now, GIVE_UP_S)
        if self.phase == "killing":
            signal_all(left.values(), SIGKILL, self._table)
            if now >= self._until:
                self.left_running = tuple(left)
                self.phase = "over"

    def _begin(self, phase: Phase, now: float, for_s: float) -> None:
        self.phase, self._until = phase, now + for_s
        self._next_look, self._delay_s = now, _FIRST_LOOK_S

    def _remember(self) -> dict[int, ProcessInfo]:
        """All members there are now, with those of earlier looks that still live."""
        found = self._tree.members()
        for pid, info in self._before.items():
            now = self._table.read(pid) if pid not in found else None
            if now is not None and now.started == info.started and not now.is_zombie:
                found[pid] = now
        self._before = found
        return found


def _terminate_group(agent: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError, OSError):
        if sys.platform == "win32":
            os.kill(agent, signals.CTRL_BREAK_EVENT)
        else:
            os.killpg(agent, signals.SIGTERM)
            os.killpg(agent, signals.SIGCONT)
