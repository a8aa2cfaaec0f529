"""Asks the running Aurora over its local API: finds it by `api.json`, enters with the token of the scope."""

import contextlib
import http.client
import json
import os
import socket
import sys
from http import HTTPStatus
from typing import Any, NamedTuple
from urllib.parse import urlencode

from aurora_desktop.core.errors import AuroraError, NotRunningError
from aurora_desktop.core.paths import StatePaths

HOST = "127.0.0.1"
ANSWER_TIMEOUT_S = 15.0


class Address(NamedTuple):
    """Where the running Aurora is: `port` is None while another program has it, `socket` "" where there is none."""

    pid: int
    port: int | None
    socket: str


class BrokenOffError(AuroraError):
    """The running Aurora did not finish its answer: it may have ended."""


class RefusedError(AuroraError):
    """The running Aurora said no: `status` of HTTP; `code`: why in one word, where it tells."""

    def __init__(self, title: str, detail: str, hint: str, status: int, code: str) -> None:
        super().__init__(title, detail, hint)
        self.status, self.code = status, code


class Client:
    """Raises NotRunningError when no Aurora runs on this state dir, AuroraError for every refusal."""

    def __init__(self, paths: StatePaths, answer_timeout_s: float | None = None) -> None:
        self._paths = paths
        self._connection: http.client.HTTPConnection | None = None
        self._answer_timeout_s = ANSWER_TIMEOUT_S if answer_timeout_s is None else answer_timeout_s

    def get(self, path: str, *, scope: str = "read", wait_s: float = 0.0, **query: object) -> Any:
        """`wait_s`: how long the program may wait for news before it answers."""
        asked = {**query, "wait_s": wait_s or None}
        given = urlencode({name: value for name, value in asked.items() if value is not None})
        return self._ask("GET", f"{path}?{given}" if given else path, scope, None, wait_s)

    def post(
        self,
        path: str,
        body: dict[str, object] | bytes | None = None,
        *,
        scope: str = "operate",
        wait_s: float = 0.0,
    ) -> Any:
        """`body`: bytes are sent as they are, and must be JSON. `wait_s`: what the answer may take beyond the usual."""
        sent = body if isinstance(body, bytes) else json.dumps(body or {}).encode()
        return self._ask("POST", path, scope, sent, wait_s)

    def picture(self, path: str, *, scope: str = "input") -> bytes:
        """An answer that is no JSON, as it is."""
        return self._received("GET", path, scope, None, 0.0)

    def abandon(self) -> None:
        """Break off the request that another thread waits for, so that Aurora knows that nobody does any more."""
        stream = self._connection.sock if self._connection is not None else None
        if stream is not None:
            with contextlib.suppress(OSError):
                stream.shutdown(socket.SHUT_RDWR)

    def text(self, path: str, *, scope: str = "read") -> str:
        """An answer that is no JSON."""
        return self._received("GET", path, scope, None, 0.0).decode()

    def pid(self) -> int:
        """The process id of the running Aurora."""
        return self._address().pid

    def _ask(self, method: str, path: str, scope: str, body: bytes | None, wait_s: float) -> Any:
        return _decoded(self._received(method, path, scope, body, wait_s))

    def _received(self, method: str, path: str, scope: str, body: bytes | None, wait_s: float) -> bytes:
        self._address()  # where nothing runs, that is the thing to say, and not that there is no token
        token = self._token(scope)
        try:
            return self._answered(method, path, token, body, wait_s)
        except RefusedError as refusal:
            # The token was rotated while this waited for news: whoever follows goes on with the new one.
            if method != "GET" or refusal.status != HTTPStatus.UNAUTHORIZED or self._token(scope) == token:
                raise
        return self._answered(method, path, self._token(scope), body, wait_s)

    def _answered(self, method: str, path: str, token: str, body: bytes | None, wait_s: float) -> bytes:
        address = self._address()
        headers = {"Authorization": f"Bearer {token}", "Connection": "close"}
        if body is not None:
            headers["Content-Type"] = "application/json"
        self._connection = connection = _connection(address, self._answer_timeout_s + wait_s)
        try:
            connection.request(method, path, body, headers)
            response = connection.getresponse()
            return _accepted(response.status, response.read())
        except (ConnectionRefusedError, FileNotFoundError) as error:
            raise self._not_running() from error
        except (OSError, http.client.HTTPException) as error:
            self._address()  # it may have ended meanwhile, and that is the better thing to say
            raise _broken_off(error) from error
        finally:
            connection.close()

    def _address(self) -> "Address":
        """A file left behind by one that died says nothing about who has the port now."""
        try:
            address = _parsed(self._paths.api_file.read_bytes())
        except PermissionError as error:
            raise _not_allowed(error) from error
        except (OSError, ValueError, TypeError, LookupError) as error:
            raise self._not_running() from error
        if not _is_alive(address.pid):
            raise self._not_running()
        return address

    def _token(self, scope: str) -> str:
        try:
            return (self._paths.tokens / scope).read_text(encoding="ascii").strip()
        except (OSError, ValueError) as error:
            raise _not_allowed(error) from error

    def _not_running(self) -> NotRunningError:
        return NotRunningError(
            "Aurora is not running",
            f"Nothing answers for the state folder {self._paths.root}",
            "Start it with `aurora run`, or name its folder with --state-dir",
        )


class _SocketConnection(http.client.HTTPConnection):
    """HTTP through the Unix socket `path`."""

    def __init__(self, path: str, timeout_s: float) -> None:
        super().__init__("localhost", timeout=timeout_s)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


def _connection(address: Address, timeout_s: float) -> http.client.HTTPConnection:
    """To the port, where there is one. Raises AuroraError where there is neither that nor a socket."""
    if address.port is not None:
        return http.client.HTTPConnection(HOST, address.port, timeout=timeout_s)
    if address.socket:
        return _SocketConnection(address.socket, timeout_s)
    raise AuroraError(
        "Aurora runs, but cannot be reached",
        "Another program has the port of its local API",
        "End that program, or set `api.port` to 0; `aurora doctor` looks at it",
    )


def _parsed(content: bytes) -> Address:
    """Raises ValueError, TypeError or LookupError for what is no address."""
    told = json.loads(content)
    port = None if told["port"] is None else int(told["port"])
    return Address(int(told["pid"]), port, str(told.get("socket") or ""))


def _accepted(status: int, body: bytes) -> bytes:
    """The body of a good answer. Raises AuroraError for every other one."""
    if status < 400:
        return body
    answer = _decoded(body)
    problem = answer if isinstance(answer, dict) else {}
    title = str(problem.get("title") or f"Aurora refused the request with status {status}")
    detail, hint, code = (str(problem.get(name, "")) for name in ("detail", "hint", "code"))
    raise RefusedError(title, detail, hint, status, code)


def _decoded(body: bytes) -> Any:
    try:
        return json.loads(body)
    except ValueError:
        return {}


def _is_alive(pid: int) -> bool:
    """Whether a process of ours has this pid; on Windows, where asking could end it, the port tells."""
    if sys.platform == "win32":
        return True
    try:
        os.kill(pid, 0)
    except (OSError, OverflowError):
        return False
    return pid > 0


def _broken_off(error: Exception) -> AuroraError:
    if isinstance(error, TimeoutError):
        return AuroraError("Aurora does not answer", "It runs, but did not answer in time", "See logs/aurora.log")
    return BrokenOffError("Aurora broke off its answer", str(error), "It may be stopping; try `aurora status`")


def _not_allowed(error: Exception) -> AuroraError:
    return AuroraError(
        "The token of the local API cannot be read",
        str(error),
        "Use the user account that runs Aurora",
    )
