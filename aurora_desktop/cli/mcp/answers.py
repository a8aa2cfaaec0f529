"""What comes back from Aurora, as the content of a tool's answer: words, JSON, pictures, and clear refusals."""

import base64
import json
from typing import Any

from mcp.types import CallToolResult, ContentBlock, ImageContent, TextContent

from aurora_desktop.cli.client import RefusedError
from aurora_desktop.core.errors import AuroraError, NotRunningError

NOT_RUNNING = "not_running"


def told(value: dict[str, Any], *pictures: bytes, is_error: bool = False) -> CallToolResult:
    """The value as JSON, once as text and once as it is; pictures are PNG."""
    blocks: list[ContentBlock] = [TextContent(text=json.dumps(value, ensure_ascii=False))]
    blocks += [ImageContent(data=base64.b64encode(png).decode(), mime_type="image/png") for png in pictures]
    return CallToolResult(content=blocks, structured_content=value, is_error=is_error)


def refused(error: AuroraError) -> CallToolResult:
    """`code`: the input agent's where it has one; else `not_running`, or `failed`."""
    value = {"code": _code(error), "title": error.title, "detail": error.detail, "hint": error.hint}
    words = " ".join(_sentence(part) for part in (error.title, error.detail, error.hint) if part)
    text = TextContent(text=f"{value['code']}: {words}")
    return CallToolResult(content=[text], structured_content=value, is_error=True)


def _sentence(words: str) -> str:
    return words if words.endswith((".", "?", "!")) else f"{words}."


def _code(error: AuroraError) -> str:
    if isinstance(error, NotRunningError):
        return NOT_RUNNING
    return (isinstance(error, RefusedError) and error.code) or "failed"
