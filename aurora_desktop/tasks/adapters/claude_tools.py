"""What a tool of Claude Code is about to do, in words and as a diff, from its name and input."""

import difflib
from collections.abc import Mapping
from pathlib import PurePath
from typing import Any

import msgspec

from aurora_desktop.tasks.adapters.texts import cut, one_line

_MOST_COMPARED_LINES = 2_000
"""Finding the shortest way between two texts takes their product: longer ones are shown as all gone, all new."""

_MAIN_FIELD: Mapping[str, str] = {
    "Agent": "description",
    "Bash": "command",
    "Edit": "file_path",
    "Glob": "pattern",
    "Grep": "pattern",
    "NotebookEdit": "notebook_path",
    "Read": "file_path",
    "Skill": "skill",
    "Task": "description",
    "TaskCreate": "subject",
    "WebFetch": "url",
    "WebSearch": "query",
    "Write": "file_path",
}
_PATHS = frozenset({"file_path", "notebook_path"})


def summary(tool: str, given: Mapping[str, Any], cwd: str) -> str:
    """One line: the command, the file (relative to `cwd` if below), the address; else the input as JSON."""
    field = _MAIN_FIELD.get(tool, "")
    value = given.get(field)
    if tool == "AskUserQuestion":
        value = "; ".join(questions(given)) or None
    if not isinstance(value, str):
        value = as_json(given) if given else ""
    elif field in _PATHS:
        value = _below(value, cwd)
    return one_line(value)


def detail(tool: str, given: Mapping[str, Any], cwd: str) -> str:
    """All that it is going to do, readable: the whole command, the diff, or the input as JSON."""
    command = given.get("command")
    if tool == "Bash" and isinstance(command, str):
        return cut(command)
    if tool == "AskUserQuestion" and (asked := _asked(given)):
        return cut("\n".join(_with_options(one) for one in asked))
    return diff(tool, given, cwd) or (cut(as_json(given, indented=True)) if given else "")


def diff(tool: str, given: Mapping[str, Any], cwd: str) -> str:
    """The unified diff of an edit; "" where it edits nothing. Line numbers count from the text that is replaced."""
    path, old, new = given.get("file_path"), given.get("old_string"), given.get("new_string")
    if not isinstance(path, str):
        return ""
    name = one_line(_below(path, cwd))
    content = given.get("content")
    if tool == "Write" and isinstance(content, str):
        # What it overwrites is not told.
        return cut(_unified("", content, "/dev/null", name))
    if tool == "Edit" and isinstance(old, str) and isinstance(new, str):
        return cut(_unified(old, new, name, name))
    return ""


def questions(given: Mapping[str, Any]) -> list[str]:
    """What `AskUserQuestion` asks."""
    return [str(one["question"]) for one in _asked(given)]


def _asked(given: Mapping[str, Any]) -> list[dict[str, Any]]:
    asked = given.get("questions")
    entries = asked if isinstance(asked, list) else []
    return [one for one in entries if isinstance(one, dict) and one.get("question")]


def _with_options(question: Mapping[str, Any]) -> str:
    options = question.get("options")
    told = [one for one in options if isinstance(one, dict)] if isinstance(options, list) else []
    lines = (f"  {one.get('label', '')}: {one.get('description', '')}".rstrip(": ") for one in told)
    return "\n".join([str(question["question"]), *lines])


def as_json(given: Mapping[str, Any], *, indented: bool = False) -> str:
    text = msgspec.json.encode(given)
    return (msgspec.json.format(text, indent=2) if indented else text).decode()


def _unified(old: str, new: str, old_name: str, new_name: str) -> str:
    before, after = old.splitlines(), new.splitlines()
    head = [f"--- {old_name}", f"+++ {new_name}"]
    if old and len(before) + len(after) <= _MOST_COMPARED_LINES:
        lines = list(difflib.unified_diff(before, after, lineterm=""))[2:]
    else:
        first = f"@@ -{min(1, len(before))},{len(before)} +{min(1, len(after))},{len(after)} @@"
        lines = [first, *(f"-{line}" for line in before), *(f"+{line}" for line in after)]
    return "\n".join([*head, *lines])


def _below(path: str, cwd: str) -> str:
    pure = PurePath(path)
    return str(pure.relative_to(cwd)) if cwd and pure.is_relative_to(cwd) else path
