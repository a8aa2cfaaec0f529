"""What Claude Code may do by itself, and what an allowance covers."""

from collections.abc import Mapping
from pathlib import PurePath
from typing import Any, NamedTuple

from aurora_desktop.core.settings.schema_tasks import Permissions
from aurora_desktop.tasks.adapters.claude_lines import Request
from aurora_desktop.tasks.adapters.claude_tools import as_json, questions

# `--permission-mode plan` keeps nothing from writing: the operator's own rules that allow tools go on to apply in it.
# Without the tools nothing can be written, whatever the rules say; servers of MCP would bring others.
_READING = ("--tools", "Glob,Grep,Read,WebFetch,WebSearch", "--strict-mcp-config")
ARGUMENTS: Mapping[Permissions, tuple[str, ...]] = {
    "ask": ("--permission-mode", "default"),
    "read-only": ("--permission-mode", "default", *_READING),
    "edit": ("--permission-mode", "acceptEdits"),
    "full": ("--permission-mode", "bypassPermissions"),
}
_EDITS = frozenset({"Edit", "NotebookEdit", "Write"})
_ALWAYS_ASKED = frozenset({"AskUserQuestion", "ExitPlanMode"})
"""These want an answer of their own each time."""


class Scope(NamedTuple):
    """What a question is about. An allowance for the task covers the questions of the same scope, and no others.

    `about`: the rules that Claude Code suggests for such tools, like `Bash(git commit *)`, else the whole input; edits
    are about their tool alone. `outside`: the folder, where it is one that the task does not own.
    """

    tool: str
    about: frozenset[str]
    outside: str


class Allowances:
    """What the operator allowed for the whole task.

    They are kept here and not with Claude Code: what it suggests to be told instead is to write the rule into the
    project's settings, where it holds for ever, or to accept all edits because of one.
    """

    def __init__(self) -> None:
        self._scopes: set[Scope] = set()

    def add(self, request: Request) -> None:
        if request.tool_name not in _ALWAYS_ASKED:
            self._scopes.add(scope_of(request))

    def cover(self, request: Request) -> bool:
        return scope_of(request) in self._scopes


def scope_of(request: Request) -> Scope:
    about = frozenset(_rules(request))
    if not about and request.tool_name not in _EDITS:
        about = frozenset({as_json(request.input)})
    return Scope(request.tool_name, about, str(PurePath(request.blocked_path).parent) if request.blocked_path else "")


def allowance(request: Request, message: str = "") -> dict[str, Any]:
    """Allowed as asked. The operator's words, where there are some, are the answer to its questions."""
    given = request.input
    if request.tool_name == "AskUserQuestion" and message:
        given = {**given, "answers": dict.fromkeys(questions(given), message)}
    return {"behavior": "allow", "updatedInput": given}


def denial(message: str) -> dict[str, Any]:
    return {"behavior": "deny", "message": message or "The operator denied this."}


def _rules(request: Request) -> list[str]:
    suggested = [one.get("rules") for one in request.permission_suggestions or () if one.get("type") == "addRules"]
    rules = (rule for rules in suggested if isinstance(rules, list) for rule in rules if isinstance(rule, dict))
    return [f"{rule.get('toolName')}({rule.get('ruleContent')})" for rule in rules]
