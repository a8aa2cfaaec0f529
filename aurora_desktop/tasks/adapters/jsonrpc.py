"""JSON-RPC 2.0 over lines, without any input or output of its own: one message is one line of JSON."""

from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec import UNSET, Struct, UnsetType

METHOD_NOT_FOUND = -32601

RpcId = int | str | None


class RpcError(Struct, frozen=True):
    """Why a request failed."""

    code: int = 0
    message: str = ""
    data: Any = None


class Call(Struct, frozen=True):
    """The peer asks and waits for an answer."""

    id: RpcId
    method: str
    params: Any = None


class Notice(Struct, frozen=True):
    """The peer tells something and waits for nothing."""

    method: str
    params: Any = None


class Answer(Struct, frozen=True):
    """What came of our request of this method. `error` is None when it succeeded."""

    method: str
    result: Any = None
    error: RpcError | None = None


class Malformed(Struct, frozen=True):
    """A line that is no message, or an answer to nothing that was asked."""

    reason: str


Incoming = Call | Notice | Answer | Malformed


class _Message(Struct, frozen=True):
    """Any message of the peer. `id` tells null, which is an id, from none."""

    id: RpcId | UnsetType = UNSET
    method: str | None = None
    params: Any = None
    result: Any = None
    error: RpcError | None = None


class Peer:
    """One end of a conversation: what it makes is to be written, what comes in is to be given to `receive`.

    `states_version`: whether each message says that it is JSON-RPC 2.0, as the standard has it; Codex leaves it out.
    """

    def __init__(self, *, states_version: bool = True) -> None:
        self._header: dict[str, Any] = {"jsonrpc": "2.0"} if states_version else {}
        self._asked: dict[RpcId, str] = {}
        self._next_id = 1

    def request(self, method: str, params: Mapping[str, Any]) -> bytes:
        number, self._next_id = self._next_id, self._next_id + 1
        self._asked[number] = method
        return self._line({"id": number, "method": method, "params": params})

    def notice(self, method: str, params: Mapping[str, Any] | None = None) -> bytes:
        return self._line({"method": method} if params is None else {"method": method, "params": params})

    def answer(self, call_id: RpcId, result: Any) -> bytes:
        return self._line({"id": call_id, "result": result})

    def refuse(self, call: Call) -> bytes:
        """The answer to a call of a method that we do not know: without it the peer would wait for ever."""
        error = RpcError(METHOD_NOT_FOUND, f"`{call.method}` is not supported")
        return self._line({"id": call.id, "error": {"code": error.code, "message": error.message}})

    def receive(self, line: bytes) -> Incoming:
        """What a line says. Never raises, whatever the line holds."""
        try:
            return self._understood(msgspec.json.decode(line, type=_Message))
        except RecursionError:
            return Malformed("it is nested too deeply")
        except (msgspec.MsgspecError, UnicodeError) as error:
            return Malformed(str(error))

    def _understood(self, message: _Message) -> Incoming:
        if message.method is not None:
            if message.id is UNSET:
                return Notice(message.method, message.params)
            return Call(message.id, message.method, message.params)
        if message.id is UNSET:
            return Malformed("it has neither `method` nor `id`")
        method = self._asked.pop(message.id, None)
        if method is None:
            return Malformed("it answers nothing that was asked")
        return Answer(method, message.result, message.error)

    def _line(self, message: dict[str, Any]) -> bytes:
        return msgspec.json.encode(self._header | message) + b"\n"
