"""Readers of the stream of events, as a program outside would be one: by bare sockets."""

import base64
import json
import os
import socket
from typing import Any, NamedTuple

from wsproto import events as ws
from wsproto.connection import Connection, ConnectionType

from api.house import PATIENCE_S, House


class Told(NamedTuple):
    """One server-sent event; `data` decoded, None where there is none."""

    name: str
    id: int | None
    data: Any


class SseReader:
    """Reads server-sent events off a chunked answer. `head` is the head of the answer."""

    def __init__(self, house: House, query: str = "", *headers: str, receive_bytes: int = 0) -> None:
        self.socket = _connected(house, receive_bytes)
        self.socket.sendall(house.head(f"GET /v1/events/stream?{query} HTTP/1.1", *headers))
        self._file = self.socket.makefile("rb")
        self.head = b"".join(iter(self._file.readline, b"\r\n")).decode()
        self._text = ""

    def next(self) -> Told | None:
        """The next one that has an id or data; None at the end."""
        while "\n\n" not in self._text:
            size = int(self._file.readline() or b"0", 16)
            if size == 0:
                return None
            self._text += self._file.read(size + 2)[:-2].decode()
        block, _, self._text = self._text.partition("\n\n")
        return _told(block)

    def events(self, count: int) -> list[Told]:
        """The next `count` that have data."""
        found: list[Told] = []
        while len(found) < count:
            told = self.next()
            assert told is not None, f"it ended after {found}"
            if told.data is not None:
                found.append(told)
        return found

    def close(self) -> None:
        self._file.close()
        self.socket.close()

    def __enter__(self) -> "SseReader":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _told(block: str) -> Told:
    fields = dict(line.split(": ", 1) for line in block.splitlines() if not line.startswith(":"))
    data = json.loads(fields["data"]) if "data" in fields else None
    return Told(fields.get("event", "message"), int(fields["id"]) if "id" in fields else None, data)


class WsReader:
    """A WebSocket by wsproto, the other end of it. `refusal` is the answer instead: status and decoded body."""

    def __init__(self, house: House, query: str = "", **changed: str) -> None:
        self.socket = _connected(house)
        self._protocol = Connection(ConnectionType.CLIENT)
        self._received: list[Any] = []
        self.refusal: tuple[int, Any] | None = None
        self.closed: tuple[int, str] | None = None
        self.socket.sendall(_upgrade(house, query, changed))
        self._shake_hands()

    def _shake_hands(self) -> None:
        head = b""
        while b"\r\n\r\n" not in head:
            head += self.socket.recv(1)
        status = int(head.split()[1])
        if status != 101:
            self.refusal = status, json.loads(_rest(self.socket))

    def next(self) -> Any:
        """The next message, decoded; None once it is closed."""
        while not self._received:
            chunk = self.socket.recv(65536)
            self._protocol.receive_data(chunk or None)
            text = ""
            for event in self._protocol.events():
                if isinstance(event, ws.TextMessage):
                    text += event.data
                    if event.message_finished:
                        self._received.append(json.loads(text))
                        text = ""
                elif isinstance(event, ws.CloseConnection):
                    self.closed = event.code, event.reason or ""
                    return None
        return self._received.pop(0)

    def records(self, count: int) -> list[Any]:
        """The next `count` records."""
        found: list[Any] = []
        while len(found) < count:
            found += self.next()["records"]
        return found

    def say(self, text: str) -> None:
        self.socket.sendall(self._protocol.send(ws.Message(text)))

    def __enter__(self) -> "WsReader":
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()


def _upgrade(house: House, query: str, changed: dict[str, str]) -> bytes:
    headers = {
        "Host": f"127.0.0.1:{house.port}",
        "Authorization": f"Bearer {house.token('read')}",
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": base64.b64encode(os.urandom(16)).decode(),
    } | changed
    lines = [f"GET /v1/events/ws?{query} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items() if value)]
    return "\r\n".join([*lines, "", ""]).encode()


def _connected(house: House, receive_bytes: int = 0) -> socket.socket:
    reader = socket.socket()
    if receive_bytes:
        reader.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
    reader.settimeout(PATIENCE_S)
    reader.connect(("127.0.0.1", house.port))
    return reader


def _rest(reader: socket.socket) -> bytes:
    received = b""
    while chunk := reader.recv(65536):
        received += chunk
    return received
