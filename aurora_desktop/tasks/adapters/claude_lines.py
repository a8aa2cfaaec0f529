"""The lines that Claude Code prints with `--output-format stream-json`: what Aurora reads of them, and no more.

Fields that are not named here are ignored, so that a newer version does not break anything; a field of another shape
than here makes its line odd. All were seen from version 2.1.197.
"""

import json
from typing import Any, TypeVar

import msgspec
from msgspec import Struct

SILENT = frozenset(
    {
        "auth_status",
        "control_response",
        "keep_alive",
        "prompt_suggestion",
        "rate_limit_event",
        "tool_progress",
        "tool_use_summary",
    }
)
"""Known types that tell nothing which Aurora shows; that they come at all is a sign of life."""


BLOCKS = frozenset({"text", "thinking", "tool_use", "tool_result"})


class Tokens(Struct, frozen=True):
    """Of one message. What was read from the cache was sent, too, and counts as input."""

    input_tokens: int | None = 0
    output_tokens: int | None = 0
    cache_creation_input_tokens: int | None = 0
    cache_read_input_tokens: int | None = 0

    @property
    def sent(self) -> int:
        return sum(filter(None, (self.input_tokens, self.cache_creation_input_tokens, self.cache_read_input_tokens)))


class ModelTokens(Struct, frozen=True, rename="camel"):
    """Of one model over the whole attempt, side jobs and sub-agents included; in the result alone."""

    input_tokens: int = 0
    output_tokens: int = 0
    cache_read_input_tokens: int = 0
    cache_creation_input_tokens: int = 0

    @property
    def sent(self) -> int:
        return self.input_tokens + self.cache_read_input_tokens + self.cache_creation_input_tokens


class Message(Struct, frozen=True):
    id: str | None = None
    content: Any = None
    usage: Tokens | None = None


class Turn(Struct, frozen=True):
    """`assistant` and `user`: a message with its blocks."""

    message: Message


class Block(Struct, frozen=True):
    """A piece of a message, of a type in `BLOCKS`; others, like pictures and searches of the provider, are ignored."""

    type: str
    text: str = ""
    thinking: str = ""
    id: str = ""
    name: str = ""
    input: dict[str, Any] = {}
    tool_use_id: str = ""
    content: Any = None
    is_error: bool | None = None


class System(Struct, frozen=True):
    """`init` and `api_retry`; many other subtypes tell of things that Aurora does not show."""

    subtype: str = ""
    session_id: str | None = None
    attempt: int = 0
    max_retries: int = 0
    retry_delay_ms: float | None = None
    error_status: int | None = None
    error: str | None = None


class Delta(Struct, frozen=True):
    type: str | None = None
    text: str = ""
    thinking: str = ""


class Piece(Struct, frozen=True):
    """An event of the provider's own stream, passed on as it comes."""

    type: str = ""
    delta: Delta | None = None
    message: Message | None = None
    usage: Tokens | None = None


class StreamEvent(Struct, frozen=True):
    """`parent_tool_use_id`: whose stream it is, where a sub-agent speaks."""

    event: Piece
    parent_tool_use_id: str | None = None


class Request(Struct, frozen=True):
    """What it wants of us; `can_use_tool` is the question for permission."""

    subtype: str = ""
    tool_name: str = ""
    input: dict[str, Any] = {}
    permission_suggestions: list[dict[str, Any]] | None = None
    blocked_path: str | None = None
    decision_reason: str | None = None


class ControlRequest(Struct, frozen=True):
    request_id: str
    request: Request = Request()


class Denial(Struct, frozen=True):
    tool_name: str = ""
    tool_input: dict[str, Any] = {}


class Result(Struct, frozen=True):
    """The end of the work. `subtype` says `success` also of errors of the provider, which `is_error` tells."""

    subtype: str = ""
    is_error: bool = False
    result: str | None = None
    errors: list[str] = []
    stop_reason: str | None = ""
    terminal_reason: str | None = None
    api_error_status: int | None = None
    total_cost_usd: float | None = None
    model_usage: dict[str, ModelTokens] = msgspec.field(default_factory=dict, name="modelUsage")
    permission_denials: list[Denial] = []


T = TypeVar("T")


class NoEventError(Exception):
    """The line is no event of this protocol; the text says why."""

    def __init__(self, reason: str, kind: str = "") -> None:
        super().__init__(reason)
        self.kind = kind


def event_of(line: bytes) -> tuple[str, dict[str, Any]]:
    """The type and all of a line. Raises NoEventError."""
    try:
        event = _decoded(line)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise NoEventError(f"not JSON: {error}") from error
    if not isinstance(event, dict):
        raise NoEventError("JSON, but no object")
    kind = event.get("type")
    if not isinstance(kind, str):
        raise NoEventError("an object without a `type`")
    return kind[:100], event


def as_shape(event: dict[str, Any], shape: type[T], kind: str) -> T:
    """Raises NoEventError where a field is of another type than `shape` says."""
    try:
        return msgspec.convert(event, shape)
    except (msgspec.ValidationError, RecursionError) as error:
        raise NoEventError(str(error), kind) from error


def _decoded(line: bytes) -> Any:
    try:
        return msgspec.json.decode(line)
    except msgspec.DecodeError:
        # JavaScript cuts text in the middle of an emoji and prints the half as a lone surrogate, which no UTF-8 can
        # hold: a `?` takes its place, for a result is not to be lost for that.
        if b"\\u" not in line:
            raise
        return msgspec.json.decode(json.dumps(json.loads(line), ensure_ascii=False).encode("utf-8", "replace"))
