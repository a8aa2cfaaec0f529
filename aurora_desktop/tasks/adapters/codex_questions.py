"""What Codex asks the operator: each call for an approval as a question, with the answers that it understands."""

from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec import Struct

from aurora_desktop.core.task_events import ApprovalDecision
from aurora_desktop.tasks.adapters.adapter import Asks
from aurora_desktop.tasks.adapters.codex_items import EDIT, SHELL, changed_paths, diff_of, plain_command
from aurora_desktop.tasks.adapters.codex_messages import (
    AnyItem,
    CommandApproval,
    Elicitation,
    FileChange,
    FileChangeApproval,
    PermissionsApproval,
)
from aurora_desktop.tasks.adapters.jsonrpc import Call, RpcId
from aurora_desktop.tasks.adapters.texts import cut, one_line, readable

_DECISIONS: Mapping[ApprovalDecision, Any] = {
    "once": {"decision": "accept"},
    "task": {"decision": "acceptForSession"},
    "deny": {"decision": "decline"},
}
_DECLINED_FORM = {"action": "decline", "content": None, "_meta": None}


class Question(Struct, frozen=True):
    """`replies`: the result of the call for each decision."""

    call_id: RpcId
    asks: Asks
    replies: Mapping[ApprovalDecision, Any]


def question(call: Call, ask_id: str, items: Mapping[str, AnyItem]) -> Question | None:
    """The question of a call, or None for a call that asks for no approval. `items`: those that have begun, by id.

    Raises msgspec.ValidationError for parameters of another shape.
    """
    match call.method:
        case "item/commandExecution/requestApproval":
            return _command(call, ask_id)
        case "item/fileChange/requestApproval":
            return _file_change(call, ask_id, items)
        case "item/permissions/requestApproval":
            return _permissions(call, ask_id)
        case "mcpServer/elicitation/request":
            return _elicitation(call, ask_id)
    return None


def _command(call: Call, ask_id: str) -> Question:
    told = msgspec.convert(call.params, CommandApproval)
    network = told.network_approval_context
    summary = plain_command(told.command) if told.command else "use the network"
    if network is not None:
        summary += f" ({network.protocol} to {network.host})"
    where = f"\nin {told.cwd}" if told.cwd else ""
    detail = f"{told.command or summary}{where}"
    return Question(call.id, Asks(ask_id, SHELL, one_line(summary), cut(detail), told.reason or ""), _DECISIONS)


def _file_change(call: Call, ask_id: str, items: Mapping[str, AnyItem]) -> Question:
    told = msgspec.convert(call.params, FileChangeApproval)
    item = items.get(told.item_id)
    changes = item.changes if isinstance(item, FileChange) else []
    reason = told.reason or ""
    if told.grant_root:
        reason = f"{reason} It wants to write anywhere under {told.grant_root}.".strip()
    asks = Asks(ask_id, EDIT, one_line(changed_paths(changes) or "change files"), cut(diff_of(changes)), reason)
    return Question(call.id, asks, _DECISIONS)


def _permissions(call: Call, ask_id: str) -> Question:
    told = msgspec.convert(call.params, PermissionsApproval)
    detail = readable(told.permissions)
    granted = {key: value for key, value in told.permissions.items() if value is not None}
    asks = Asks(ask_id, "permissions", one_line(f"more permissions: {detail}"), cut(detail), told.reason or "")
    return Question(
        call.id,
        asks,
        {
            "once": {"permissions": granted, "scope": "turn"},
            "task": {"permissions": granted, "scope": "session"},
            "deny": {"permissions": {}, "scope": "turn"},
        },
    )


def _elicitation(call: Call, ask_id: str) -> Question:
    """Codex asks in this way before it calls a tool of an MCP server; which one, and with what, is in the metadata."""
    told = msgspec.convert(call.params, Elicitation)
    meta = told.meta if isinstance(told.meta, dict) else {}
    name, given = meta.get("tool_name"), readable(meta.get("tool_params"))
    tool = f"{told.server_name}.{name}" if isinstance(name, str) else told.server_name
    asks = Asks(
        ask_id,
        tool,
        one_line(f"{tool} {given}" if given else told.message or "a question"),
        cut("\n".join(filter(None, [told.message, readable(meta.get("tool_description")), given]))),
    )
    accepted = {"action": "accept", "content": {}}
    return Question(
        call.id,
        asks,
        {
            "once": accepted | {"_meta": None},
            "task": accepted | {"_meta": {"persist": "session"}},
            "deny": _DECLINED_FORM,
        },
    )


def unasked_reply(call: Call) -> Any:
    """The answer to what cannot be answered by yes or no, and so is not asked; None for all else.

    Nobody fills in a form, opens a page or chooses among options while an agent works.
    """
    if call.method == "item/tool/requestUserInput":
        return {"answers": {}}
    if call.method == "mcpServer/elicitation/request" and not _is_yes_or_no(msgspec.convert(call.params, Elicitation)):
        return _DECLINED_FORM
    return None


def _is_yes_or_no(told: Elicitation) -> bool:
    schema = told.requested_schema
    return told.mode != "url" and not (isinstance(schema, dict) and schema.get("required"))
