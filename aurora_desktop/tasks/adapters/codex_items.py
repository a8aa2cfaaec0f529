"""What the items of a Codex thread show: messages, thoughts, and tools with how they began and ended."""

import shlex
from collections.abc import Iterator
from typing import Any

from aurora_desktop.tasks.adapters.adapter import Observation, Said, ToolEnded, ToolStarted
from aurora_desktop.tasks.adapters.codex_messages import (
    AgentMessage,
    AnyItem,
    Change,
    CollabAgentToolCall,
    CommandExecution,
    DynamicToolCall,
    FileChange,
    ImageView,
    McpToolCall,
    Plan,
    Reasoning,
    UserMessage,
    WebSearch,
)
from aurora_desktop.tasks.adapters.texts import cut, one_line, readable, whole_file_diff

SHELL, EDIT = "shell", "edit"


def begun(item: AnyItem) -> ToolStarted | None:
    """A tool that begins; None for what is none."""
    match item:
        case CommandExecution(command=command, cwd=cwd):
            detail = f"{command}\nin {cwd}" if cwd else command
            return ToolStarted(item.id, SHELL, one_line(plain_command(command)), cut(detail))
        case FileChange(changes=changes):
            return ToolStarted(item.id, EDIT, one_line(changed_paths(changes)), diff=cut(diff_of(changes)))
        case McpToolCall(server=server, tool=tool, arguments=arguments):
            return ToolStarted(item.id, f"{server}.{tool}", one_line(readable(arguments)), cut(readable(arguments)))
        case DynamicToolCall(tool=tool, arguments=arguments):
            return ToolStarted(item.id, tool, one_line(readable(arguments)), cut(readable(arguments)))
        case CollabAgentToolCall(tool=tool, prompt=prompt):
            return ToolStarted(item.id, f"agent.{tool}", one_line(prompt or ""), cut(prompt or ""))
        case WebSearch(query=query):
            return ToolStarted(item.id, "web_search", one_line(query))
        case ImageView(path=path):
            return ToolStarted(item.id, "view_image", one_line(path))
    return None


def ended(item: AnyItem) -> Iterator[Observation]:
    """What a completed item was: words, or the end of a tool."""
    match item:
        case UserMessage():
            return
        case AgentMessage(text=text) | Plan(text=text):
            if text:
                yield Said(text)
        case Reasoning(summary=summary, content=content):
            if thought := "\n\n".join(summary or content):
                yield Said(thought, "thinking")
        case _:
            yield ToolEnded(item.id, failed(item), cut(_output(item)))


def failed(item: AnyItem) -> bool:
    return getattr(item, "status", "") in ("failed", "declined")


def _output(item: AnyItem) -> str:
    if getattr(item, "status", "") == "declined":
        return "declined"
    match item:
        case CommandExecution(aggregated_output=output, exit_code=code):
            return (output or "") + (f"\nexit code {code}" if code else "")
        case McpToolCall(error=error) if error is not None:
            return error.message
        case McpToolCall(result=result):
            return _texts(result) or readable(result)
    return ""


def _texts(result: Any) -> str:
    """The texts in the result of an MCP tool; "" where there is anything else in it."""
    blocks = result.get("content") if isinstance(result, dict) else None
    texts = (
        [block.get("text") if isinstance(block, dict) else None for block in blocks] if isinstance(blocks, list) else []
    )
    return "\n".join(text for text in texts if isinstance(text, str)) if all(texts) else ""


def plain_command(command: str) -> str:
    """The command without the shell that Codex wraps around it: `/bin/bash -lc 'ls -l'` is `ls -l`."""
    try:
        words = shlex.split(command)
    except ValueError:
        return command
    return words[2] if len(words) == 3 and words[1] in ("-lc", "-c") else command


def changed_paths(changes: list[Change]) -> str:
    return ", ".join(f"{change.kind.get('type', 'change')} {change.path}" for change in changes)


def diff_of(changes: list[Change]) -> str:
    return "\n".join(_diff(change) for change in changes)


def _diff(change: Change) -> str:
    match change.kind.get("type"):
        case "add":
            return whole_file_diff(change.path, change.diff, "+")
        case "delete":
            return whole_file_diff(change.path, change.diff, "-")
    target = change.kind.get("move_path") or change.path
    return f"--- {change.path}\n+++ {target}\n{change.diff}"
