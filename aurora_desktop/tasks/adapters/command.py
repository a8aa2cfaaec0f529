"""Any program as an agent: its prompt by argument, standard input or file; its result what it prints, or events.

With `events: json` each line of standard output is one JSON object, of these types:

| `type` | fields |
|---|---|
| `message` | `text`, `partial?` |
| `progress` | `text`: shown as a thought |
| `tool` | `name`, `summary?`, `id?` |
| `tool_result` | `id?`, `failed?`, `output?`; without an `id` it belongs to the last tool |
| `usage` | `cost_usd?`, `input_tokens?`, `output_tokens?`: of the attempt so far, in all |
| `error` | `text`: the attempt is an error, unless a `result` follows |
| `result` | `text`, `is_error?`: the end; what still runs after it is ended |

Whatever else a line holds is kept, and not fatal.
"""

import os
from pathlib import Path

import msgspec

from aurora_desktop.core.errors import AuroraError
from aurora_desktop.core.task_events import ApprovalDecision
from aurora_desktop.tasks.adapters.adapter import (
    Exit,
    Finished,
    Launch,
    Observation,
    Odd,
    Said,
    Spent,
    ToolEnded,
    ToolStarted,
    Verdict,
)
from aurora_desktop.tasks.folder import TaskFolder
from aurora_desktop.tasks.messages import Run
from aurora_desktop.tasks.prompts import with_prompt
from aurora_desktop.tasks.task import Usage

MOST_ARGUMENT_BYTES = 131_071
"""MAX_ARG_STRLEN of Linux (32 pages), without the NUL at the end."""
MOST_RESULT = 100_000
_MOST_TAIL_BYTES = 4 * MOST_RESULT
"""UTF-8 has at most 4 bytes a character."""
PROMPT_FILE = "{prompt_file}"


class CommandAgent:
    """Without events its whole output is taken as it comes, by `feed_bytes`, and the exit code judges."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._printed = _Tail()
        self._events = _Events()

    @property
    def takes_bytes(self) -> bool:
        """Whether the output goes to `feed_bytes`, and not to `feed` line by line."""
        return not self._run.has_events

    def launch(self) -> Launch:
        """Raises AuroraError for a prompt that is no argument; OSError when its file cannot be written."""
        argv = [*self._run.program, *self._run.args]
        if self._run.prompt_way == "stdin":
            prompt = self._run.prompt.encode("utf-8", "replace")
            return Launch(argv=argv, stdin="pipe", first=prompt, closes_stdin=True)
        if self._run.prompt_way == "file":
            path = TaskFolder(Path(self._run.folder)).prompt
            _write_private(os.fspath(path), self._run.prompt)
            return Launch(argv=_with_file(argv, os.fspath(path)))
        return Launch(argv=with_prompt(argv, _as_argument(self._run.prompt)))

    def feed_bytes(self, data: bytes) -> None:
        self._printed.add(data)

    def feed(self, line: bytes) -> list[Observation]:
        return self._events.read(line)

    def answer(self, ask_id: str, decision: ApprovalDecision, message: str) -> bytes:
        """It asks nothing."""
        del ask_id, decision, message
        return b""

    def interrupt(self) -> bytes:
        """There is no word for it but SIGTERM."""
        return b""

    def verdict(self, ended: Exit) -> Verdict:
        if self._run.has_events and self._events.result is not None:
            return self._events.result
        said = self._events.last_words if self._run.has_events else self._printed.text()
        trouble = self._events.trouble or _exit_in_words(ended)
        if trouble:
            return Verdict(ending="crashed" if ended.signal else "error", result=said, error=trouble)
        return Verdict(ending="completed", result=said)


def _exit_in_words(ended: Exit) -> str:
    """What was wrong with the exit, with the last words on standard error; "" if it exited with 0."""
    if ended.signal is None and ended.code == 0:
        return ""
    how = f"killed by {ended.signal}" if ended.signal is not None else f"exited with code {ended.code}"
    tail = ended.stderr_tail.strip()
    return f"{how}: {tail}" if tail else how


def _as_argument(prompt: str) -> str:
    if "\0" in prompt:
        raise AuroraError(
            "the prompt holds a NUL character, which no argument can",
            hint="Take it out, or give the agent its prompt by `prompt: stdin` or `prompt: file`.",
        )
    if len(prompt.encode("utf-8", "replace")) > MOST_ARGUMENT_BYTES:
        raise AuroraError(
            "the prompt is too long for an argument",
            f"It may have {MOST_ARGUMENT_BYTES:,} bytes in UTF-8.",
            "Give the agent its prompt by `prompt: stdin` or `prompt: file`.",
        )
    return prompt


def _with_file(argv: list[str], path: str) -> list[str]:
    """The path wherever `{prompt_file}` stands, or as the last argument."""
    if any(PROMPT_FILE in argument for argument in argv):
        return [argument.replace(PROMPT_FILE, path) for argument in argv]
    return [*argv, path]


def _write_private(path: str, text: str) -> None:
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | getattr(os, "O_BINARY", 0), 0o600)
    with open(fd, "wb") as file:
        file.write(text.encode("utf-8", "replace"))


class _Tail:
    """The newest bytes of a stream, in twice their space."""

    def __init__(self) -> None:
        self._kept = bytearray()

    def add(self, data: bytes) -> None:
        self._kept += data
        if len(self._kept) > 2 * _MOST_TAIL_BYTES:
            del self._kept[:-_MOST_TAIL_BYTES]

    def text(self) -> str:
        return self._kept.decode("utf-8", "replace").strip()[-MOST_RESULT:]


class _Line(msgspec.Struct, frozen=True):
    """Every field that any type has; all may be left out."""

    type: str = ""
    text: str = ""
    partial: bool = False
    name: str = ""
    summary: str = ""
    id: str = ""
    failed: bool = False
    output: str = ""
    cost_usd: float | None = None
    input_tokens: int = 0
    output_tokens: int = 0
    is_error: bool = False


class _Events:
    """What the lines told so far."""

    def __init__(self) -> None:
        self.result: Verdict | None = None
        self.trouble = ""
        self.last_words = ""
        self._decoder = msgspec.json.Decoder(_Line)
        self._tools = 0

    def read(self, line: bytes) -> list[Observation]:
        try:
            event = self._decoder.decode(line)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            return [Odd("", f"no event: {error}")]
        read = getattr(self, f"_on_{event.type}", None) if event.type.isidentifier() else None
        found: list[Observation] = [Odd(event.type, "unknown type")] if read is None else read(event)
        return found

    def _on_message(self, event: _Line) -> list[Observation]:
        if not event.partial:
            self.last_words = event.text[-MOST_RESULT:]
        return [Said(event.text, partial=event.partial)]

    def _on_progress(self, event: _Line) -> list[Observation]:
        return [Said(event.text, "thinking")]

    def _on_tool(self, event: _Line) -> list[Observation]:
        self._tools += 1
        return [ToolStarted(event.id or f"tool-{self._tools}", event.name, event.summary)]

    def _on_tool_result(self, event: _Line) -> list[Observation]:
        return [ToolEnded(event.id or f"tool-{self._tools}", event.failed, event.output)]

    def _on_usage(self, event: _Line) -> list[Observation]:
        usage = Usage(cost_usd=event.cost_usd, input_tokens=event.input_tokens, output_tokens=event.output_tokens)
        return [Spent(usage)]

    def _on_error(self, event: _Line) -> list[Observation]:
        self.trouble = event.text or "it told an error without words"
        return [Said(self.trouble)]

    def _on_result(self, event: _Line) -> list[Observation]:
        text = event.text[-MOST_RESULT:]
        if event.is_error:
            self.result = Verdict(ending="error", result=text, error=text or "it told an error without words")
        else:
            self.result = Verdict(ending="completed", result=text)
        return [Finished()]
