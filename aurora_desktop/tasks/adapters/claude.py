"""Claude Code: `claude -p` with its stream of JSON lines in both directions.

The prompt goes in on standard input, which knows no limit of length, and questions for permission come and are
answered there. The stream holds partial messages, too: without them a long answer would look like silence.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from aurora_desktop.core.task_events import ApprovalDecision
from aurora_desktop.tasks.adapters import claude_lines as lines
from aurora_desktop.tasks.adapters import claude_tools, claude_verdict
from aurora_desktop.tasks.adapters.adapter import (
    Asks,
    AsksNoMore,
    Exit,
    Finished,
    Launch,
    Observation,
    Odd,
    ProviderRetry,
    Reply,
    Said,
    Session,
    Spent,
    ToolEnded,
    ToolStarted,
    Verdict,
)
from aurora_desktop.tasks.adapters.claude_permissions import ARGUMENTS, Allowances, allowance, denial
from aurora_desktop.tasks.adapters.claude_usage import Meter
from aurora_desktop.tasks.adapters.texts import cut
from aurora_desktop.tasks.messages import Run
from aurora_desktop.tasks.newest import Newest

_STREAMS = ("--input-format", "stream-json", "--output-format", "stream-json", "--verbose")
_PROTOCOL = ("-p", *_STREAMS, "--include-partial-messages", "--permission-prompt-tool", "stdio")
_SHARE_OF_TIME = 0.9
_TOOL_USE_ID = re.compile(rb'"tool_use_id":"([\w-]{1,100})"')
_LEAST_USD = 0.000001
"""What is left of a budget that is used up: it takes no 0, and without a limit it would spend as it likes."""
_REFUSALS = frozenset({401, 403})
_MOST_REFUSALS = 3
"""It asks eleven times, over minutes, also where the login is refused; the second is for a token that ran out."""


class Claude:
    """One attempt with Claude Code."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._asked: dict[str, lines.Request] = {}
        self._allowed = Allowances()
        self._meter = Meter()
        self._speaking: Newest[str | None, str | None] = Newest()
        self._session: str | None = None
        self._result: lines.Result | None = None
        self._result_was_cut = False
        self._refused_status: int | None = None
        self._readers: Mapping[str, Callable[[dict[str, Any]], list[Observation]]] = {
            "assistant": self._on_assistant,
            "control_cancel_request": self._on_cancel,
            "control_request": self._on_request,
            "result": self._on_result,
            "stream_event": self._on_piece,
            "system": self._on_system,
            "user": self._on_user,
        }

    def launch(self) -> Launch:
        run = self._run
        session = ("--resume", run.resume) if run.resume else ("--session-id", run.session_id) if run.session_id else ()
        model = ("--model", run.model) if run.model else ()
        budget = () if run.max_usd is None else ("--max-budget-usd", f"{max(run.max_usd, _LEAST_USD):.6f}")
        return Launch(
            argv=(*run.program, *_PROTOCOL, *session, *model, *budget, *ARGUMENTS[run.permissions], *run.args),
            stdin="pipe",
            first=_line({"type": "user", "message": {"role": "user", "content": run.prompt}}),
            env={
                # It would replace itself while others of it are at work.
                "DISABLE_AUTOUPDATER": "1",
                **_limits_of_commands(run.timeout_s),
            },
        )

    def feed(self, line: bytes) -> list[Observation]:
        try:
            kind, event = lines.event_of(line)
            if kind in lines.SILENT:
                return []
            if (read := self._readers.get(kind)) is None:
                return [Odd(kind, "a type that Aurora does not know")]
            return read(event)
        except lines.NoEventError as error:
            return [Odd(error.kind, str(error)), *self._after_odd(line)]
        except RecursionError:
            return [Odd("", "nested too deeply")]

    def answer(self, ask_id: str, decision: ApprovalDecision, message: str) -> bytes:
        request = self._asked.pop(ask_id, None)
        if request is None:
            return b""
        if decision == "task":
            self._allowed.add(request)
        return _response(ask_id, denial(message) if decision == "deny" else allowance(request, message))

    def interrupt(self) -> bytes:
        return _line({"type": "control_request", "request_id": "aurora-interrupt", "request": {"subtype": "interrupt"}})

    def verdict(self, ended: Exit) -> Verdict:
        if self._result is not None:
            return claude_verdict.of_result(self._result, self._run.cwd, self._refused_status)
        if self._result_was_cut:
            return Verdict(
                "error", error="Its result was longer than Aurora reads; the task's output holds its beginning."
            )
        return claude_verdict.without_result(ended, had_begun=self._session is not None)

    # --- what it tells ------------------------------------------------------------------------------------

    def _on_system(self, event: dict[str, Any]) -> list[Observation]:
        system = lines.as_shape(event, lines.System, "system")
        if system.subtype == "init" and system.session_id and system.session_id != self._session:
            self._session = system.session_id
            return [Session(system.session_id)]
        if system.subtype == "api_retry":
            return self._on_retry(system)
        return []

    def _on_retry(self, system: lines.System) -> list[Observation]:
        retry = ProviderRetry(
            system.attempt,
            system.max_retries,
            (system.retry_delay_ms or 0.0) / 1000,
            system.error_status,
            system.error or "",
        )
        if system.error_status in _REFUSALS and system.attempt >= _MOST_REFUSALS and self._refused_status is None:
            self._refused_status = system.error_status
            return [retry, Reply(self.interrupt())]
        return [retry]

    def _on_assistant(self, event: dict[str, Any]) -> list[Observation]:
        message = lines.as_shape(event, lines.Turn, "assistant").message
        seen: list[Observation] = []
        for block in _blocks(message, "assistant"):
            if block.type == "text" and block.text:
                seen.append(Said(block.text))
            elif block.type == "thinking" and block.thinking:
                seen.append(Said(block.thinking, "thinking"))
            elif block.type == "tool_use":
                seen.append(self._tool(block))
        return [*seen, *self._count(message.id, message.usage)]

    def _tool(self, block: lines.Block) -> ToolStarted:
        tool, given, cwd = block.name, block.input, self._run.cwd
        diff = claude_tools.diff(tool, given, cwd)
        detail = "" if diff else claude_tools.detail(tool, given, cwd)
        return ToolStarted(block.id, tool, claude_tools.summary(tool, given, cwd), detail, diff)

    def _on_user(self, event: dict[str, Any]) -> list[Observation]:
        message = lines.as_shape(event, lines.Turn, "user").message
        results = (block for block in _blocks(message, "user") if block.type == "tool_result")
        return [ToolEnded(block.tool_use_id, bool(block.is_error), cut(_text(block.content))) for block in results]

    def _on_piece(self, event: dict[str, Any]) -> list[Observation]:
        stream = lines.as_shape(event, lines.StreamEvent, "stream_event")
        piece, speaker = stream.event, stream.parent_tool_use_id
        if piece.message is not None:
            self._speaking[speaker] = piece.message.id
            return self._count(piece.message.id, piece.message.usage)
        if piece.delta is not None and piece.delta.text:
            return [Said(piece.delta.text, partial=True)]
        if piece.delta is not None and piece.delta.thinking:
            return [Said(piece.delta.thinking, "thinking", partial=True)]
        return self._count(self._speaking.get(speaker), piece.usage)

    def _count(self, message: str | None, tokens: lines.Tokens | None) -> list[Observation]:
        usage = self._meter.count(message, tokens)
        return [Spent(usage)] if usage else []

    # --- what it asks -------------------------------------------------------------------------------------

    def _on_request(self, event: dict[str, Any]) -> list[Observation]:
        asked = lines.as_shape(event, lines.ControlRequest, "control_request")
        request = asked.request
        if request.subtype != "can_use_tool":
            # Left without an answer it would wait for ever.
            reason = f"Aurora does not do `{request.subtype}`"
            return [Reply(_refusal(asked.request_id, reason)), Odd("control_request", reason)]
        if self._allowed.cover(request):
            return [Reply(_response(asked.request_id, allowance(request)))]
        self._asked[asked.request_id] = request
        return [self._question(asked.request_id, request)]

    def _question(self, ask_id: str, request: lines.Request) -> Asks:
        tool, given, cwd = request.tool_name, request.input, self._run.cwd
        reason = request.decision_reason or (f"It touches {request.blocked_path}" if request.blocked_path else "")
        words = claude_tools.summary(tool, given, cwd)
        return Asks(ask_id, tool, words, claude_tools.detail(tool, given, cwd), reason)

    def _on_cancel(self, event: dict[str, Any]) -> list[Observation]:
        asked = lines.as_shape(event, lines.ControlRequest, "control_cancel_request")
        return [AsksNoMore(asked.request_id)] if self._asked.pop(asked.request_id, None) else []

    # --- what it comes to ---------------------------------------------------------------------------------

    def _on_result(self, event: dict[str, Any]) -> list[Observation]:
        self._result = result = lines.as_shape(event, lines.Result, "result")
        return [Spent(self._meter.total(result)), *self._end()]

    def _end(self) -> list[Observation]:
        """It waits for more words until its standard input is closed."""
        forgotten = [AsksNoMore(ask_id) for ask_id in self._asked]
        self._asked.clear()
        return [*forgotten, Reply(b"", closes_stdin=True), Finished()]

    def _after_odd(self, line: bytes) -> list[Observation]:
        if self._result is None and line.startswith(b'{"type":"result"'):
            self._result_was_cut = True
            return self._end()
        if line.startswith(b'{"type":"user"'):
            # What a tool gave back was longer than a line that is read, like a picture: it has ended nevertheless.
            ids = dict.fromkeys(found.decode() for found in _TOOL_USE_ID.findall(line))
            return [ToolEnded(tool, output="(too long to be shown)") for tool in ids]
        return []


def _limits_of_commands(timeout_s: float) -> dict[str, str]:
    """A command that takes too long it ends itself, and can tell of it, before we end both.

    Its own limits are two minutes, and ten where the model asks for more.
    """
    longest_ms = int(timeout_s * 1000 * _SHARE_OF_TIME)
    return {
        "BASH_DEFAULT_TIMEOUT_MS": str(min(120_000, longest_ms)),
        "BASH_MAX_TIMEOUT_MS": str(min(600_000, longest_ms)),
    }


def _blocks(message: lines.Message, kind: str) -> list[lines.Block]:
    """Those of a message that matter here; a plain text is what we said."""
    content = message.content if isinstance(message.content, list) else []
    typed = (block for block in content if isinstance(block, dict) and isinstance(block.get("type"), str))
    return [lines.as_shape(block, lines.Block, kind) for block in typed if block["type"] in lines.BLOCKS]


def _text(content: Any) -> str:
    """What a tool gave back: a text, or blocks of which some are texts."""
    if isinstance(content, str):
        return content
    blocks = content if isinstance(content, list) else []
    return "\n".join(str(block["text"]) for block in blocks if isinstance(block, dict) and "text" in block)


def _response(ask_id: str, response: dict[str, Any]) -> bytes:
    return _control({"subtype": "success", "request_id": ask_id, "response": response})


def _refusal(ask_id: str, reason: str) -> bytes:
    return _control({"subtype": "error", "request_id": ask_id, "error": reason})


def _control(response: dict[str, Any]) -> bytes:
    return _line({"type": "control_response", "response": response})


def _line(event: dict[str, Any]) -> bytes:
    return msgspec.json.encode(event) + b"\n"
