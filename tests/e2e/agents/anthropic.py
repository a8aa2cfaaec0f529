"""A stand-in of the API that Claude Code asks: it plays a script, one turn for each request, and keeps what was asked.

The format is the public one of the streaming Messages API. Requests without tools are side jobs of the program (a title
for the session, a look at the quota): they get a word back and use up no turn.
"""

import itertools
import json
import threading
from collections.abc import Iterator, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self

INPUT_TOKENS = 1200
OUTPUT_TOKENS = 40
"""What each turn says that it has spent."""
_SIGNATURE = "c2lnbmF0dXJl"
_numbers = itertools.count(1)


class Text(NamedTuple):
    text: str


class Thinking(NamedTuple):
    text: str


class Tool(NamedTuple):
    name: str
    input: dict[str, Any]


class Says(NamedTuple):
    """A turn of the model: blocks one after another. With a tool in it the program goes on and asks again."""

    blocks: tuple[Text | Thinking | Tool, ...]
    stops_after: int | None = None
    """Break the connection after so many blocks: the stream stops in the middle."""


class Fails(NamedTuple):
    """An answer that is none: 529 `overloaded_error`, 401 `authentication_error`, ..."""

    status: int
    kind: str
    message: str = "as the script says"


class Hangs(NamedTuple):
    """The stream begins, and nothing more comes until the server ends."""


Turn = Says | Fails | Hangs


def says(*blocks: Text | Thinking | Tool | str) -> Says:
    return Says(tuple(Text(block) if isinstance(block, str) else block for block in blocks))


OVERLOADED = Fails(529, "overloaded_error", "Overloaded")
UNAUTHORIZED = Fails(401, "authentication_error", "invalid x-api-key")
HANGS = Hangs()


class Asked(NamedTuple):
    """A request that used up a turn."""

    path: str
    headers: dict[str, str]
    body: dict[str, Any]

    @property
    def model(self) -> str:
        return str(self.body["model"])

    @property
    def tools(self) -> list[str]:
        return [str(tool["name"]) for tool in self.body.get("tools", ())]

    @property
    def words(self) -> list[str]:
        """The texts of the messages, as they are."""
        contents = [message["content"] for message in self.body["messages"]]
        blocks = [block for content in contents if isinstance(content, list) for block in content]
        plain = [content for content in contents if isinstance(content, str)]
        return [*plain, *(block["text"] for block in blocks if block["type"] == "text")]

    @property
    def conversation(self) -> str:
        """All that was said so far, by both sides, as JSON."""
        return json.dumps(self.body.get("messages"), ensure_ascii=False)


class StandIn:
    """The server, in a thread of this process. The last turn of the script is played again when all are used up."""

    def __init__(self, *script: Turn) -> None:
        self.asked: list[Asked] = []
        self.others: list[str] = []
        self._script = script
        self._lock = threading.Lock()
        self.ending = threading.Event()
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.stand_in = self
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.ending.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    def environment(self, home: Path) -> dict[str, str]:
        """What points the program here, gives it a home of its own, and keeps it from asking anybody else."""
        return {
            "HOME": str(home),
            "CLAUDE_CONFIG_DIR": str(home / ".claude"),
            "ANTHROPIC_BASE_URL": self.url,
            "ANTHROPIC_API_KEY": "sk-ant-of-the-tests",
            "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
            "CLAUDE_CODE_TMPDIR": str(home),
            "DISABLE_AUTOUPDATER": "1",
        }

    def take(self, asked: Asked) -> Turn:
        with self._lock:
            turn = self._script[min(len(self.asked), len(self._script) - 1)]
            self.asked.append(asked)
            return turn


class _Server(ThreadingHTTPServer):
    stand_in: StandIn
    daemon_threads = True
    block_on_close = False

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that was killed has hung up: that is what the tests are about."""


READ_S = 0.5
"""Time for the client to take what came before the stream stops."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name is the base class'
        """Say nothing: what was asked is kept."""

    def do_HEAD(self) -> None:
        self._other()

    def do_GET(self) -> None:
        self._other()

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers.get("Content-Length", 0))) or b"{}")
        if self.path.split("?")[0] != "/v1/messages":
            self._other()
        elif not body.get("tools"):
            self.server.stand_in.others.append(self.path)
            self._stream(body, says("Fine."))
        else:
            self._play(body, self.server.stand_in.take(Asked(self.path, dict(self.headers), body)))

    def _other(self) -> None:
        self.server.stand_in.others.append(f"{self.command} {self.path}")
        answer = {"input_tokens": INPUT_TOKENS} if self.path.startswith("/v1/messages/count_tokens") else {}
        self._send(200, answer)

    def _send(self, status: int, answer: dict[str, Any]) -> None:
        data = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)

    def _play(self, body: dict[str, Any], turn: Turn) -> None:
        match turn:
            case Fails(status, kind, message):
                self._send(status, {"type": "error", "error": {"type": kind, "message": message}})
            case Hangs():
                self._begin()
                self._event(_message_start(body))
                self.server.stand_in.ending.wait()
                self.close_connection = True
            case Says():
                self._stream(body, turn)

    def _stream(self, body: dict[str, Any], turn: Says) -> None:
        if not body.get("stream"):
            self._send(200, _message(body, turn))
            return
        self._begin()
        for number, event in _events(body, turn):
            if turn.stops_after is not None and number >= turn.stops_after:
                # A client that reads of the end before it has taken what came asks again, for an answer in one piece.
                self.server.stand_in.ending.wait(READ_S)
                self.close_connection = True
                return
            self._event(event)
        self._chunk(b"")

    def _begin(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Cache-Control", "no-cache")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()

    def _event(self, event: dict[str, Any]) -> None:
        self._chunk(f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode())

    def _chunk(self, data: bytes) -> None:
        """An empty one ends the answer: a stream without it was broken off, and the client can tell."""
        self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))


def _message_start(body: dict[str, Any]) -> dict[str, Any]:
    usage = {"input_tokens": INPUT_TOKENS, "output_tokens": 1}
    message = {
        "id": f"msg_{next(_numbers):04}",
        "type": "message",
        "role": "assistant",
        "model": body["model"],
        "content": [],
    }
    return {"type": "message_start", "message": {**message, "stop_reason": None, "stop_sequence": None, "usage": usage}}


def _events(body: dict[str, Any], turn: Says) -> Iterator[tuple[int, dict[str, Any]]]:
    """The events of a turn, each with the number of the block that it belongs to."""
    yield -1, _message_start(body)
    for index, block in enumerate(turn.blocks):
        for event in _block(index, block):
            yield index, event
    last = len(turn.blocks)
    delta = {"stop_reason": _stop_reason(turn), "stop_sequence": None}
    yield last, {"type": "message_delta", "delta": delta, "usage": {"output_tokens": OUTPUT_TOKENS}}
    yield last, {"type": "message_stop"}


def _stop_reason(turn: Says) -> str:
    return "tool_use" if any(isinstance(block, Tool) for block in turn.blocks) else "end_turn"


def _block(index: int, block: Text | Thinking | Tool) -> Sequence[dict[str, Any]]:
    begun, deltas = _pieces(block)
    return [
        {"type": "content_block_start", "index": index, "content_block": begun},
        *({"type": "content_block_delta", "index": index, "delta": delta} for delta in deltas),
        {"type": "content_block_stop", "index": index},
    ]


def _pieces(block: Text | Thinking | Tool) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """How a block begins, and what is added to it."""
    match block:
        case Text(text):
            return {"type": "text", "text": ""}, [{"type": "text_delta", "text": text}]
        case Thinking(text):
            signed = {"type": "signature_delta", "signature": _SIGNATURE}
            begun = {"type": "thinking", "thinking": "", "signature": ""}
            return begun, [{"type": "thinking_delta", "thinking": text}, signed]
        case Tool(name, given):
            delta = {"type": "input_json_delta", "partial_json": json.dumps(given)}
            return {**_tool_use(name), "input": {}}, [delta]


def _tool_use(name: str) -> dict[str, Any]:
    return {"type": "tool_use", "id": f"toolu_{next(_numbers):04}", "name": name}


def _message(body: dict[str, Any], turn: Says) -> dict[str, Any]:
    """The same in one piece, for a request that did not ask for a stream."""
    message = _message_start(body)["message"]
    usage = {"input_tokens": INPUT_TOKENS, "output_tokens": OUTPUT_TOKENS}
    content = [_whole(block) for block in turn.blocks]
    return {**message, "content": content, "stop_reason": _stop_reason(turn), "usage": usage}


def _whole(block: Text | Thinking | Tool) -> dict[str, Any]:
    match block:
        case Text(text):
            return {"type": "text", "text": text}
        case Thinking(text):
            return {"type": "thinking", "thinking": text, "signature": _SIGNATURE}
        case Tool(name, given):
            return {**_tool_use(name), "input": given}
