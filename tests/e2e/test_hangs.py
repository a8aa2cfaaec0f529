"""Programs that hang are found and replaced; an Aurora that stood still itself blames nobody."""

import signal
from pathlib import Path
from typing import Any

import pytest

from . import machine
from .aurora import Aurora
from .services import calm, free_port, notifier, python, shell
from .waiting import holds

_TIGHT = {"period_sec": 0.2, "timeout_sec": 0.3, "failure_threshold": 2}


def _heart(file: Path) -> list[str]:
    return shell(f"while :; do touch {file}; sleep 0.05; done")


def _looks(file: Path) -> list[str]:
    """Fails when the file is older than half a second."""
    return shell(f'test "$(find {file} -newermt "-0.5 seconds")"')


def _hangable(kind: str, folder: Path) -> dict[str, Any]:
    port, file = free_port(), folder / "heart"
    url = {"url": f"http://127.0.0.1:{port}/"}
    return {
        "http": calm(
            command=python("server", port),
            readiness_probe={"http": url, "period_sec": 0.05},
            liveness_probe={"http": url, **_TIGHT},
        ),
        "tcp": calm(
            command=python("server", port),
            readiness_probe={"tcp": {"port": port}, "period_sec": 0.05},
            liveness_probe={"http": url, **_TIGHT},
        ),
        "exec": calm(command=_heart(file), liveness_probe={"exec": {"command": _looks(file)}, **_TIGHT}),
        "file_age": calm(
            command=_heart(file), liveness_probe={"file_age": {"path": str(file), "max_age_sec": 0.5}, **_TIGHT}
        ),
        "watchdog": notifier(0.1, watchdog_sec=0.6),
    }[kind]


_KINDS = ["http", "tcp", "exec", "file_age", "watchdog"]
_UP = {"http": "ready", "tcp": "ready", "exec": "running", "file_age": "running", "watchdog": "ready"}


@pytest.mark.parametrize("kind", _KINDS)
def test_a_stopped_program_is_replaced(aurora: Aurora, tmp_path: Path, kind: str) -> None:
    aurora.configure({"web": _hangable(kind, tmp_path)})
    aurora.start()
    pid = aurora.until("web", _UP[kind])["pid"]
    machine.kill(pid, signal.SIGSTOP)
    aurora.until_replaced("web", pid)
    assert not machine.is_alive(pid)
    failed = aurora.events("service_failed", "service:web")
    assert [event["kind"] for event in failed] == ["watchdog" if kind == "watchdog" else "liveness"]
    recovered = aurora.until_event("service_recovered", "service:web")
    assert recovered["attempts"] == 1


def test_a_pattern_in_the_output_is_a_failure(aurora: Aurora) -> None:
    talks = shell("echo all is well; sleep 0.3; echo panic: out of luck; exec sleep 3600")
    probe = {"log_pattern": {"pattern": "^panic:", "expect": "absent"}, "period_sec": 0.1, "failure_threshold": 1}
    aurora.configure({"talks": calm(command=talks, liveness_probe=probe)})
    aurora.start()
    failed = aurora.until_event("service_failed", "service:talks")
    assert failed["kind"] == "liveness"
    assert "panic" in failed["cause"] + str(failed["log_tail"])


def test_a_stopped_aurora_restarts_no_healthy_service(aurora: Aurora, tmp_path: Path) -> None:
    services = {kind: _hangable(kind, _made(tmp_path / kind)) for kind in _KINDS}
    aurora.configure(services)
    aurora.start()
    for name in services:
        aurora.until(name, _UP[name])
    before = aurora.pids()
    with machine.stopped(aurora.pid):
        holds(lambda: machine.state_of(aurora.pid) == "T", 3.0, "Aurora stands still")
    told = aurora.until_event("stalled")
    assert told["stall_s"] >= 2
    holds(lambda: aurora.pids() == before, 2.0, "nobody is replaced")
    assert {row["restarts"] for row in aurora.ps().values()} == {0}
    assert aurora.events("service_failed") == []


def test_a_program_that_hung_while_aurora_was_stopped_is_still_found(aurora: Aurora) -> None:
    aurora.configure({"worker": notifier(0.1, watchdog_sec=0.6)})
    aurora.start()
    pid = aurora.until("worker", "ready")["pid"]
    with machine.stopped(aurora.pid):
        machine.kill(pid, signal.SIGSTOP)
    aurora.until_replaced("worker", pid)


def test_probes_that_hang_themselves_are_ended(aurora: Aurora, tmp_path: Path) -> None:
    slow = {"exec": {"command": shell("sleep 3600 & sleep 3600")}, **_TIGHT}
    aurora.configure({"web": calm(liveness_probe=slow)})
    aurora.start()
    pid = aurora.until("web", "running")["pid"]
    aurora.until_replaced("web", pid)
    aurora.ask("stop", "web")
    assert aurora.processes() == []


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder
