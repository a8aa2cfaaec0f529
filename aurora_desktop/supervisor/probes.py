"""Probes: one check of a service, as a result that says what it saw."""

import asyncio
import errno
import os
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from msgspec import Struct

from aurora_desktop.core.clock import Clock, StallMeter
from aurora_desktop.core.settings.schema import ExecProbe, FileAgeProbe, HttpProbe, LogPatternProbe, Probe, TcpProbe
from aurora_desktop.supervisor.connecting import connect
from aurora_desktop.supervisor.exits import owned, reap, watch_exit
from aurora_desktop.supervisor.processes import process_table
from aurora_desktop.supervisor.tree import Identity, Tree, signal_all

_KILL_S = 0.04
_OUR_SHORTAGES = (errno.EMFILE, errno.ENFILE, errno.ENOMEM)
_CHUNK = 65536
_LONGEST_LINE = 4096
_MOST_LOG_PER_CHECK = 1 << 20


class Result(Struct, frozen=True):
    """`inconclusive` when we ourselves stood still meanwhile: it counts neither way."""

    verdict: Literal["ok", "failed", "inconclusive"]
    detail: str = ""


class Target(Struct, frozen=True, kw_only=True):
    """The service that a probe looks at; `log_start` is the size of its log in bytes when it was spawned.

    `was_up`: it was up before (adopted or thawed), so that what it had to print it has printed.
    """

    folder: Path
    environment: Mapping[str, str]
    log_path: Path
    log_start: int = 0
    was_up: bool = False


class Prober:
    """Runs the checks of one probe; keeps what a check needs to know of the one before."""

    def __init__(self, probe: Probe, target: Target, clock: Clock, stalls: StallMeter) -> None:
        self._probe = probe
        self._target = target
        self._clock = clock
        self._stalls = stalls
        self._log_offset = target.log_start
        self._pattern_seen = target.was_up
        self._modified: float | None = None
        self._fresh_at = 0.0

    async def check(self) -> Result:
        """One check; a time-out is moved on by the time that our own loop could not run."""
        stalled_before = self._stalls.total_s()
        started = self._clock.monotonic()
        try:
            async with asyncio.timeout(self._probe.timeout_sec):
                detail = await self._look()
        except TimeoutError:
            late_s = self._clock.monotonic() - started - self._probe.timeout_sec
            if self._stalls.total_s() > stalled_before or late_s > self._stalls.tolerance_s:
                return Result("inconclusive", "Aurora itself stood still meanwhile")
            return Result("failed", f"no answer within {self._probe.timeout_sec:g} s")
        except (OSError, ValueError, RuntimeError) as error:
            if getattr(error, "errno", None) in _OUR_SHORTAGES:
                return Result("inconclusive", "Aurora itself lacks file descriptors or memory")
            return Result("failed", _words(error))
        return Result("failed", detail) if detail else Result("ok")

    async def _look(self) -> str:
        """What is wrong, or "" when all is well."""
        probe = self._probe
        if probe.http is not None:
            return await _http(probe.http)
        if probe.tcp is not None:
            return await _tcp(probe.tcp)
        if probe.exec is not None:
            return await _exec(probe.exec, self._target)
        if probe.file_age is not None:
            return self._file_age(probe.file_age)
        assert probe.log_pattern is not None  # noqa: S101 - the schema wants exactly one
        return await asyncio.to_thread(self._log_pattern, probe.log_pattern)

    def _file_age(self, probe: FileAgeProbe) -> str:
        """The age grows with the monotonic clock from what it was at first sight, so that no clock jump counts."""
        path = self._target.folder / Path(probe.path).expanduser()
        try:
            modified = path.stat().st_mtime
        except FileNotFoundError:
            return f"{path} does not exist"
        now = self._clock.monotonic()
        if modified != self._modified:
            first_sight = self._modified is None
            age_s = max(0.0, self._clock.wall() - modified) if first_sight else 0.0
            self._modified, self._fresh_at = modified, now - age_s
        age_s = now - self._fresh_at
        return f"{path} was last modified {age_s:.0f} s ago" if age_s > probe.max_age_sec else ""

    def _log_pattern(self, probe: LogPatternProbe) -> str:
        pattern = re.compile(probe.pattern)
        matched = any(pattern.search(line[:_LONGEST_LINE]) for line in self._new_lines())
        if probe.expect == "absent":
            return f"its output matched `{probe.pattern}`" if matched else ""
        self._pattern_seen = self._pattern_seen or matched
        return "" if self._pattern_seen else f"its output has not matched `{probe.pattern}` yet"

    def _new_lines(self) -> list[str]:
        with open(self._target.log_path, "rb") as log:
            size = os.fstat(log.fileno()).st_size
            if size < self._log_offset:  # rotated meanwhile
                self._log_offset = 0
            log.seek(max(self._log_offset, size - _MOST_LOG_PER_CHECK))
            data = log.read(_MOST_LOG_PER_CHECK)
            whole = data.rfind(b"\n") + 1 or (len(data) if len(data) >= _LONGEST_LINE else 0)
            self._log_offset = log.tell() - (len(data) - whole)
        return data[:whole].decode("utf-8", "replace").splitlines()


async def _tcp(probe: TcpProbe) -> str:
    _, writer = await connect(probe.host, probe.port)
    writer.transport.abort()
    return ""


async def _http(probe: HttpProbe) -> str:
    """GET, no redirects followed, the body left unread."""
    # Late: h11 takes 12 ms of each start, and most services have no such probe.
    from aurora_desktop.supervisor.http_client import http_answer

    status, _ = await http_answer(probe.url, most_bytes=0)
    return "" if 200 <= status < 400 else f"answered with HTTP status {status}"


async def _exec(probe: ExecProbe, target: Target) -> str:
    """Run the command in a session of its own; nothing of it is left behind, however the check ends."""
    child = subprocess.Popen(  # noqa: ASYNC220 - vfork, about 1 ms; asyncio's own way costs more
        list(probe.command),
        cwd=target.folder,
        env=dict(target.environment),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=sys.platform != "win32",
    )
    owned.add(child.pid)
    ended = asyncio.Event()
    watch = watch_exit(child.pid, ended.set, asyncio.get_running_loop())
    try:
        await ended.wait()
    finally:
        watch.cancel()
        _end_tree(child)
        code = _collect(child)
    return "" if code == 0 else f"`{probe.command[0]}` exited with code {code}"


def _collect(child: subprocess.Popen[bytes]) -> int | None:
    """The exit code, a moment after the kill. SIGKILL may be refused, or come late: then it is collected later."""
    try:
        child.wait(_KILL_S)
    except subprocess.TimeoutExpired:

        def later() -> None:
            reap(child)

        watch_exit(child.pid, later, asyncio.get_running_loop())
        return None
    return reap(child)


def _end_tree(child: subprocess.Popen[bytes]) -> None:
    table = process_table()
    info = table.read(child.pid)
    if info is not None:
        members = Tree(table, "", Identity(child.pid, info.started)).members()
        signal_all(members.values(), 9, table)


def _words(error: Exception) -> str:
    if isinstance(error, ConnectionRefusedError):
        return "connection refused"
    return str(error) or type(error).__name__
