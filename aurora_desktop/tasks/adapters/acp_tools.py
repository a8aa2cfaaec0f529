"""What tool calls of the Agent Client Protocol show, and what may be done without asking the operator."""

from collections.abc import Sequence
from typing import Any, Literal

from aurora_desktop.core.settings.schema_tasks import Permissions
from aurora_desktop.core.task_events import ApprovalDecision
from aurora_desktop.tasks.adapters.acp_messages import AskedTool, PermissionOption, ToolCall, ToolCallUpdate
from aurora_desktop.tasks.adapters.adapter import Asks, ToolEnded, ToolStarted
from aurora_desktop.tasks.adapters.texts import cut, one_line, readable, text_diff

_HARMLESS = frozenset({"read", "search", "think"})
_EDITS = frozenset({"edit", "move"})
_WANTED: dict[ApprovalDecision, tuple[str, ...]] = {
    "once": ("allow_once", "allow_always"),
    "task": ("allow_always", "allow_once"),
    "deny": ("reject_once", "reject_always"),
}


def judged(permissions: Permissions, kind: str | None) -> Literal["once", "deny"] | None:
    """What the permissions say of a tool of this kind; None: the operator says it.

    The kind is the agent's own word: this spares questions, and holds nobody who lies.
    """
    if permissions == "full":
        return "once"
    if permissions == "read-only":
        return "once" if kind in _HARMLESS else "deny"
    if permissions == "edit" and (kind in _HARMLESS or kind in _EDITS):
        return "once"
    return None


def chosen(options: Sequence[PermissionOption], decision: ApprovalDecision) -> PermissionOption | None:
    """The agent's option for a decision. Where it offers no smaller allowance it is the larger one, as `question` says;
    None where it offers no way to deny."""
    by_kind = {option.kind: option for option in reversed(options)}
    return next((by_kind[kind] for kind in _WANTED[decision] if kind in by_kind), None)


def question(ask_id: str, tool: AskedTool, options: Sequence[PermissionOption]) -> Asks:
    title = tool.title or f"use a tool ({tool.kind or 'of no kind'})"
    parts = [title, readable(tool.raw_input), diffs(tool.content), text(tool.content), _offers(options)]
    kinds = {option.kind for option in options}
    reason = "" if "allow_once" in kinds else "The agent offers no allowance for once: allowed is allowed always."
    return Asks(ask_id, tool.kind or "tool", one_line(title), cut("\n".join(filter(None, parts))), reason)


def _offers(options: Sequence[PermissionOption]) -> str:
    return "The agent offers: " + ", ".join(option.name or option.kind for option in options)


def begun(call: ToolCall) -> ToolStarted:
    kind = call.kind or "tool"
    detail = cut(readable(call.raw_input))
    return ToolStarted(call.tool_call_id, kind, one_line(call.title or kind), detail, cut(diffs(call.content)))


def ended(call: ToolCall | ToolCallUpdate, content: list[dict[str, Any]] | None) -> ToolEnded:
    """`content`: the last that was told of this tool, now or before."""
    output = text(content) or readable(call.raw_output) or diffs(call.content)
    return ToolEnded(call.tool_call_id, call.status == "failed", cut(output))


def text(content: list[dict[str, Any]] | None) -> str:
    """The texts among the content of a tool call."""
    blocks = (part.get("content") for part in content or () if part.get("type") == "content")
    return "\n".join(filter(None, (block_text(block) for block in blocks)))


def block_text(block: Any) -> str:
    """What a block of content says: its text, or what it is."""
    if not isinstance(block, dict):
        return ""
    if isinstance(block.get("text"), str):
        return str(block["text"])
    named = block.get("uri") or block.get("type")
    return f"[{named}]" if isinstance(named, str) else ""


def diffs(content: list[dict[str, Any]] | None) -> str:
    """The changes among the content of a tool call, as unified diffs."""
    return "\n".join(_diff(part) for part in content or () if part.get("type") == "diff")


def _diff(part: dict[str, Any]) -> str:
    old, new = part.get("oldText"), part.get("newText")
    path = part.get("path")
    return text_diff(
        path if isinstance(path, str) else "?",
        old if isinstance(old, str) else None,
        new if isinstance(new, str) else "",
    )
