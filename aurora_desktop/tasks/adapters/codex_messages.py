"""The messages of `codex app-server` that Aurora reads, as its generated schema of 0.171 has them.

Only the fields that are used; all others are ignored, so that a newer Codex with more of them is understood.
"""

from typing import Any

from msgspec import Struct, field


class _Message(Struct, frozen=True, rename="camel"):
    pass


class Identified(_Message, frozen=True):
    id: str


class ThreadOpened(_Message, frozen=True):
    """Answer to `thread/start` and `thread/resume`."""

    thread: Identified


class TurnOpened(_Message, frozen=True):
    """Answer to `turn/start`."""

    turn: Identified


class TurnError(_Message, frozen=True):
    """`codex_error_info` is a word, or an object of one key that may hold `httpStatusCode`."""

    message: str = ""
    codex_error_info: Any = None
    additional_details: str | None = None

    @property
    def status(self) -> int | None:
        """The status of HTTP that the provider gave, where one is told."""
        if not isinstance(self.codex_error_info, dict):
            return None
        found = next(iter(self.codex_error_info.values()), None)
        status = found.get("httpStatusCode") if isinstance(found, dict) else None
        return status if isinstance(status, int) else None


class ErrorTold(_Message, frozen=True):
    error: TurnError
    will_retry: bool = False


class Turn(_Message, frozen=True):
    id: str
    status: str
    error: TurnError | None = None


class TurnCompleted(_Message, frozen=True):
    thread_id: str
    turn: Turn


class Tokens(_Message, frozen=True):
    input_tokens: int = 0
    output_tokens: int = 0


class TokenUsage(_Message, frozen=True):
    """`total` since the thread began, resumed or not; `last` of the newest response."""

    total: Tokens
    last: Tokens


class TokensUsed(_Message, frozen=True):
    thread_id: str
    turn_id: str
    token_usage: TokenUsage


class Delta(_Message, frozen=True):
    delta: str


class Step(_Message, frozen=True):
    step: str
    status: str


class PlanUpdated(_Message, frozen=True):
    plan: list[Step]
    explanation: str | None = None


class Resolved(_Message, frozen=True):
    request_id: int | str


class Item(Struct, frozen=True, tag_field="type", rename="camel"):
    """A thing in a thread. Those that Aurora shows are structs of their own; `type` tells which."""

    id: str


class UserMessage(Item, frozen=True, tag="userMessage"):
    pass


class AgentMessage(Item, frozen=True, tag="agentMessage"):
    text: str = ""


class Reasoning(Item, frozen=True, tag="reasoning"):
    summary: list[str] = []
    content: list[str] = []


class Plan(Item, frozen=True, tag="plan"):
    text: str = ""


class CommandExecution(Item, frozen=True, tag="commandExecution"):
    command: str
    status: str
    cwd: str = ""
    aggregated_output: str | None = None
    exit_code: int | None = None


class Change(_Message, frozen=True):
    """`diff` is a unified diff of an update, and the file's whole text where `kind` is `add` or `delete`."""

    path: str
    diff: str
    kind: dict[str, Any] = {}


class FileChange(Item, frozen=True, tag="fileChange"):
    changes: list[Change]
    status: str


class McpError(_Message, frozen=True):
    message: str = ""


class McpToolCall(Item, frozen=True, tag="mcpToolCall"):
    server: str
    tool: str
    status: str
    arguments: Any = None
    result: Any = None
    error: McpError | None = None


class DynamicToolCall(Item, frozen=True, tag="dynamicToolCall"):
    tool: str
    status: str
    arguments: Any = None


class CollabAgentToolCall(Item, frozen=True, tag="collabAgentToolCall"):
    """One of its sub-agents is made, spoken to or closed."""

    tool: str
    status: str
    prompt: str | None = None


class WebSearch(Item, frozen=True, tag="webSearch"):
    query: str = ""


class ImageView(Item, frozen=True, tag="imageView"):
    path: str = ""


AnyItem = (
    UserMessage
    | AgentMessage
    | Reasoning
    | Plan
    | CommandExecution
    | FileChange
    | McpToolCall
    | DynamicToolCall
    | CollabAgentToolCall
    | WebSearch
    | ImageView
)


class ItemTold(_Message, frozen=True):
    """`item/started` and `item/completed`."""

    thread_id: str
    item: AnyItem


class NetworkContext(_Message, frozen=True):
    host: str = ""
    protocol: str = ""


class CommandApproval(_Message, frozen=True):
    item_id: str
    command: str | None = None
    cwd: str | None = None
    reason: str | None = None
    network_approval_context: NetworkContext | None = None


class FileChangeApproval(_Message, frozen=True):
    item_id: str
    reason: str | None = None
    grant_root: str | None = None


class PermissionsApproval(_Message, frozen=True):
    """It wants to read, write or reach more than its sandbox allows."""

    permissions: dict[str, Any]
    reason: str | None = None
    cwd: str = ""


class Elicitation(_Message, frozen=True):
    """A question of an MCP server; Codex asks so too before it calls one of its tools."""

    server_name: str
    message: str = ""
    mode: str = "form"
    requested_schema: Any = None
    url: str | None = None
    meta: Any = field(name="_meta", default=None)
