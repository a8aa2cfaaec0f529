"""The messages of the Agent Client Protocol (version 1 of the protocol, schema 1.19) that Aurora reads.

Only the fields that are used; all others are ignored. What is marked unstable in the schema may be absent.
"""

from typing import Any

from msgspec import Struct, field


class _Message(Struct, frozen=True, rename="camel"):
    pass


class SessionCapabilities(_Message, frozen=True):
    resume: dict[str, Any] | None = None


class AgentCapabilities(_Message, frozen=True):
    load_session: bool = False
    session_capabilities: SessionCapabilities = SessionCapabilities()


class AuthMethod(_Message, frozen=True):
    id: str
    name: str = ""


class Initialized(_Message, frozen=True):
    protocol_version: int
    agent_capabilities: AgentCapabilities = AgentCapabilities()
    auth_methods: list[AuthMethod] = []


class Choice(_Message, frozen=True):
    """An option's value, or a group of them."""

    value: str = ""
    options: list["Choice"] = []


class ConfigOption(_Message, frozen=True):
    """What can be chosen for a session; `category` is `model` for the choice of the model."""

    id: str
    category: Any = None
    current_value: Any = None
    options: list[Choice] = []

    @property
    def values(self) -> list[str]:
        flat = [inner for choice in self.options for inner in (choice.options or [choice])]
        return [choice.value for choice in flat]


class SessionOpened(_Message, frozen=True):
    """Answer to `session/new`, `session/load` and `session/resume`; only the first names the session."""

    session_id: str = ""
    config_options: list[ConfigOption] | None = None


class TokenUsage(_Message, frozen=True):
    """Of one turn (unstable). `total_tokens` counts what was read from a cache too."""

    total_tokens: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    thought_tokens: int | None = None


class Prompted(_Message, frozen=True):
    """Answer to `session/prompt`: the turn is over."""

    stop_reason: str
    usage: TokenUsage | None = None


class Update(Struct, frozen=True, tag_field="sessionUpdate", rename="camel"):
    """One kind of `session/update`."""


class MessageChunk(Update, frozen=True, tag="agent_message_chunk"):
    content: dict[str, Any]
    message_id: str | None = None


class ThoughtChunk(Update, frozen=True, tag="agent_thought_chunk"):
    content: dict[str, Any]
    message_id: str | None = None


class ToolCall(Update, frozen=True, tag="tool_call"):
    tool_call_id: str
    title: str = ""
    kind: str | None = None
    status: str | None = None
    content: list[dict[str, Any]] | None = None
    raw_input: Any = None
    raw_output: Any = None


class ToolCallUpdate(Update, frozen=True, tag="tool_call_update"):
    """What is None has not changed."""

    tool_call_id: str
    title: str | None = None
    kind: str | None = None
    status: str | None = None
    content: list[dict[str, Any]] | None = None
    raw_input: Any = None
    raw_output: Any = None


class PlanEntry(_Message, frozen=True):
    content: str
    status: str = "pending"


class Plan(Update, frozen=True, tag="plan"):
    entries: list[PlanEntry]


class Cost(_Message, frozen=True):
    """Of the session since it began."""

    amount: float
    currency: str


class UsageUpdate(Update, frozen=True, tag="usage_update"):
    cost: Cost | None = None


AnyUpdate = MessageChunk | ThoughtChunk | ToolCall | ToolCallUpdate | Plan | UsageUpdate

UNUSED_UPDATES = frozenset(
    {
        "available_commands_update",
        "config_option_update",
        "current_mode_update",
        "session_info_update",
        "user_message_chunk",
    }
)


class PermissionOption(_Message, frozen=True):
    """`kind`: `allow_once`, `allow_always`, `reject_once` or `reject_always`."""

    option_id: str
    kind: str
    name: str = ""


class AskedTool(_Message, frozen=True):
    tool_call_id: str
    title: str | None = None
    kind: str | None = None
    content: list[dict[str, Any]] | None = None
    raw_input: Any = None


class PermissionAsked(_Message, frozen=True):
    tool_call: AskedTool
    options: list[PermissionOption]


class RequestCancelled(_Message, frozen=True):
    """`$/cancel_request`: the agent takes a request back."""

    request_id: int | str | None = field(default=None)
