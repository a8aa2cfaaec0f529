"""Permissions, files left behind, locked databases and edited settings: mended where they are the service's own."""

import asyncio
import fcntl
import os
import socket
import subprocess
import sys
import time
from collections.abc import Coroutine, Iterator
from pathlib import Path
from typing import Any, TypeVar

import pytest
from core.clocks import FakeClock

from aurora_desktop.core.errors import AuroraError
from aurora_desktop.core.events import Record, ServiceStateChanged
from aurora_desktop.core.settings.atomic import replace_content
from aurora_desktop.core.settings.schema import HealingSettings, Service, ServiceHealing, Settings
from aurora_desktop.core.settings.values import Command
from aurora_desktop.healing.remedies.builtin.code_change import NameTheChange
from aurora_desktop.healing.remedies.builtin.config_edit import RestoreConfig
from aurora_desktop.healing.remedies.builtin.database_lock import ReleaseDatabase
from aurora_desktop.healing.remedies.builtin.known_good import KnownGood, head_of
from aurora_desktop.healing.remedies.builtin.permission import GrantOwner
from aurora_desktop.healing.remedies.builtin.stale import SetStaleAside
from aurora_desktop.healing.remedies.remedy import Plan, RefusedError
from aurora_desktop.healing.yard import Ran
from healing.catalogue_yard import FOREIGN, STRAY, CatalogueYard, fault, service

T = TypeVar("T")
NOBODY = 4_194_304  # above every pid that Linux gives
OUT_OF_BOUNDS = ["../secret", "/etc/shadow", "../../etc/passwd", "a\nb", "link/secret", "x" * 5000]


def run(work: Coroutine[Any, Any, T]) -> T:
    return asyncio.run(work)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    own = tmp_path / "own"
    own.mkdir()
    (tmp_path / "secret").write_text("not yours")
    (own / "link").symlink_to(tmp_path)
    return own


@pytest.fixture
def yard(folder: Path) -> CatalogueYard:
    return CatalogueYard(web=service(folder))


# --- permissions ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("mode", "call", "after", "words"),
    [(0o000, "open", 0o600, "u+rw"), (0o400, "", 0o600, "u+w"), (0o644, "not executable", 0o744, "u+x")],
)
def test_the_owner_gets_the_right_that_is_missing_and_no_other(
    yard: CatalogueYard, folder: Path, mode: int, call: str, after: int, words: str
) -> None:
    path = folder / "file"
    path.touch()
    path.chmod(mode)
    denied = fault("file_permission", path="./file", call=call)
    plan = run(GrantOwner().plan(denied, yard))
    assert plan is not None
    assert plan.command == ("chmod", words, str(path))
    done = run(GrantOwner().apply(denied, yard))
    assert (path.stat().st_mode & 0o777, yard.done) == (after, ["restart web"])
    run(GrantOwner().undo(denied, done, yard))
    assert path.stat().st_mode & 0o777 == mode


def test_what_could_not_be_made_is_a_matter_of_its_folder(yard: CatalogueYard, folder: Path) -> None:
    (folder / "data").mkdir(mode=0o500)
    plan = run(GrantOwner().plan(fault("file_permission", path="data/new"), yard))
    assert plan == Plan(f"Give the owner u+w on {folder}/data, and restart web", ("chmod", "u+w", f"{folder}/data"))


@pytest.mark.parametrize("path", [*OUT_OF_BOUNDS, "link"])
def test_no_mode_is_changed_outside_of_the_services_folder(yard: CatalogueYard, tmp_path: Path, path: str) -> None:
    before = (tmp_path / "secret").stat().st_mode
    with pytest.raises(RefusedError) as refused:
        run(GrantOwner().plan(fault("file_permission", path=path), yard))
    assert refused.value.hint
    assert ((tmp_path / "secret").stat().st_mode, yard.done) == (before, [])


def test_a_service_without_a_folder_of_its_own_is_told_so() -> None:
    with pytest.raises(RefusedError, match="no folder of its own"):
        run(GrantOwner().plan(fault("file_permission", path="x"), CatalogueYard(web=service(None))))


def test_where_every_right_is_there_something_else_forbids_it(yard: CatalogueYard, folder: Path) -> None:
    (folder / "file").touch(mode=0o600)
    with pytest.raises(RefusedError, match="already has every right"):
        run(GrantOwner().plan(fault("file_permission", path="file", call="open"), yard))


@pytest.mark.skipif(os.geteuid() != 0, reason="only the administrator can give a file away")
def test_another_users_file_is_left_alone_and_the_command_named(yard: CatalogueYard, folder: Path) -> None:
    (folder / "file").touch(mode=0o000)
    os.chown(folder / "file", 12345, -1)
    with pytest.raises(RefusedError, match="belongs to another user") as refused:
        run(GrantOwner().plan(fault("file_permission", path="file"), yard))
    assert "sudo chown" in refused.value.hint


def test_another_file_of_the_same_name_keeps_its_mode(yard: CatalogueYard, folder: Path) -> None:
    path, denied = folder / "file", fault("file_permission", path="file")
    path.touch()
    path.chmod(0)
    done = run(GrantOwner().apply(denied, yard))
    (folder / "other").touch(mode=0o640)
    (folder / "other").replace(path)
    with pytest.raises(AuroraError, match="another file"):
        run(GrantOwner().undo(denied, done, yard))
    assert path.stat().st_mode & 0o777 == 0o640


# --- files left behind ------------------------------------------------------------------------------------------


def stale(path: str = "app.pid", kind: str = "stale_lock") -> Any:
    return fault(kind, path=path)


@pytest.fixture
def dead() -> int:
    """The pid of a process that has ended."""
    ended = subprocess.Popen(["true"])
    ended.wait()
    return ended.pid


@pytest.fixture
def living() -> Iterator[int]:
    """The pid of a process that lives."""
    with subprocess.Popen(["sleep", "60"]) as process:
        yield process.pid
        process.kill()


def test_a_file_of_a_dead_owner_is_set_aside_and_can_be_put_back(yard: CatalogueYard, folder: Path, dead: int) -> None:
    path = folder / "app.pid"
    path.write_text(f"{dead}\n")
    done = run(SetStaleAside().apply(stale(), yard))
    assert not path.exists()
    assert Path(done.facts["aside0"]).read_text() == f"{dead}\n"
    assert yard.done == ["restart web"]
    run(SetStaleAside().undo(stale(), done, yard))
    assert path.read_text() == f"{dead}\n"


def test_a_new_file_in_its_place_is_not_overwritten(yard: CatalogueYard, folder: Path, dead: int) -> None:
    path = folder / "app.pid"
    path.write_text(f"{dead}")
    done = run(SetStaleAside().apply(stale(), yard))
    path.write_text("the new one")
    with pytest.raises(AuroraError, match="not put back"):
        run(SetStaleAside().undo(stale(), done, yard))
    assert path.read_text() == "the new one"


def test_a_text_in_a_log_does_not_get_the_data_of_the_service_out_of_its_way(folder: Path) -> None:
    (folder / "data.json").write_text('{"port": 4194304}')
    os.utime(folder / "data.json", (0, 0))
    with pytest.raises(RefusedError, match="does not look like"):
        run(SetStaleAside().plan(stale("data.json"), CatalogueYard(web=service(folder))))
    declared = CatalogueYard(web=service(folder, healing=ServiceHealing(stale_files=["data.json"])))
    assert run(SetStaleAside().plan(stale("data.json"), declared)) is not None


def test_a_file_of_a_living_owner_stays(yard: CatalogueYard, folder: Path, living: int) -> None:
    (folder / "app.pid").write_text(str(living))
    with pytest.raises(RefusedError, match="not left behind") as refused:
        run(SetStaleAside().plan(stale(), yard))
    assert f"pid {living} (sleep)" in refused.value.detail


def test_a_number_that_another_process_got_since_is_no_owner(yard: CatalogueYard, folder: Path, living: int) -> None:
    path = folder / "app.pid"
    path.write_text(str(living))
    long_ago = time.time() - 3600
    os.utime(path, (long_ago, long_ago))
    assert run(SetStaleAside().plan(stale(), yard)) is not None


@pytest.mark.parametrize("content", [str(NOBODY * 1000), "99999999999999999999999999", "no number at all", ""])
def test_without_a_pid_it_must_have_been_left_for_a_while(yard: CatalogueYard, folder: Path, content: str) -> None:
    path = folder / "app.lock"
    path.write_text(content)
    with pytest.raises(RefusedError, match="not left behind"):
        run(SetStaleAside().plan(stale("app.lock"), yard))
    os.utime(path, (0, 0))
    assert run(SetStaleAside().plan(stale("app.lock"), yard)) is not None


@pytest.mark.parametrize("lock", [fcntl.flock, fcntl.lockf])
def test_a_lock_that_is_held_is_no_stale_one(yard: CatalogueYard, folder: Path, dead: int, lock: Any) -> None:
    path = folder / "app.lock"
    path.write_text(str(dead))
    hold = f"import fcntl, sys; held = open({str(path)!r}, 'r+'); fcntl.{lock.__name__}(held, fcntl.LOCK_EX)"
    hold += "; print('held', flush=True); sys.stdin.read()"
    with subprocess.Popen([sys.executable, "-ISc", hold], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(RefusedError, match="not left behind"):
            run(SetStaleAside().plan(stale("app.lock"), yard))
        holder.kill()
    assert run(SetStaleAside().plan(stale("app.lock"), yard)) is not None


def test_a_file_that_somebody_has_open_stays(yard: CatalogueYard, folder: Path, dead: int) -> None:
    path = folder / "app.pid"
    path.write_text(str(dead))
    yard.on_file[path] = [FOREIGN]
    with pytest.raises(RefusedError) as refused:
        run(SetStaleAside().plan(stale(), yard))
    assert "pid 4712 (postgres)" in refused.value.detail


@pytest.mark.parametrize("kind", ["stale_lock", "port_conflict"])
def test_a_socket_that_nobody_listens_on_is_set_aside(yard: CatalogueYard, folder: Path, kind: str) -> None:
    path = folder / "app.sock"
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(path))
        listening.listen()
        with pytest.raises(RefusedError, match="not left behind"):
            run(SetStaleAside().plan(stale("app.sock", kind), yard))
    run(SetStaleAside().apply(stale("app.sock", kind), yard))
    assert not path.exists()


def test_the_lock_of_chromium_is_a_link_to_its_owner(yard: CatalogueYard, folder: Path, dead: int, living: int) -> None:
    lock = folder / "SingletonLock"
    unnamed = fault("stale_lock", pid=str(dead))
    for target, is_stale in [
        (f"elsewhere-{dead}", False),
        (f"{socket.gethostname()}-{living}", False),
        (f"{socket.gethostname()}-{dead}", True),
    ]:
        lock.unlink(missing_ok=True)
        lock.symlink_to(target)
        if not is_stale:
            with pytest.raises(RefusedError):
                run(SetStaleAside().plan(unnamed, yard))
    done = run(SetStaleAside().apply(unnamed, yard))
    assert os.readlink(done.facts["aside0"]).endswith(f"-{dead}")


@pytest.mark.parametrize("path", OUT_OF_BOUNDS)
def test_nothing_is_set_aside_outside_of_the_services_folder(yard: CatalogueYard, tmp_path: Path, path: str) -> None:
    with pytest.raises(RefusedError):
        run(SetStaleAside().plan(stale(path), yard))
    assert (tmp_path / "secret").exists()


def test_what_the_settings_name_may_lie_elsewhere(tmp_path: Path, folder: Path, dead: int) -> None:
    path = tmp_path / "run.pid"
    path.write_text(str(dead))
    yard = CatalogueYard(web=service(folder, healing=ServiceHealing(stale_files=["../run.pid"])))
    assert run(SetStaleAside().plan(stale(str(path)), yard)) is not None
    assert run(SetStaleAside().plan(fault("stale_lock"), yard)) is not None


def test_a_port_of_the_network_is_no_matter_of_files(yard: CatalogueYard) -> None:
    assert run(SetStaleAside().plan(fault("port_conflict", port="80"), yard)) is None


# --- databases --------------------------------------------------------------------------------------------------


@pytest.fixture
def database(folder: Path) -> Path:
    path = folder / "app.db"
    path.write_bytes(b"SQLite format 3\0" + bytes(100))
    (folder / "notes.db").write_text("no database")
    return path


LOCKED = fault("database_locked")


def test_a_stray_with_the_database_open_is_ended(yard: CatalogueYard, database: Path) -> None:
    yard.on_file[database] = [STRAY]
    run(ReleaseDatabase().apply(LOCKED, yard))
    assert yard.done == ["end 4711", "restart web"]


def test_a_stranger_with_the_database_open_is_named(yard: CatalogueYard, database: Path) -> None:
    yard.on_file[database] = [FOREIGN]
    with pytest.raises(RefusedError, match=r"4712 .postgres. has the database") as refused:
        run(ReleaseDatabase().plan(LOCKED, yard))
    assert "kill 4712" in refused.value.hint


def test_where_nobody_else_has_it_open_a_pause_helps(yard: CatalogueYard, database: Path) -> None:
    done = run(ReleaseDatabase(pause_s=0.0).apply(LOCKED, yard))
    assert (yard.done, done.sentence) == (["restart web"], "restarted web after a pause")


# --- edited settings --------------------------------------------------------------------------------------------


class Kept:
    """A service that worked with its settings, as the keeper of versions saw it."""

    def __init__(self, folder: Path, state: Path, **healing: Any) -> None:
        self.path = folder / "web.yaml"
        self.path.write_text("port: 1\n")
        self.path.chmod(0o640)
        self.spec = service(folder, healing=ServiceHealing(config_files=["web.yaml"], **healing))
        self.clock = FakeClock()
        self.settings = Settings(services={"web": self.spec}, healing=HealingSettings(verify_sec=5.0))
        self.keeper = KnownGood(self.settings, self.clock, state)
        self.yard = CatalogueYard(web=self.spec)
        self.remedy = RestoreConfig(self.keeper)

    def becomes(self, state: str) -> None:
        event = ServiceStateChanged(at=0.0, component="service:web", previous="", state=state, cause="")
        self.keeper.read(Record(1, event))

    def works(self) -> None:
        self.becomes("starting")
        self.becomes("running")
        self.clock.advance(5.0)
        run(self.keeper.keep_due())


@pytest.fixture
def kept(folder: Path, tmp_path: Path) -> Kept:
    return Kept(folder, tmp_path / "state")


BAD = fault("bad_config")


def test_an_edit_that_is_followed_by_failures_is_taken_back_and_kept_beside(kept: Kept) -> None:
    kept.works()
    kept.path.write_text("port: [")
    plan = run(kept.remedy.plan(BAD, kept.yard))
    assert plan is not None
    assert str(kept.path) in plan.sentence
    done = run(kept.remedy.apply(BAD, kept.yard))
    assert (kept.path.read_text(), kept.path.stat().st_mode & 0o777) == ("port: 1\n", 0o640)
    assert Path(done.facts["edited0"]).read_text() == "port: ["
    assert kept.yard.done == ["restart web"]
    run(kept.remedy.undo(BAD, done, kept.yard))
    assert kept.path.read_text() == "port: ["


def test_what_was_edited_again_meanwhile_is_not_overwritten_by_the_undo(kept: Kept) -> None:
    kept.works()
    kept.path.write_text("port: [")
    done = run(kept.remedy.apply(BAD, kept.yard))
    kept.path.write_text("port: 3, mended by the operator\n")
    with pytest.raises(AuroraError, match="edited meanwhile") as told:
        run(kept.remedy.undo(BAD, done, kept.yard))
    assert done.facts["edited0"] in told.value.detail
    assert kept.path.read_text() == "port: 3, mended by the operator\n"
    assert Path(done.facts["edited0"]).read_text() == "port: ["


def test_settings_that_were_removed_come_back_and_undone_go_again(kept: Kept) -> None:
    kept.works()
    kept.path.unlink()
    done = run(kept.remedy.apply(BAD, kept.yard))
    assert kept.path.read_text() == "port: 1\n"
    run(kept.remedy.undo(BAD, done, kept.yard))
    assert not kept.path.exists()


def test_without_an_edit_since_it_worked_there_is_nothing_to_take_back(kept: Kept) -> None:
    assert run(kept.remedy.plan(BAD, kept.yard)) is None
    kept.works()
    assert run(kept.remedy.plan(BAD, kept.yard)) is None


def test_a_version_that_did_not_work_for_long_enough_is_not_kept(kept: Kept) -> None:
    kept.becomes("starting")
    kept.becomes("running")
    kept.clock.advance(4.9)
    run(kept.keeper.keep_due())
    kept.becomes("unhealthy")
    kept.clock.advance(10.0)
    run(kept.keeper.keep_due())
    assert kept.keeper.of("web") is None


def test_an_edit_after_the_start_is_not_taken_for_what_works(kept: Kept) -> None:
    kept.works()
    kept.becomes("starting")
    kept.path.write_text("port: 2, edited after it was read\n")
    kept.becomes("running")
    kept.clock.advance(5.0)
    run(kept.keeper.keep_due())
    assert list(kept.keeper.changed("web", kept.spec).values()) == [b"port: 1\n"]


def test_of_an_adopted_service_nobody_knows_what_it_read(kept: Kept) -> None:
    kept.becomes("running")
    kept.clock.advance(5.0)
    run(kept.keeper.keep_due())
    assert kept.keeper.of("web") is None


def test_unhealthy_for_a_while_it_is_kept_once_it_is_well_for_long_enough(kept: Kept) -> None:
    kept.becomes("starting")
    for state in ("ready", "unhealthy", "ready"):
        kept.becomes(state)
        kept.clock.advance(4.0)
        run(kept.keeper.keep_due())
    assert kept.keeper.of("web") is None
    kept.clock.advance(1.0)
    run(kept.keeper.keep_due())
    assert kept.keeper.of("web") is not None


def test_what_is_kept_is_for_the_owners_eyes_alone(kept: Kept, tmp_path: Path) -> None:
    kept.works()
    assert {path.stat().st_mode & 0o077 for path in (tmp_path / "state" / "web").iterdir()} == {0}


def test_a_check_that_fails_puts_the_edit_back_to_the_byte(folder: Path, tmp_path: Path) -> None:
    kept = Kept(folder, tmp_path / "state", check=Command(["check"]))
    kept.works()
    kept.path.write_text("port: [")
    kept.yard.answer = lambda command: Ran(1, "it is wrong")
    with pytest.raises(AuroraError, match="check of web fails"):
        run(kept.remedy.apply(BAD, kept.yard))
    assert (kept.path.read_text(), kept.yard.done) == ("port: [", [])
    kept.yard.answer = lambda command: Ran(0, "")
    run(kept.remedy.apply(BAD, kept.yard))
    assert kept.path.read_text() == "port: 1\n"


@pytest.mark.parametrize("path", ["../secret", "link/secret", "/etc/hostname", "alias"])
def test_settings_outside_of_the_folder_are_neither_kept_nor_written(folder: Path, tmp_path: Path, path: str) -> None:
    (folder / "alias").symlink_to(tmp_path / "secret")
    kept = Kept(folder, tmp_path / "state")
    spec = service(folder, healing=ServiceHealing(config_files=[path]))
    kept.keeper.apply(Settings(services={"web": spec}))
    kept.works()
    worked = kept.keeper.of("web")
    assert worked is not None
    assert worked.files == {}
    assert kept.keeper.changed("web", spec) == {}


# --- changed code -----------------------------------------------------------------------------------------------


def git(folder: Path, *command: str) -> str:
    name = ("-c", "user.name=Ada", "-c", "user.email=ada@example.test", "-c", "init.defaultBranch=main")
    return subprocess.run(["git", *name, *command], cwd=folder, check=True, capture_output=True, text=True).stdout


class RealCommands(CatalogueYard):
    async def run(self, name: str, command: Any, timeout_s: float, *, in_folder: Path | None = None) -> Ran:
        ended = subprocess.run(command, cwd=in_folder or self.folder(name), capture_output=True, text=True)  # noqa: ASYNC221 - a test waits
        return Ran(ended.returncode, ended.stdout + ended.stderr)


@pytest.fixture
def code(folder: Path, tmp_path: Path) -> tuple[Kept, RealCommands]:
    git(folder, "init")
    (folder / "app.py").write_text("works\n")
    git(folder, "add", "app.py")
    git(folder, "commit", "-m", "It works")
    kept = Kept(folder, tmp_path / "state")
    kept.works()
    return kept, RealCommands(web=kept.spec)


BROKEN = fault("type_error")


def test_a_crash_after_a_commit_names_it_with_subject_and_author(code: tuple[Kept, RealCommands], folder: Path) -> None:
    kept, yard = code
    (folder / "app.py").write_text("broken\n")
    git(folder, "commit", "-am", "Be quicker")
    with pytest.raises(RefusedError, match="“Be quicker” by Ada") as refused:
        run(NameTheChange(kept.keeper).plan(BROKEN, yard))
    assert head_of(folder)[:10] in refused.value.hint


def test_a_crash_after_an_edit_names_the_file(code: tuple[Kept, RealCommands], folder: Path) -> None:
    kept, yard = code
    (folder / "app.py").write_text("broken\n")
    os.utime(folder / "app.py", (2e9, 2e9))
    with pytest.raises(RefusedError, match=r"app\.py was edited"):
        run(NameTheChange(kept.keeper).plan(BROKEN, yard))


def test_a_crash_without_a_change_is_no_matter_of_the_code(code: tuple[Kept, RealCommands]) -> None:
    kept, yard = code
    assert run(NameTheChange(kept.keeper).plan(BROKEN, yard)) is None


def test_the_commit_is_read_without_git(code: tuple[Kept, RealCommands], folder: Path) -> None:
    commit = git(folder, "rev-parse", "HEAD").strip()
    assert head_of(folder) == commit
    git(folder, "pack-refs", "--all")
    assert head_of(folder) == commit
    git(folder, "checkout", "--detach")
    assert head_of(folder) == commit
    git(folder, "worktree", "add", "-b", "other", "tree")
    assert head_of(folder / "tree") == commit
    (folder / ".git" / "HEAD").write_text("ref: ../../../etc/passwd\n")
    assert head_of(folder) == ""


def test_the_services_of_the_settings_alone_are_kept(kept: Kept) -> None:
    kept.keeper.apply(Settings(services={"other": Service(command=Command(["x"]))}))
    kept.works()
    assert kept.keeper.of("web") is None


def test_of_two_files_both_are_put_back_or_none(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = Kept(folder, tmp_path / "state")
    spec = service(folder, healing=ServiceHealing(config_files=["web.yaml", "more.yaml"]))
    (folder / "more.yaml").write_text("more\n")
    kept.keeper.apply(Settings(services={"web": spec}))
    kept.works()
    for path in (kept.path, folder / "more.yaml"):
        path.write_text("edited")

    def full(path: Path, content: bytes) -> None:
        if path.name == "more.yaml":
            raise OSError(28, "No space left on device")
        replace_content(path, content)

    monkeypatch.setattr("aurora_desktop.healing.remedies.builtin.config_edit.replace_content", full)
    yard = CatalogueYard(web=spec)
    with pytest.raises(OSError, match="No space left"):
        run(kept.remedy.apply(BAD, yard))
    assert {path.name: path.read_text() for path in folder.glob("*.yaml*")} == {
        "web.yaml": "edited",
        "more.yaml": "edited",
    }
    assert yard.done == []


def test_a_disk_without_room_costs_no_more_than_the_copy(kept: Kept, tmp_path: Path) -> None:
    (tmp_path / "state").write_text("a file where the folder should be")
    kept.works()
    assert kept.keeper.of("web") is None
