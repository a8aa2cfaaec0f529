"""The shape of an adapter, and what it can tell of an agent.

An adapter does no I/O: the worker gives it each line of the agent's standard output, carries out what it returns, and
asks it in the end for its verdict. It may be slow only in proportion to the line.
"""

from collections.abc import Mapping, Sequence
from typing import Literal, Protocol, runtime_checkable

from msgspec import Struct

from aurora_desktop.core.task_events import ApprovalDecision
from aurora_desktop.tasks.messages import Ending, Run
from aurora_desktop.tasks.task import Usage


class Launch(Struct, frozen=True, kw_only=True):
    """How the agent is started. `stdin`: "null" for /dev/null, "pipe" where the protocol needs it (then `first` is
    written at once, and the pipe is closed after it if `closes_stdin`). `env` is added to the environment."""

    argv: Sequence[str]
    stdin: Literal["null", "pipe"] = "null"
    first: bytes = b""
    closes_stdin: bool = False
    env: Mapping[str, str] = {}


class Session(Struct, frozen=True):
    """The agent's own session is known: it can be resumed."""

    id: str


class Said(Struct, frozen=True):
    """Words of the agent (`message`) or its thoughts; `partial` is a piece of more to come, and not kept."""

    text: str
    kind: Literal["message", "thinking"] = "message"
    partial: bool = False


class ToolStarted(Struct, frozen=True):
    """`summary`: one line, like the command of a shell; `detail`: all of it; `diff`: a unified diff where it edits."""

    id: str
    tool: str
    summary: str = ""
    detail: str = ""
    diff: str = ""


class ToolEnded(Struct, frozen=True):
    id: str
    failed: bool = False
    output: str = ""


class Spent(Struct, frozen=True):
    """What this attempt has spent so far, in all (not since the last time)."""

    usage: Usage


class ProviderRetry(Struct, frozen=True):
    """The provider did not answer and is asked again: no silence. `status` is of HTTP, where known."""

    attempt: int
    most_attempts: int
    delay_s: float = 0.0
    status: int | None = None
    detail: str = ""


class Asks(Struct, frozen=True):
    """It waits for permission. `input` is kept by the adapter, for the answer."""

    id: str
    tool: str
    summary: str
    detail: str = ""
    reason: str = ""


class AsksNoMore(Struct, frozen=True):
    id: str


class Reply(Struct, frozen=True):
    """Bytes to write to the agent's standard input now."""

    data: bytes
    closes_stdin: bool = False


class Finished(Struct, frozen=True):
    """The agent said that it is done: what is left of it after the grace is reaped."""


class Odd(Struct, frozen=True):
    """A line that is no event of this protocol, or one of an unknown `type` ("" if none): kept, and not fatal."""

    type: str
    reason: str


Observation = (
    Session | Said | ToolStarted | ToolEnded | Spent | ProviderRetry | Asks | AsksNoMore | Reply | Finished | Odd
)


class Exit(Struct, frozen=True):
    """How the process ended: exactly one is set. `stderr_tail`: its last lines."""

    code: int | None = None
    signal: str | None = None
    stderr_tail: str = ""
    was_stopped: bool = False
    """Whether the worker ended it, after `Finished`."""


class Verdict(Struct, frozen=True):
    """What came of the attempt, judged by the events and not by the exit code alone."""

    ending: Ending
    result: str = ""
    error: str = ""
    denials: tuple[str, ...] = ()


class AgentAdapter(Protocol):
    """One attempt with one agent. Made with its `Run`; used from one thread."""

    def launch(self) -> Launch: ...

    def feed(self, line: bytes) -> list[Observation]:
        """One line of standard output without its end; cut by the worker at 1 MB (`cut` lines are no JSON)."""
        ...

    def answer(self, ask_id: str, decision: ApprovalDecision, message: str) -> bytes:
        """What to write for the operator's word; b"" when nobody waits for it."""
        ...

    def interrupt(self) -> bytes:
        """What asks the agent to stop by itself, before any signal; b"" if there is no such thing."""
        ...

    def verdict(self, ended: Exit) -> Verdict: ...


@runtime_checkable
class TakesBytes(Protocol):
    """What an adapter may have besides: the output of an agent without events needs no cutting into lines."""

    @property
    def takes_bytes(self) -> bool:
        """Whether standard output goes to `feed_bytes` as it comes, and none of it to `feed`."""
        ...

    def feed_bytes(self, data: bytes) -> None: ...


class MakesAdapter(Protocol):
    def __call__(self, run: Run) -> AgentAdapter: ...
