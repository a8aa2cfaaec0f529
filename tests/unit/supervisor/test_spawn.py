"""Starting a program, and saying in words why it could not be started."""

import os
import resource
import signal
import stat
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from aurora_desktop.core.settings.schema import Service
from aurora_desktop.core.settings.values import Command
from aurora_desktop.supervisor.exits import owned, reap
from aurora_desktop.supervisor.processes import process_table
from aurora_desktop.supervisor.spawn import (
    Launch,
    SpawnError,
    environment,
    secrets,
    signal_number,
    spawn,
    working_folder,
)
from supervisor.yard import Yard

Spawn = Callable[..., "subprocess.Popen[bytes]"]


def spec(*command: str, **keys: Any) -> Service:
    return Service(command=Command(command or ("true",)), **keys)


def launch(tmp_path: Path) -> Launch:
    return Launch(
        name="web",
        marker="the marker",
        state_digest="the state",
        notify_socket="/run/notify",
        log_path=tmp_path / "web.log",
    )


@pytest.fixture
def start(yard: Yard, tmp_path: Path) -> Iterator[Spawn]:
    """Spawns in the test's folder; every child is collected in the end."""
    children: list[subprocess.Popen[bytes]] = []

    def begin(*command: str, own: dict[str, str] | None = None, **keys: Any) -> "subprocess.Popen[bytes]":
        keys.setdefault("cwd", str(tmp_path))
        child = spawn(spec(*command, **keys), launch(tmp_path), {**yard.environment, **(own or {})})
        children.append(child)
        yard.note(child.pid)
        return child

    yield begin
    for child in children:
        if child.poll() is None:
            child.kill()
        reap(child)


def script(path: Path, content: str = "#!/bin/sh\nexit 0\n", mode: int = 0o755) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)
    path.chmod(mode)
    return path


# --- the environment --------------------------------------------------------------------------------------------

OWN = {
    "PATH": "/bin",
    "HOME": "/home/me",
    "SECRET": "s",
    "EXTRA": "e",
    "NOTIFY_SOCKET": "/run/systemd/notify",
    "WATCHDOG_USEC": "1",
    "WATCHDOG_PID": "2",
    "LISTEN_FDS": "3",
    "LISTEN_PID": "4",
    "LISTEN_FDNAMES": "5",
    "AURORA_SPAWN": "of another",
}
MARKERS = {"AURORA_SPAWN": "the marker", "AURORA_STATE": "the state", "AURORA_SERVICE": "web"}


def test_all_of_our_variables_are_passed_but_those_that_are_ours_alone(tmp_path: Path) -> None:
    passed = {"PATH": "/bin", "HOME": "/home/me", "SECRET": "s", "EXTRA": "e"}
    assert environment(spec(), launch(tmp_path), OWN) == {**passed, **MARKERS}


@pytest.mark.parametrize(
    ("names", "passed"),
    [
        ([], {"PATH": "/bin", "HOME": "/home/me"}),
        (["EXTRA", "NOT_THERE"], {"PATH": "/bin", "HOME": "/home/me", "EXTRA": "e"}),
        (["NOTIFY_SOCKET", "WATCHDOG_PID"], {"PATH": "/bin", "HOME": "/home/me"}),
    ],
)
def test_a_list_passes_those_and_the_basic_ones(names: list[str], passed: dict[str, str], tmp_path: Path) -> None:
    assert environment(spec(pass_environment=names), launch(tmp_path), OWN) == {**passed, **MARKERS}


def test_env_wins_over_env_file_which_wins_over_ours(tmp_path: Path) -> None:
    (tmp_path / "web.env").write_text("PATH=/file\nSECRET=file\nONLY_FILE=file\n")
    service = spec(env_file="web.env", env={"PATH": "/env"}, cwd=str(tmp_path))
    made = environment(service, launch(tmp_path), OWN)
    assert (made["PATH"], made["SECRET"], made["ONLY_FILE"], made["HOME"]) == ("/env", "file", "file", "/home/me")


def test_nobody_can_take_a_marker_away(tmp_path: Path) -> None:
    made = environment(spec(env=dict.fromkeys(MARKERS, "forged")), launch(tmp_path), OWN)
    assert {name: made[name] for name in MARKERS} == MARKERS


def test_a_notify_service_gets_our_socket(tmp_path: Path) -> None:
    made = environment(spec(type="notify"), launch(tmp_path), OWN)
    assert made["NOTIFY_SOCKET"] == "/run/notify"
    assert "WATCHDOG_USEC" not in made


@pytest.mark.parametrize("kind", ["simple", "notify"])
def test_a_watchdog_is_told_its_time_in_microseconds(kind: str, tmp_path: Path) -> None:
    made = environment(spec(type=kind, watchdog_sec=1.5), launch(tmp_path), OWN)
    assert (made["WATCHDOG_USEC"], made["NOTIFY_SOCKET"]) == ("1500000", "/run/notify")


def test_the_values_of_env_and_env_file_are_its_secrets_and_a_file_that_is_gone_hides_nothing(tmp_path: Path) -> None:
    (tmp_path / "web.env").write_text("TOKEN=from-the-file\nKEY=hidden-by-env\n")
    service = spec(env_file="web.env", env={"KEY": "from-settings"}, cwd=str(tmp_path))
    assert secrets(service) == {"TOKEN": "from-the-file", "KEY": "from-settings"}
    (tmp_path / "web.env").unlink()
    assert secrets(service) == {"KEY": "from-settings"}


def test_an_env_file_that_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(SpawnError, match=r"web\.env") as caught:
        environment(spec(env_file="web.env", cwd=str(tmp_path)), launch(tmp_path), OWN)
    assert caught.value.permanent
    assert "aurora.yaml" not in str(caught.value), "advice that is meant for the settings file"


def test_an_env_file_that_is_wrong_names_the_line_and_never_the_value(tmp_path: Path) -> None:
    (tmp_path / "web.env").write_text("GOOD=1\nPASSWORD='hunter2\n")
    with pytest.raises(SpawnError) as caught:
        environment(spec(env_file="web.env", cwd=str(tmp_path)), launch(tmp_path), OWN)
    assert "2" in str(caught.value)
    assert "hunter2" not in str(caught.value)


def test_the_folder_is_home_unless_it_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/me")
    assert working_folder(spec()) == Path("/home/me")
    assert working_folder(spec(cwd="~/work")) == Path("/home/me/work")
    assert working_folder(spec(cwd="/srv")) == Path("/srv")


# --- the program ------------------------------------------------------------------------------------------------


def test_the_child_has_a_session_of_its_own_and_the_environment_made_for_it(start: Spawn, yard: Yard) -> None:
    child = start("sh", "-c", 'echo up >"$TELL"; read never <"$HOLD"')
    yard.hear()
    assert yard.info(child.pid).session == child.pid
    assert process_table().environment(child.pid)["AURORA_SPAWN"] == "the marker"
    assert child.pid in owned


def test_its_input_is_empty(start: Spawn) -> None:
    assert start("sh", "-c", 'test -z "$(cat)"').wait(20) == 0


def test_no_file_of_ours_is_passed_on(start: Spawn, tmp_path: Path) -> None:
    child = start("sh", "-c", "ls /proc/$$/fd")
    child.wait(20)
    # 3 is the folder that `ls` itself reads, or nothing.
    assert set((tmp_path / "web.log").read_text().split()) <= {"0", "1", "2", "3", "10"}


def test_its_output_is_appended_to_a_private_log(start: Spawn, tmp_path: Path) -> None:
    log = tmp_path / "web.log"
    for words in ("first", "second"):
        start("sh", "-c", f"echo {words}; echo {words} to stderr >&2").wait(20)
    assert log.read_text() == "first\nfirst to stderr\nsecond\nsecond to stderr\n"
    assert stat.S_IMODE(log.stat().st_mode) == 0o600


def test_its_output_goes_on_after_the_log_was_emptied(start: Spawn, yard: Yard, tmp_path: Path) -> None:
    child = start("sh", "-c", 'echo before; echo >"$TELL"; read word <"$HOLD"; echo after')
    yard.hear()
    os.truncate(tmp_path / "web.log", 0)
    yard.let_go()
    child.wait(20)
    assert (tmp_path / "web.log").read_text() == "after\n"


def test_a_log_that_cannot_be_opened_is_no_reason_to_leave_it_down(yard: Yard, tmp_path: Path) -> None:
    (tmp_path / "web.log").mkdir()
    child = spawn(spec("sh", "-c", "echo lost; exit 5", cwd=str(tmp_path)), launch(tmp_path), yard.environment)
    assert child.wait(20) == 5
    reap(child)


def test_a_relative_command_is_found_from_its_folder(start: Spawn, tmp_path: Path) -> None:
    script(tmp_path / "bin" / "job", "#!/bin/sh\nexit 6\n")
    assert start("bin/job").wait(20) == 6
    assert start("./job", cwd=str(tmp_path / "bin")).wait(20) == 6


def test_a_plain_command_is_found_in_the_path_of_the_service(start: Spawn, tmp_path: Path) -> None:
    script(tmp_path / "bin" / "job", "#!/bin/sh\nexit 7\n")
    assert start("job", env={"PATH": f"{tmp_path / 'bin'}:/bin:/usr/bin"}).wait(20) == 7


def test_a_command_below_home_is_found(start: Spawn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    script(tmp_path / "bin" / "job", "#!/bin/sh\nexit 8\n")
    assert start("~/bin/job", cwd="~").wait(20) == 8


def test_arguments_are_passed_without_a_shell(start: Spawn, tmp_path: Path) -> None:
    start("printf", "%s|", "$HOME", "a b", "*", "").wait(20)
    assert (tmp_path / "web.log").read_text() == "$HOME|a b|*||"


# --- why it could not be started --------------------------------------------------------------------------------


def refused(start: Spawn, *command: str, **keys: Any) -> SpawnError:
    with pytest.raises(SpawnError) as caught:
        start(*command, **keys)
    return caught.value


def test_a_command_that_is_not_found(start: Spawn) -> None:
    error = refused(start, "no-such-program")
    assert error.title == "command not found: no-such-program"
    assert "PATH" in error.hint
    assert error.permanent


def test_a_path_that_leads_nowhere(start: Spawn) -> None:
    assert refused(start, "./no-such-program").title == "command not found: ./no-such-program"
    assert refused(start, "/no/such/program").title == "command not found: /no/such/program"


def test_a_file_that_is_not_executable(start: Spawn, tmp_path: Path) -> None:
    script(tmp_path / "job", mode=0o644)
    error = refused(start, "./job")
    assert error.title == "not executable: ./job"
    assert error.hint == "Make it executable: chmod +x ./job"


def test_a_folder_that_is_missing(start: Spawn, tmp_path: Path) -> None:
    error = refused(start, "true", cwd=str(tmp_path / "missing"))
    assert error.title == f"its folder does not exist: {tmp_path / 'missing'}"
    assert "cwd" in error.hint


def test_a_folder_that_is_a_file(start: Spawn, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert refused(start, "true", cwd=str(tmp_path / "file")).title.startswith("its folder does not exist")


def test_an_interpreter_that_is_missing(start: Spawn, tmp_path: Path) -> None:
    script(tmp_path / "job", "#!/no/such/interpreter\n")
    error = refused(start, "./job")
    assert error.title == "its interpreter was not found: ./job"
    assert "#!" in error.hint


def test_an_interpreter_that_is_missing_for_a_command_in_path(start: Spawn, tmp_path: Path) -> None:
    script(tmp_path / "bin" / "job", "#!/no/such/interpreter\n")
    assert refused(start, "job", env={"PATH": str(tmp_path / "bin")}).title == "its interpreter was not found: job"


def test_a_file_that_is_no_program(start: Spawn, tmp_path: Path) -> None:
    script(tmp_path / "job", "echo no first line\n")
    error = refused(start, "./job")
    assert error.title == "not a program: ./job"
    assert "#!/bin/sh" in error.hint


def test_a_folder_as_a_command_is_not_to_be_made_executable(start: Spawn, tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    error = refused(start, "./folder")
    assert "./folder" in error.title
    assert "chmod" not in error.hint


def test_a_command_with_a_nul(start: Spawn) -> None:
    assert refused(start, "sh", "a\0b").title.startswith("cannot be started:")


def test_arguments_that_are_too_long(start: Spawn) -> None:
    error = refused(start, "true", "x" * 200_000)
    assert error.title == "cannot be started: true: Argument list too long"


@pytest.mark.parametrize("keys", [{"cwd": "~no-such-user/x"}, {"env_file": "~no-such-user/x"}])
def test_the_home_of_a_user_that_does_not_exist(keys: dict[str, str], start: Spawn) -> None:
    assert "no-such-user" in str(refused(start, "true", **keys))


def test_a_command_in_the_home_of_a_user_that_does_not_exist(start: Spawn) -> None:
    assert "no-such-user" in str(refused(start, "~no-such-user/bin/job"))


def test_a_failed_start_leaves_no_file_open(start: Spawn) -> None:
    before = len(os.listdir("/proc/self/fd"))
    refused(start, "no-such-program")
    assert len(os.listdir("/proc/self/fd")) == before


def test_a_machine_without_processes_left_is_tried_again(start: Spawn, monkeypatch: pytest.MonkeyPatch) -> None:
    def exhausted(*_: Any, **__: Any) -> None:
        raise BlockingIOError(11, "Resource temporarily unavailable")

    monkeypatch.setattr(subprocess, "Popen", exhausted)
    error = refused(start, "true")
    monkeypatch.undo()
    assert error.title == "cannot be started now: Resource temporarily unavailable"
    assert not error.permanent


def test_without_free_files_it_is_tried_again(start: Spawn) -> None:
    used = max(int(fd) for fd in os.listdir("/proc/self/fd"))
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    fill = [os.open(os.devnull, os.O_RDONLY) for _ in range(used)]  # no gap is left below the limit
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(fill) + 1, limits[1]))
    try:
        error = refused(start, "true")
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)
        for fd in fill:
            os.close(fd)
    assert not error.permanent


@pytest.mark.parametrize(
    ("name", "number"), [("SIGTERM", signal.SIGTERM), ("SIGKILL", signal.SIGKILL), ("SIGNOTHING", signal.SIGTERM)]
)
def test_a_signal_by_its_name(name: str, number: int) -> None:
    assert signal_number(name) == number
