"""Who is inside stays there as long as its token opens the door: what goes on for long ends when that is rotated.

Streams, and requests that wait for news, are cancelled as `asyncio.timeout` does it, and end in the form of their
protocol: server-sent events by an event `error`, a WebSocket by its close code, everything else by status 401.
"""

import asyncio
import contextlib
from collections.abc import Callable, Collection, Iterator, Mapping

from aurora_desktop.api.problems import ProblemError
from aurora_desktop.core.tokens import Scope

LOOK_EVERY_S = 0.2


class RevokedError(ProblemError):
    def __init__(self) -> None:
        detail = "it was rotated, or its file is not to be trusted any more"
        super().__init__(401, "The token opens nothing any more", detail, "Come back with the new one")


class Entry:
    """What somebody came in with: the token as it was then, under the scopes by which it opened the door."""

    def __init__(self, tokens: Mapping[Scope, bytes], granted: Collection[Scope]) -> None:
        self._given = {scope: tokens[scope] for scope in granted}
        self.cancels = 0

    def is_valid(self, tokens: Mapping[Scope, bytes]) -> bool:
        return any(tokens.get(scope) == token for scope, token in self._given.items())


class Admission:
    """Looks at the tokens five times a second while anybody is held here, and never else."""

    def __init__(self, tokens: Callable[[], Mapping[Scope, bytes]]) -> None:
        self._tokens = tokens
        self._held: dict[asyncio.Task[object], Entry] = {}
        self._timer: asyncio.TimerHandle | None = None

    @contextlib.contextmanager
    def held(self, entry: Entry) -> Iterator[Callable[[], None]]:
        """Ends what is done inside with RevokedError; gives what lets it come to its own end from then on."""
        task = _this_task()
        before = task.cancelling()
        self._held[task] = entry
        if self._timer is None:
            self._look_later()
        try:
            yield lambda: self._let_go(task)
        except asyncio.CancelledError:
            for _ in range(entry.cancels):
                task.uncancel()
            if entry.cancels and task.cancelling() <= before:
                raise RevokedError from None
            raise
        finally:
            self._let_go(task)

    def _let_go(self, task: "asyncio.Task[object]") -> None:
        self._held.pop(task, None)

    def _look_later(self) -> None:
        self._timer = asyncio.get_running_loop().call_later(LOOK_EVERY_S, self._look)

    def _look(self) -> None:
        """Each time anew, for `asyncio.wait_for` of Python 3.11 may swallow a cancellation (cpython#86296)."""
        self._timer = None
        tokens = self._tokens()
        for task, entry in self._held.items():
            if not entry.is_valid(tokens):
                entry.cancels += 1
                task.cancel()
        if self._held:
            self._look_later()


def _this_task() -> "asyncio.Task[object]":
    task = asyncio.current_task()
    if task is None:
        raise RuntimeError("there is no task to be held")
    return task
