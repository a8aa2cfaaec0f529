"""The command `estop`: speaks to the guard itself, so that it works while the program is frozen.

Nothing but the standard library is loaded before the guard has the word.
"""

import contextlib
import json
import os
import socket
import sys
import time
from pathlib import Path
from typing import Any, NamedTuple

from aurora_desktop.cli.call import FAILED, NOT_RUNNING, OK, Call
from aurora_desktop.core.errors import AuroraError, NotRunningError
from aurora_desktop.core.paths import StatePaths

SOURCE = "command"
GUARD_TIMEOUT_S = 1.0
PROGRAM_TIMEOUT_S = 2.0
MAX_REASON = 200
_MAX_ANSWER_BYTES = 64 * 1024
_TOKENS = ("operate", "input", "read")
_HINT = "Only you can clear it: hold Ctrl+Shift+R for one second in Aurora's window"
_LAST_RESORT = "What an agent holds ends with its permit, 150 ms after the program stood still; see logs/guard.log"


class StopResult(NamedTuple):
    """`by`: `guard`, `program`, or "" when nobody took it; `lost`: who should have, and why it did not."""

    by: str = ""
    said: str = ""
    latency_ms: float | None = None
    lost: tuple[str, ...] = ()


def estop(call: Call) -> int:
    """Stop everything, and latch in any case. 0 once it was taken; 3 when there was nobody to stop."""
    paths = StatePaths(call.state_dir)
    result, is_latched = pull(paths, call.given.reason, SOURCE)
    return _tell(call, result, paths, is_latched=is_latched)


def pull(paths: StatePaths, reason: str, source: str) -> tuple[StopResult, bool]:
    """Who stopped, and whether it is latched now. Blocks for a few seconds at the most."""
    reason = " ".join("".join(c if c.isprintable() else " " for c in reason).split())[:MAX_REASON]
    with _Guard(paths.guard_socket) as guard:
        guard.tell(f"stop {source}: {reason}" if reason else f"stop {source}")
        is_latched = _latch(paths)  # the guard is at work meanwhile
        result = guard.answer()
    if not result.by:
        result = _ask_program(paths, reason, result)
    return result, is_latched


class _Guard:
    """One line to the guard's socket, and the line that comes back. A guard that is not there is no error."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._end = time.monotonic() + GUARD_TIMEOUT_S
        self._socket: socket.socket | None = None
        self._lost: tuple[str, ...] = ()

    def __enter__(self) -> "_Guard":
        return self

    def __exit__(self, *_: object) -> None:
        if self._socket is not None:
            self._socket.close()

    def tell(self, line: str) -> None:
        if sys.platform == "win32":
            return
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._socket.settimeout(GUARD_TIMEOUT_S)
        try:
            _connect(self._socket, self._path)
            self._socket.sendall(line.encode() + b"\n")
        except OSError as error:
            self._lose(error)

    def answer(self) -> StopResult:
        """What the guard did."""
        if self._socket is None:
            return StopResult(lost=self._lost)
        try:
            answer = _read_line(self._socket, self._end)
        except (OSError, ValueError) as error:
            self._lose(error)
            return StopResult(lost=self._lost)
        if answer.get("stopped") is not True:
            return StopResult(lost=(f"the guard refused: {answer.get('error', 'without a reason')}",))
        latency_ms = answer.get("latency_ms")
        return StopResult("guard", "the guard stopped everything", latency_ms if _is_number(latency_ms) else None)

    def _lose(self, error: Exception) -> None:
        if self._socket is not None:
            self._socket.close()
        self._socket = None
        if not isinstance(error, FileNotFoundError | ConnectionRefusedError):  # there is none, or one that has ended
            late = isinstance(error, TimeoutError)
            self._lost = (f"the guard does not answer: {f'not within {GUARD_TIMEOUT_S:g} s' if late else error}",)


def _connect(stream: socket.socket, path: Path) -> None:
    """Through the folder where the path is longer than an address may be. Raises OSError."""
    try:
        stream.connect(str(path))
    except OSError as error:
        if sys.platform != "linux" or error.errno is not None:
            raise
        folder = os.open(path.parent, os.O_PATH | os.O_DIRECTORY)
        try:
            stream.connect(f"/proc/self/fd/{folder}/{path.name}")
        finally:
            os.close(folder)


def _read_line(stream: socket.socket, end: float) -> dict[str, Any]:
    """One JSON object. Raises OSError, ValueError."""
    received = b""
    while not received.endswith(b"\n") and len(received) < _MAX_ANSWER_BYTES:
        stream.settimeout(max(0.001, end - time.monotonic()))
        chunk = stream.recv(4096)
        if not chunk:
            break
        received += chunk
    answer = json.loads(received)
    if not isinstance(answer, dict):
        raise ValueError("it answered something else than an object")
    return answer


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _latch(paths: StatePaths) -> bool:
    """Take the clearance away; whether none is left."""
    try:
        from aurora_desktop.safety.clearance import Clearance
    except Exception:  # noqa: BLE001 - a broken library must not leave the latch open
        with contextlib.suppress(OSError):
            paths.clearance.unlink()
        return not os.path.lexists(paths.clearance)
    return Clearance(paths.clearance).revoke()


def _ask_program(paths: StatePaths, reason: str, before: StopResult) -> StopResult:
    """The way through the local API, with whichever token this user can read."""
    from aurora_desktop.cli.client import Client  # late: it takes longer to load than all the rest

    scope = next((name for name in _TOKENS if os.access(paths.tokens / name, os.R_OK)), _TOKENS[0])
    try:
        done = Client(paths, PROGRAM_TIMEOUT_S).post("/v1/estop", {"reason": reason}, scope=scope)["done"]
    except NotRunningError:
        return before
    except AuroraError as error:
        return before._replace(lost=(*before.lost, str(error).replace("\n", ": ")))
    return before._replace(by="program", said=done)


def _tell(call: Call, result: StopResult, paths: StatePaths, *, is_latched: bool) -> int:
    if call.given.json:
        given = {"stopped_by": result.by, "latency_ms": result.latency_ms, "latched": is_latched, "lost": result.lost}
        call.console.json(given)
    else:
        _say(call, result, is_latched=is_latched)
    if not is_latched:
        call.console.error(AuroraError("The latch is not set", f"{paths.clearance} is still there", "Remove this file"))
        return FAILED
    if result.by:
        return OK
    if result.lost:
        call.console.error(AuroraError("Nobody has confirmed the stop", "\n".join(result.lost), _LAST_RESORT))
        return FAILED
    return NOT_RUNNING


def _say(call: Call, result: StopResult, *, is_latched: bool) -> None:
    took = "" if result.latency_ms is None else f" in {result.latency_ms:.1f} ms"
    if result.by:
        call.console.line(f"{result.said}{took}")
    elif not result.lost:
        call.console.line("Aurora is not running: there was nothing to stop")
    if result.by and result.lost:
        call.console.line(f"but {', '.join(result.lost)}")
    if is_latched:
        call.console.line(f"latched: no agent can act until the latch is cleared. {_HINT}")
