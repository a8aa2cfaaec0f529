"""A stand-in of the Responses API, the provider that the real Codex speaks to: it answers by a script.

Each request for a response takes the next step of the script; the last step is given again and again. The shapes of
the events are those that Codex 0.171 reads; what it asks for is kept in `requests`.
"""

import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple, Self

MODEL = "gpt-5.5"
"""One that Codex 0.171 knows: of others it does not know what tools they take."""
INPUT_TOKENS, OUTPUT_TOKENS = 100, 10
"""What each response is said to have cost."""


class Says(NamedTuple):
    """The model ends its turn with these words; before that it thinks, if `thought` says what."""

    text: str
    thought: str = ""


class Calls(NamedTuple):
    """The model calls a function with these arguments."""

    name: str
    arguments: dict[str, Any]
    namespace: str = ""


def shell(command: str, *, asks: str = "") -> Calls:
    """The model runs a command; `asks`: out of the sandbox, for this reason."""
    beyond = {"sandbox_permissions": "require_escalated", "justification": asks} if asks else {}
    return Calls("exec_command", {"cmd": command, **beyond})


def new_file(name: str, text: str) -> "Patches":
    """The model makes a file of lines."""
    lines = "".join(f"+{line}\n" for line in text.splitlines())
    return Patches("apply_patch", f"*** Begin Patch\n*** Add File: {name}\n{lines}*** End Patch\n")


class Patches(NamedTuple):
    """The model calls a free-form tool: its input is text."""

    name: str
    input: str


class Fails(NamedTuple):
    """An answer that is an error of HTTP."""

    status: int
    message: str = "no more today"


class Breaks(NamedTuple):
    """The stream stops in the middle of a sentence."""

    text: str = "I was about to"


class Hangs(NamedTuple):
    """The stream begins and says nothing more until the stand-in is closed."""


Step = Says | Calls | Patches | Fails | Breaks | Hangs


class OpenAI:
    """The provider; a context manager. `base_url` is for Codex, `requests` are the bodies that it sent."""

    def __init__(self, *script: Step) -> None:
        self._script = list(script)
        self._lock = threading.Lock()
        self._closing = threading.Event()
        self.requests: list[dict[str, Any]] = []
        self.hangs = threading.Event()
        """Set when a stream hangs."""
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = False
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}/v1"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._closing.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def config(self, stream_retries: int = 2) -> str:
        """The `config.toml` with which Codex speaks to it, and gives up after so many retries."""
        return f"""
model = "{MODEL}"
model_provider = "standin"
[model_providers.standin]
name = "stand-in"
base_url = "{self.base_url}"
wire_api = "responses"
env_key = "STANDIN_KEY"
request_max_retries = 0
stream_max_retries = {stream_retries}
[analytics]
enabled = false
"""

    def next_step(self, request: dict[str, Any]) -> Step:
        with self._lock:
            self.requests.append(request)
            return self._script.pop(0) if len(self._script) > 1 else self._script[0]

    def hang(self) -> None:
        self.hangs.set()
        self._closing.wait()

    def conversation(self) -> str:
        """All that the model was told in the last request."""
        return json.dumps(self.requests[-1]["input"], ensure_ascii=False)

    def outputs(self) -> list[str]:
        """What the tools gave back, as the model saw it in the last request."""
        return [
            str(item.get("output"))
            for item in self.requests[-1]["input"]
            if item.get("type") in ("function_call_output", "custom_tool_call_output")
        ]

    def _handler(self) -> Callable[..., "_Handler"]:
        return lambda *args: _Handler(self, *args)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.0"

    def __init__(self, provider: OpenAI, *args: Any) -> None:
        self._provider = provider
        super().__init__(*args)

    def log_message(self, *_: object) -> None:
        """Tests read `requests`."""

    def do_GET(self) -> None:
        self.send_error(404)

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if not self.path.endswith("/responses"):
            self.send_error(404)
            return
        self._answer(self._provider.next_step(json.loads(body)))

    def _answer(self, step: Step) -> None:
        if isinstance(step, Fails):
            self._fail(step)
            return
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.end_headers()
        try:
            for event in stream(step, len(self._provider.requests)):
                self._send(event)
            if isinstance(step, Hangs):
                self._provider.hang()
        except (BrokenPipeError, ConnectionResetError):
            pass

    def _send(self, event: dict[str, Any]) -> None:
        self.wfile.write(f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode())
        self.wfile.flush()

    def _fail(self, step: Fails) -> None:
        body = json.dumps({"error": {"message": step.message, "type": "error", "code": None}}).encode()
        self.send_response(step.status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def stream(step: Step, number: int) -> Iterator[dict[str, Any]]:
    """The events of the response of this number."""
    yield {"type": "response.created", "response": {"id": "resp_1"}}
    if isinstance(step, Hangs):
        return
    if isinstance(step, Breaks):
        yield from _begun(step.text)
        return
    if isinstance(step, Says) and step.thought:
        yield _done({"type": "reasoning", "id": "rs_1", "summary": [{"type": "summary_text", "text": step.thought}]})
    if isinstance(step, Says):
        yield from _begun(step.text)
    yield _done(_item(step, f"call_{number}"))
    yield {"type": "response.completed", "response": {"id": "resp_1", "usage": _usage()}}


def _begun(text: str) -> Iterator[dict[str, Any]]:
    item = {"type": "message", "id": "msg_1", "role": "assistant", "content": []}
    yield {"type": "response.output_item.added", "item": item}
    yield {"type": "response.output_text.delta", "item_id": "msg_1", "delta": text}


def _done(item: dict[str, Any]) -> dict[str, Any]:
    return {"type": "response.output_item.done", "item": item}


def _item(step: Step, call_id: str) -> dict[str, Any]:
    match step:
        case Says(text, _):
            content = [{"type": "output_text", "text": text}]
            return {"type": "message", "id": "msg_1", "role": "assistant", "content": content}
        case Calls(name, arguments, namespace):
            called = {"name": name, "namespace": namespace} if namespace else {"name": name}
            return {"type": "function_call", "call_id": call_id, **called, "arguments": json.dumps(arguments)}
        case Patches(name, text):
            return {"type": "custom_tool_call", "call_id": call_id, "name": name, "input": text}
    raise AssertionError(step)


def _usage() -> dict[str, Any]:
    return {
        "input_tokens": INPUT_TOKENS,
        "input_tokens_details": {"cached_tokens": 0},
        "output_tokens": OUTPUT_TOKENS,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": INPUT_TOKENS + OUTPUT_TOKENS,
    }
