"""What the threads around an agent post to the main loop."""

from typing import Literal

from msgspec import Struct

from aurora_desktop.tasks.messages import Run

Stream = Literal["stdout", "stderr"]


class Output(Struct, frozen=True):
    """Bytes of the agent; its reader has room for as many more once they are dealt with."""

    run: Run
    stream: Stream
    data: bytes


class Closed(Struct, frozen=True):
    """The agent and all that it started have closed this stream."""

    run: Run
    stream: Stream


class Exited(Struct, frozen=True):
    """The agent's own process ended; `code` by Python's convention: negative is a signal."""

    run: Run
    code: int


Item = Output | Closed | Exited
