"""Single checks of a service against real servers, programs and files."""

import asyncio
import os
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from core.clocks import FakeClock

from aurora_desktop.core.clock import Clock, StallMeter, SystemClock
from aurora_desktop.core.settings.schema import ExecProbe, FileAgeProbe, HttpProbe, LogPatternProbe, Probe, TcpProbe
from aurora_desktop.core.settings.values import Command
from aurora_desktop.supervisor.exits import owned
from aurora_desktop.supervisor.probes import Prober, Result, Target
from supervisor.yard import Yard, dead, in_loop

OK = Result("ok")
LONG_S = 30.0
SHORT_S = 0.05
DAY_S = 86_400.0


def prober(probe: Probe, root: Path, clock: Clock | None = None, **target: Any) -> Prober:
    clock = clock or SystemClock()
    values = {"folder": root, "environment": {}, "log_path": root / "web.log", **target}
    return Prober(probe, Target(**values), clock, StallMeter(clock))


# --- http -------------------------------------------------------------------------------------------------------


@asynccontextmanager
async def serving(answer: bytes | None, keep_open: bool = False) -> AsyncIterator[tuple[int, list[bytes]]]:
    """A server that gives one fixed answer to each request; its port, and the requests that came."""
    requests: list[bytes] = []
    tasks: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            requests.append(await reader.readuntil(b"\r\n\r\n"))
            writer.write(answer or b"")
            if keep_open:
                await reader.read()
            writer.close()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass  # a client that only connects, or has seen enough
        finally:
            writer.transport.close()

    def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.ensure_future(serve(reader, writer))
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    server = await asyncio.start_server(connected, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1], requests
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await server.wait_closed()


def http(port: int, path: str = "/health", timeout_s: float = LONG_S, scheme: str = "http") -> Probe:
    return Probe(http=HttpProbe(url=f"{scheme}://127.0.0.1:{port}{path}"), timeout_sec=timeout_s)


@pytest.mark.parametrize(
    ("status", "result"),
    [
        (200, OK),
        (204, OK),
        (302, OK),
        (399, OK),
        (400, Result("failed", "answered with HTTP status 400")),
        (404, Result("failed", "answered with HTTP status 404")),
        (500, Result("failed", "answered with HTTP status 500")),
    ],
)
def test_an_answer_is_judged_by_its_status(status: int, result: Result, tmp_path: Path) -> None:
    @in_loop
    async def check() -> None:
        answer = b"HTTP/1.1 %d Whatever\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n" % status
        async with serving(answer) as (port, requests):
            assert await prober(http(port), tmp_path).check() == result
            assert len(requests) == 1

    check()


@in_loop
async def test_the_request_is_a_plain_get(tmp_path: Path) -> None:
    async with serving(b"HTTP/1.1 200 OK\r\n\r\n") as (port, requests):
        await prober(http(port, "/health?deep=1"), tmp_path).check()
    request = requests[0].decode()
    assert request.startswith("GET /health?deep=1 HTTP/1.1\r\n")
    assert f"Host: 127.0.0.1:{port}\r\n" in request
    assert "Connection: close\r\n" in request


@in_loop
async def test_an_address_without_a_path_asks_for_the_root(tmp_path: Path) -> None:
    async with serving(b"HTTP/1.1 200 OK\r\n\r\n") as (port, requests):
        assert await prober(http(port, ""), tmp_path).check() == OK
    assert requests[0].startswith(b"GET / HTTP/1.1\r\n")


@in_loop
async def test_a_password_in_the_address_is_not_told_as_the_host(tmp_path: Path) -> None:
    async with serving(b"HTTP/1.1 200 OK\r\n\r\n") as (port, requests):
        probe = Probe(http=HttpProbe(url=f"http://me:secret@127.0.0.1:{port}/"), timeout_sec=LONG_S)
        assert await prober(probe, tmp_path).check() == OK
    assert b"secret" not in requests[0]


@in_loop
async def test_the_body_is_not_waited_for(tmp_path: Path) -> None:
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\nbeginning"
    async with serving(answer, keep_open=True) as (port, _):
        assert await prober(http(port), tmp_path).check() == OK


@in_loop
async def test_an_informational_answer_is_not_the_answer(tmp_path: Path) -> None:
    async with serving(b"HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 500 No\r\n\r\n") as (port, _):
        assert await prober(http(port), tmp_path).check() == Result("failed", "answered with HTTP status 500")


@in_loop
async def test_a_server_that_closes_without_an_answer_has_failed(tmp_path: Path) -> None:
    async with serving(b"") as (port, _):
        result = await prober(http(port), tmp_path).check()
    assert result.verdict == "failed"
    assert result.detail


@pytest.mark.parametrize("answer", [b"SSH-2.0-OpenSSH_9.2\r\n\r\n", b"\0\xff" * 50_000, b"HTTP/1.1 abc\r\n\r\n"])
def test_a_server_that_speaks_something_else_has_failed(answer: bytes, tmp_path: Path) -> None:
    @in_loop
    async def check() -> None:
        async with serving(answer) as (port, _):
            result = await prober(http(port), tmp_path).check()
        assert result.verdict == "failed"
        assert result.detail

    check()


@in_loop
async def test_a_server_that_never_answers_has_failed(tmp_path: Path) -> None:
    async with serving(None, keep_open=True) as (port, _):
        result = await prober(http(port, timeout_s=SHORT_S), tmp_path).check()
    assert result == Result("failed", "no answer within 0.05 s")


@in_loop
async def test_a_server_that_is_not_there_has_failed(tmp_path: Path) -> None:
    assert await prober(http(free_port()), tmp_path).check() == Result("failed", "connection refused")


@in_loop
async def test_a_plain_server_behind_https_has_failed(tmp_path: Path) -> None:
    async with serving(b"HTTP/1.1 200 OK\r\n\r\n", keep_open=True) as (port, _):
        result = await prober(http(port, timeout_s=0.5, scheme="https"), tmp_path).check()
    assert result.verdict == "failed"


@pytest.mark.parametrize("path", ["/a b", "/é", "/%zz", "/\x7f"])
def test_an_odd_address_is_a_check_like_any_other(path: str, tmp_path: Path) -> None:
    """A check that raised would end the probe, and nobody would look after the service any more."""

    @in_loop
    async def check() -> None:
        async with serving(b"HTTP/1.1 200 OK\r\n\r\n") as (port, _):
            assert (await prober(http(port, path), tmp_path).check()).verdict in ("ok", "failed")

    check()


@pytest.mark.parametrize("host", ["no-such-host.invalid", "x" * 70, "a..b"])
def test_an_odd_host_is_a_failed_check(host: str, tmp_path: Path) -> None:
    @in_loop
    async def check() -> None:
        probe = Probe(http=HttpProbe(url=f"http://{host}:1/"), timeout_sec=LONG_S)
        result = await prober(probe, tmp_path).check()
        assert result.verdict == "failed"
        assert result.detail

    check()


# --- tcp --------------------------------------------------------------------------------------------------------


def free_port() -> int:
    """A port that nobody listens on: taken, and given back."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


@in_loop
async def test_a_connection_that_is_accepted_is_enough(tmp_path: Path) -> None:
    async with serving(None, keep_open=True) as (port, _):
        assert await prober(Probe(tcp=TcpProbe(port=port), timeout_sec=LONG_S), tmp_path).check() == OK


@in_loop
async def test_a_connection_that_is_refused_has_failed(tmp_path: Path) -> None:
    probe = Probe(tcp=TcpProbe(port=free_port()), timeout_sec=LONG_S)
    assert await prober(probe, tmp_path).check() == Result("failed", "connection refused")


# --- exec -------------------------------------------------------------------------------------------------------


def command(*words: str, timeout_s: float = LONG_S) -> Probe:
    return Probe(exec=ExecProbe(command=Command(words)), timeout_sec=timeout_s)


@in_loop
async def test_a_command_that_ends_well_is_enough(tmp_path: Path, yard: Yard) -> None:
    assert await prober(command("true"), tmp_path, environment=yard.environment).check() == OK


@in_loop
async def test_a_command_that_fails_tells_its_code(tmp_path: Path, yard: Yard) -> None:
    result = await prober(command("sh", "-c", "exit 3"), tmp_path, environment=yard.environment).check()
    assert result == Result("failed", "`sh` exited with code 3")


@in_loop
async def test_a_command_runs_in_the_folder_and_environment_of_its_service(tmp_path: Path, yard: Yard) -> None:
    (tmp_path / "healthy").write_text("")
    probe = command("sh", "-c", 'test -e healthy && test "$MODE" = live')
    assert await prober(probe, tmp_path, environment={**yard.environment, "MODE": "live"}).check() == OK


@in_loop
async def test_a_command_that_is_too_slow_is_ended_with_all_that_it_started(tmp_path: Path, yard: Yard) -> None:
    script = 'setsid sh -c "echo \\$\\$ >$TELL; exec sleep 600" & echo $$ >"$TELL"; wait'
    probe = command("sh", "-c", script, timeout_s=0.5)
    result = await prober(probe, tmp_path, environment=yard.environment).check()
    assert result == Result("failed", "no answer within 0.5 s")
    for _ in range(2):
        await dead(await yard.heard_pid())
    assert yard.mine() == []


@in_loop
async def test_what_a_command_leaves_in_its_session_is_ended(tmp_path: Path, yard: Yard) -> None:
    probe = command("sh", "-c", 'sleep 600 & echo $! >"$TELL"')
    assert await prober(probe, tmp_path, environment=yard.environment).check() == OK
    await dead(await yard.heard_pid())
    assert yard.mine() == []


@in_loop
async def test_a_command_that_is_not_there_has_failed(tmp_path: Path, yard: Yard) -> None:
    result = await prober(command("no-such-program"), tmp_path, environment=yard.environment).check()
    assert result.verdict == "failed"
    assert "no-such-program" in result.detail


@in_loop
async def test_a_cancelled_check_leaves_nothing_behind(tmp_path: Path, yard: Yard) -> None:
    before = set(owned)
    probe = command("sh", "-c", 'echo $$ >"$TELL"; exec sleep 600')
    checking = asyncio.create_task(prober(probe, tmp_path, environment=yard.environment).check())
    pid = await yard.heard_pid()
    checking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await checking
    assert not yard.is_alive(pid)
    assert owned == before


# --- file_age ---------------------------------------------------------------------------------------------------


def file_age(tmp_path: Path, clock: FakeClock, age_s: float | None, **keys: Any) -> tuple[Prober, Path]:
    """A probe with a limit of 10 s on a file that is `age_s` old by the clock."""
    path = tmp_path / "beat"
    if age_s is not None:
        touch(path, clock, age_s)
    return prober(Probe(file_age=FileAgeProbe(path="beat", max_age_sec=10.0), **keys), tmp_path, clock), path


def touch(path: Path, clock: FakeClock, age_s: float = 0.0) -> None:
    path.touch()
    os.utime(path, (clock.wall() - age_s,) * 2)


@pytest.mark.parametrize(("age_s", "is_ok"), [(0.0, True), (9.0, True), (11.0, False), (-5.0, True)])
def test_a_file_is_judged_by_its_age(age_s: float, is_ok: bool, tmp_path: Path) -> None:
    probing, path = file_age(tmp_path, FakeClock(), age_s)
    result = asyncio.run(probing.check())
    assert result == (OK if is_ok else Result("failed", f"{path} was last modified 11 s ago"))


def test_a_file_that_is_not_there_has_failed(tmp_path: Path) -> None:
    probing, path = file_age(tmp_path, FakeClock(), None)
    assert asyncio.run(probing.check()) == Result("failed", f"{path} does not exist")


@pytest.mark.parametrize("jump_s", [DAY_S, -DAY_S])
def test_a_clock_that_is_set_makes_no_file_older_or_younger(jump_s: float, tmp_path: Path) -> None:
    clock = FakeClock()
    probing, _ = file_age(tmp_path, clock, 2.0)
    assert asyncio.run(probing.check()) == OK
    clock.jump(jump_s)
    clock.advance(7.0)
    assert asyncio.run(probing.check()) == OK
    clock.advance(3.0)
    assert asyncio.run(probing.check()).verdict == "failed"


@pytest.mark.parametrize("jump_s", [DAY_S, -DAY_S])
def test_a_file_written_after_the_clock_was_set_is_fresh(jump_s: float, tmp_path: Path) -> None:
    clock = FakeClock()
    probing, path = file_age(tmp_path, clock, 9.0)
    assert asyncio.run(probing.check()) == OK
    clock.jump(jump_s)
    touch(path, clock)
    clock.advance(5.0)
    assert asyncio.run(probing.check()) == OK


def test_a_file_that_is_made_again_is_fresh(tmp_path: Path) -> None:
    clock = FakeClock()
    probing, path = file_age(tmp_path, clock, 0.0)
    assert asyncio.run(probing.check()) == OK
    path.unlink()
    clock.advance(20.0)
    assert asyncio.run(probing.check()).verdict == "failed"
    touch(path, clock)
    assert asyncio.run(probing.check()) == OK


def test_a_file_that_cannot_be_looked_at_has_failed(tmp_path: Path) -> None:
    (tmp_path / "beat").write_text("")
    probe = Probe(file_age=FileAgeProbe(path="beat/below", max_age_sec=10.0))
    result = asyncio.run(prober(probe, tmp_path).check())
    assert result.verdict == "failed"
    assert "Not a directory" in result.detail


def test_a_file_in_the_home_of_a_user_that_does_not_exist_has_failed(tmp_path: Path) -> None:
    probe = Probe(file_age=FileAgeProbe(path="~no-such-user/beat", max_age_sec=10.0))
    assert asyncio.run(prober(probe, tmp_path).check()).verdict == "failed"


# --- log_pattern ------------------------------------------------------------------------------------------------


class Log:
    """The log of a service that is looked at by one probe."""

    def __init__(self, root: Path, pattern: str, expect: Any = "present", before: bytes = b"") -> None:
        self.path = root / "web.log"
        self.path.write_bytes(before)
        probe = Probe(log_pattern=LogPatternProbe(pattern=pattern, expect=expect), timeout_sec=LONG_S)
        self._prober = prober(probe, root, log_start=len(before))

    def write(self, data: bytes) -> None:
        with self.path.open("ab") as log:
            log.write(data)

    def check(self) -> Result:
        return asyncio.run(self._prober.check())

    def verdict(self) -> str:
        return self.check().verdict


def test_a_line_that_is_expected_is_found_once_and_for_all(tmp_path: Path) -> None:
    log = Log(tmp_path, "^listening on [0-9]+$")
    assert log.check() == Result("failed", "its output has not matched `^listening on [0-9]+$` yet")
    log.write(b"starting\nlistening on 8080\n")
    assert log.check() == OK
    log.write(b"a request\n")
    assert log.check() == OK


def test_a_line_that_is_not_expected_fails_the_check_that_sees_it(tmp_path: Path) -> None:
    log = Log(tmp_path, "ERROR", "absent")
    log.write(b"fine\n")
    assert log.check() == OK
    log.write(b"an ERROR happened\n")
    assert log.check() == Result("failed", "its output matched `ERROR`")
    assert log.check() == OK


@pytest.mark.parametrize("expect", ["present", "absent"])
def test_what_an_earlier_run_printed_does_not_count(expect: str, tmp_path: Path) -> None:
    log = Log(tmp_path, "match", expect, before=b"match\n")
    assert log.verdict() == ("failed" if expect == "present" else "ok")


def test_half_a_line_is_waited_for(tmp_path: Path) -> None:
    log = Log(tmp_path, "^listening$")
    log.write(b"listen")
    assert log.verdict() == "failed"
    log.write(b"ing\n")
    assert log.verdict() == "ok"


def test_a_line_without_end_is_looked_at_all_the_same(tmp_path: Path) -> None:
    log = Log(tmp_path, "^listening")
    log.write(b"listening " + b"x" * 5000)
    assert log.verdict() == "ok"


def test_a_log_that_was_rotated_is_read_from_its_beginning(tmp_path: Path) -> None:
    log = Log(tmp_path, "listening", before=b"x" * 1000 + b"\n")
    log.write(b"starting\n")
    assert log.verdict() == "failed"
    os.truncate(log.path, 0)
    log.write(b"listening\n")
    assert log.verdict() == "ok"


def test_invalid_utf8_is_no_obstacle(tmp_path: Path) -> None:
    log = Log(tmp_path, "listening")
    log.write(b"\xff\xfe listening \xc3\n")
    assert log.verdict() == "ok"


def test_of_a_flood_the_end_is_looked_at(tmp_path: Path) -> None:
    log = Log(tmp_path, "listening")
    log.write(b"noise\n" * 400_000 + b"listening\n")
    assert log.verdict() == "ok"


def test_a_log_that_is_missing_has_not_matched_yet(tmp_path: Path) -> None:
    log = Log(tmp_path, "listening")
    log.path.unlink()
    assert log.verdict() == "failed"
    log.write(b"listening\n")
    assert log.verdict() == "ok"


# --- our own stalls ---------------------------------------------------------------------------------------------


class StalledClock(FakeClock):
    """Says on its second reading that the whole machine stood still for a minute."""

    def __init__(self) -> None:
        super().__init__()
        self._readings = 0

    def monotonic(self) -> float:
        self._readings += 1
        if self._readings == 4:
            self.advance(60.0)
        return super().monotonic()


@in_loop
async def test_a_time_out_that_came_late_proves_nothing(tmp_path: Path) -> None:
    """Nobody beat the meter: the loop itself was late."""
    async with serving(None, keep_open=True) as (port, _):
        result = await prober(http(port, timeout_s=SHORT_S), tmp_path, StalledClock()).check()
    assert result == Result("inconclusive", "Aurora itself stood still meanwhile")


@in_loop
async def test_a_stall_during_the_check_makes_its_time_out_prove_nothing(tmp_path: Path) -> None:
    clock = FakeClock()
    stalls = StallMeter(clock)

    def stall() -> None:
        clock.advance(10.0)
        stalls.beat()

    async with serving(None, keep_open=True) as (port, _):
        target = Target(folder=tmp_path, environment={}, log_path=tmp_path / "web.log")
        asyncio.get_running_loop().call_soon(stall)
        result = await Prober(http(port, timeout_s=SHORT_S), target, clock, stalls).check()
    assert result.verdict == "inconclusive"


@in_loop
async def test_an_answer_counts_even_after_a_stall(tmp_path: Path) -> None:
    async with serving(b"HTTP/1.1 500 No\r\n\r\n") as (port, _):
        result = await prober(http(port), tmp_path, StalledClock()).check()
    assert result == Result("failed", "answered with HTTP status 500")
