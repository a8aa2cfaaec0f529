"""Faults made for real, and healed by Aurora without a person; what it may not mend, it names and leaves alone."""

import os
import resource
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from . import machine
from .aurora import Aurora, clean_environment
from .services import calm, free_port, python
from .waiting import eventually

_HEALED_S = 30.0
FEW_FILES = 256  # enough for Aurora itself
MODULE = "aurora_tiny_module"


def _faulty(kind: str, *arguments: object, **more: Any) -> dict[str, Any]:
    return calm(command=python("faulty", kind, *arguments), autostart=False, **more)


class Ward:
    """An Aurora whose services each have a fault of their own; the ports that they quarrel about; the culprits."""

    def __init__(self, aurora: Aurora, folder: Path) -> None:
        self.aurora = aurora
        self.folder = folder
        self.taken, self.foreign, self.refused, first = free_port(), free_port(), free_port(), free_port()
        self.culprits: list[subprocess.Popen[bytes]] = []
        self.tmpfs = folder / "tmpfs"
        services = {
            "port": _faulty("port", self.taken),
            "moves": _faulty(
                "moves",
                env={"PORT": str(self.foreign)},
                healing={"port_env": "PORT", "port_range": [first, min(first + 50, 65535)]},
            ),
            "locks": _faulty("locks", cwd=self.make("locks")),
            "runs": calm(command=["./run"], cwd=self.make("runs"), autostart=False),
            "reads": _faulty("reads", cwd=self.make("reads"), healing={"config_files": ["web.json"]}),
            "writes": _faulty("writes", self.tmpfs, cwd=self.make("writes")),
            "leaks": _faulty("leaks", cwd=self.make("leaks"), memory_high="60MB"),
            "stores": _faulty("stores", cwd=self.make("stores")),
            "backend": _faulty("answers", "--port", self.refused, cwd=self.make("backend")),
            "asks": _faulty("asks", self.refused, requires=["backend"]),
            "imports": _faulty("imports", cwd=self.make("imports"))
            | {"command": [".venv/bin/python", "-c", f"import {MODULE}"]},
            "types": _faulty("types", cwd=self.make("types")),
        }
        # 36 ms: less than the failing program needs to start.
        temp = {"path": str(self.tmpfs / "tmp"), "older_than_hours": 1e-5}
        aurora.configure(services, healing={"verify_sec": 0.5, "infrastructure": {"temp_folders": [temp]}})

    def make(self, name: str) -> str:
        (self.folder / name).mkdir()
        return str(self.folder / name)

    def culprit(self, *command: object, service: str = "") -> int:
        """A process that gets in the way: with `service` it is one that this Aurora started for it and lost."""
        env = dict(os.environ)
        if service:
            env |= {
                "AURORA_STATE": self.aurora.paths.digest,
                "AURORA_SERVICE": service,
                "AURORA_SPAWN": "an earlier one",
            }
        process = subprocess.Popen([str(part) for part in command], env=env, stdout=subprocess.PIPE)
        self.culprits.append(process)
        assert process.stdout is not None
        assert process.stdout.readline() == b"it works\n"
        return process.pid

    def healed(self, name: str, remedy: str) -> dict[str, Any]:
        """The end of the remedy, once it worked; the service runs then."""
        finished = self.finished(name, remedy)
        assert finished["outcome"] == "worked", finished
        assert self.aurora.service(name)["state"] in ("running", "ready")
        return finished

    def finished(self, name: str, remedy: str) -> dict[str, Any]:
        def end() -> dict[str, Any]:
            events = self.aurora.events(component=f"service:{name}")
            ends = [e for e in events if e["type"] == "remedy_finished" and e["remedy"] == remedy]
            told = [(e["type"], e.get("cause")) for e in events if e["type"] != "service_state_changed"][-4:]
            assert ends, f"{told}\n{self.aurora.log_text(name)[-500:]}"
            return ends[0]

        return eventually(end, f"{remedy} for {name}", _HEALED_S)

    def discharge(self) -> list[str]:
        for process in self.culprits:
            process.kill()
            process.communicate()
        return self.aurora.clean_up()


@pytest.fixture(scope="module")
def ward(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ward]:
    folder = tmp_path_factory.mktemp("ward")
    ward = Ward(Aurora(folder, clean_environment(folder)), folder)
    ward.aurora.start()
    ward.aurora.tell("start", "leaks", "backend")  # what takes longest begins first
    try:
        yield ward
    finally:
        complaints = ward.discharge()
    assert not complaints, "\n".join(complaints)


def test_a_stray_of_ours_on_the_port_is_ended(ward: Ward) -> None:
    stray = ward.culprit(*python("faulty", "port", ward.taken), service="port")
    ward.aurora.tell("start", "port")
    ward.healed("port", "end_stray_on_port")
    eventually(lambda: not machine.is_alive(stray), "the stray is gone")


def test_a_stranger_on_the_port_lives_and_the_service_moves(ward: Ward) -> None:
    stranger = ward.culprit(*python("faulty", "port", ward.foreign))
    ward.aurora.tell("start", "moves")
    finished = ward.healed("moves", "move_to_free_port")
    assert f"instead of {ward.foreign}" in finished["cause"]
    assert machine.is_alive(stranger)


def test_a_pid_file_of_a_dead_owner_is_set_aside(ward: Ward) -> None:
    dead = subprocess.Popen(["true"])
    dead.wait()
    (ward.folder / "locks" / "app.pid").write_text(str(dead.pid))
    ward.aurora.tell("start", "locks")
    ward.healed("locks", "set_stale_file_aside")
    assert [path.read_text() for path in (ward.folder / "locks").glob("app.pid.aurora-aside-*")] == [str(dead.pid)]


def test_a_pid_file_of_a_living_owner_stays(ward: Ward) -> None:
    path = ward.folder / "locks" / "app.pid"
    path.write_text(str(os.getpid()))
    since = ward.aurora.last_id()
    machine.kill(ward.aurora.service_pid("locks"))
    refused = ward.aurora.until_event("remedy_finished", "service:locks", since)
    ward.aurora.ask("stop", "locks")
    assert (refused["outcome"], path.exists()) == ("refused", True)
    assert f"pid {os.getpid()}" in refused["cause"]


def test_a_program_whose_right_to_run_was_removed_gets_it_back(ward: Ward) -> None:
    program = ward.folder / "runs" / "run"
    program.write_text("#!/bin/sh\nexec sleep 3600\n")
    program.chmod(0o644)
    ward.aurora.tell("start", "runs")
    ward.healed("runs", "grant_owner")
    assert program.stat().st_mode & 0o777 == 0o744


def test_settings_that_were_broken_by_an_edit_are_those_that_worked_again(ward: Ward) -> None:
    path = ward.folder / "reads" / "web.json"
    path.write_text('{"port": 1}')
    ward.aurora.ask("start", "reads")
    kept = ward.aurora.paths.root
    eventually(lambda: [p for p in kept.rglob("known_good.json") if p.parent.name == "reads"], "the version is kept")
    path.write_text('{"port":')
    machine.kill(ward.aurora.service_pid("reads"))
    ward.healed("reads", "restore_config")
    assert path.read_text() == '{"port": 1}'
    assert [edited.read_text() for edited in path.parent.glob("web.json.aurora-edited-*")] == ['{"port":']


def test_a_full_disk_is_given_room(ward: Ward) -> None:
    ward.tmpfs.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=400k", "tmpfs", str(ward.tmpfs)]
    if subprocess.run(mount, capture_output=True).returncode != 0:
        pytest.skip("only the administrator can mount a small disk")
    try:
        (ward.tmpfs / "tmp").mkdir()
        old = ward.tmpfs / "tmp" / "old"
        old.write_bytes(bytes(300_000))
        ward.aurora.tell("start", "writes")
        ward.healed("writes", "make_room")
        assert not old.exists()
    finally:
        ward.aurora.ask("stop", "writes")
        subprocess.run(["umount", str(ward.tmpfs)], check=True)


def test_a_leak_is_ended_in_a_quiet_moment(ward: Ward) -> None:
    warned = ward.aurora.until_event("limit_warning", "service:leaks")
    ward.healed("leaks", "restart_when_quiet")
    assert warned["cause"].startswith("over memory_high")
    assert ward.aurora.service("leaks")["restarts"] == 1
    assert ward.aurora.events("service_failed", "service:leaks") == []


def test_a_stray_with_the_database_is_ended(ward: Ward) -> None:
    path = ward.folder / "stores" / "app.db"
    with sqlite3.connect(path) as database:
        database.execute("create table t (x)")
    database.close()
    holds = (
        f"import sqlite3, signal; d = sqlite3.connect({str(path)!r}, isolation_level=None)\n"
        "d.execute('begin exclusive'); print('it works', flush=True); signal.pause()"
    )
    stray = ward.culprit(sys.executable, "-ISc", holds, service="stores")
    ward.aurora.tell("start", "stores")
    ward.healed("stores", "release_database")
    eventually(lambda: not machine.is_alive(stray), "the stray is gone")


def test_the_service_that_refuses_connections_is_restarted_first(ward: Ward) -> None:
    pid = ward.aurora.service_pid("backend")
    ward.aurora.tell("start", "asks")
    ward.healed("asks", "restart_dependency")
    assert ward.aurora.service_pid("backend") != pid


def test_a_type_error_is_named_with_file_and_line_and_left_to_its_author(ward: Ward) -> None:
    ward.aurora.tell("start", "types")
    told = ward.aurora.until_event("fault_diagnosed", "service:types")
    ward.aurora.ask("stop", "types")
    assert told["kind"] == "type_error"
    assert "faulty.py" in told["next_step"]
    assert "line" in told["next_step"]


def test_a_missing_module_is_offered_with_the_exact_command_and_nothing_is_installed(ward: Ward) -> None:
    interpreter = make_python(ward.folder / "imports")
    ward.aurora.tell("start", "imports")
    offered = ward.aurora.until_event("remedy_offered", "service:imports", timeout_s=_HEALED_S)
    ward.aurora.ask("stop", "imports")
    assert offered["remedy"] == "install_python_module"
    assert offered["command"] == [interpreter, "-m", "pip", "install", MODULE]
    assert ward.aurora.events("remedy_started", "service:imports") == []


def make_python(folder: Path) -> str:
    """An environment of its own that sees the pip of the Python that made it."""
    base = Path(sys.base_prefix) / "bin" / "python3"
    if subprocess.run([base, "-m", "pip", "--version"], capture_output=True).returncode != 0:
        pytest.skip("this Python has no pip")
    make = [base, "-m", "venv", "--system-site-packages", "--without-pip", folder / ".venv"]
    subprocess.run(make, check=True)
    return str(folder / ".venv" / "bin" / "python")


def test_a_service_that_opens_more_files_than_it_may_gets_a_higher_limit(aurora: Aurora) -> None:
    program = "import os, time; held = [os.open('/dev/null', os.O_RDONLY) for _ in range(300)]; time.sleep(3600)"
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    aurora.configure({"opener": calm(command=[sys.executable, "-c", program])}, healing={"verify_sec": 0.5})
    resource.setrlimit(resource.RLIMIT_NOFILE, (FEW_FILES, hard))
    try:
        aurora.start()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    finished = aurora.until_event("remedy_finished", "service:opener")
    assert (finished["remedy"], finished["outcome"]) == ("raise_descriptor_limit", "worked"), finished
    aurora.until("opener", "running")
