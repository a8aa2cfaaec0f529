"""`aurora backup` and `aurora state`: on the files, with and without a running Aurora."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from aurora_desktop.cli.call import RunOptions
from aurora_desktop.cli.main import main
from aurora_desktop.core.paths import StatePaths
from aurora_desktop.core.storage.database import Database
from aurora_desktop.desktop.single_instance import InstanceLock
from aurora_desktop.migrations import STATE_APPLICATION_ID, StateMigrations

Command = Callable[..., int]


@pytest.fixture
def paths(tmp_path: Path) -> StatePaths:
    """A state with one alert value, whose Aurora is gone."""
    paths = StatePaths(tmp_path / "state")
    paths.make()
    write(paths, "INSERT INTO alerts VALUES ('first', '1')")
    return paths


def write(paths: StatePaths, sql: str) -> None:
    database = Database.open(paths.state_db, StateMigrations(), STATE_APPLICATION_ID)
    database.submit(lambda db: db.execute(sql).fetchall()).result()
    database.close()


def keys(paths: StatePaths) -> list[str]:
    database = Database.open(paths.state_db, StateMigrations(), STATE_APPLICATION_ID)
    found = [row[0] for row in database.read("SELECT key FROM alerts ORDER BY key")]
    database.close()
    return found


def _refuse(_: RunOptions) -> int:
    raise AssertionError("only `aurora run` runs the program")


@pytest.fixture
def aurora(paths: StatePaths, tmp_path: Path) -> Command:
    settings = tmp_path / "aurora.yaml"
    return lambda *argv: main(["--config", str(settings), "--state-dir", str(paths.root), *argv], run=_refuse)


def made(aurora: Command, capsys: pytest.CaptureFixture[str]) -> str:
    assert aurora("backup", "create", "--json") == 0
    return str(json.loads(capsys.readouterr().out)["id"])


def test_there_and_back_and_there_again(aurora: Command, paths: StatePaths, capsys: pytest.CaptureFixture[str]) -> None:
    id_ = made(aurora, capsys)
    write(paths, "INSERT INTO alerts VALUES ('second', '2')")
    assert aurora("backup", "restore", id_) == 0
    assert keys(paths) == ["first"]
    assert aurora("backup", "undo") == 0
    assert keys(paths) == ["first", "second"]
    assert aurora("backup", "undo") == 0
    assert keys(paths) == ["first"]
    out = capsys.readouterr().out
    assert f"restored: {id_}" in out
    assert "`aurora backup undo` brings them back" in out


def test_the_list_names_each_and_those_that_are_damaged(
    aurora: Command, paths: StatePaths, capsys: pytest.CaptureFixture[str]
) -> None:
    assert aurora("backup", "list") == 0
    assert "no backup yet" in capsys.readouterr().out
    first, second = made(aurora, capsys), made(aurora, capsys)
    (paths.backups / first / "manifest.json").write_text("{}")
    assert aurora("backup", "list", "--json") == 0
    listed = {row["id"]: row for row in json.loads(capsys.readouterr().out)}
    assert "missing required field `format`" in listed[first]["problem"]
    assert (listed[second]["problem"], listed[second]["reason"]) == ("", "by command")
    assert aurora("backup", "list") == 0
    assert "damaged" in capsys.readouterr().out


def test_a_folder_that_cannot_be_read_is_not_said_to_be_empty(
    aurora: Command, paths: StatePaths, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    paths.backups.write_text("in the way")
    (tmp_path / "aurora.yaml").write_text(f"services: {{}}\nbackups: {{path: {tmp_path / 'no-stick'}}}\n")
    assert aurora("backup", "list") == 1
    told = capsys.readouterr()
    assert "no backup yet" not in told.out
    assert f"not looked at: {paths.backups}: Not a directory" in told.err
    assert f"not looked at: {tmp_path / 'no-stick'}: No such file or directory" in told.err


def test_verify_is_1_when_one_does_not_stand_the_test(
    aurora: Command, paths: StatePaths, capsys: pytest.CaptureFixture[str]
) -> None:
    first, second = made(aurora, capsys), made(aurora, capsys)
    assert aurora("backup", "verify") == 0
    packed = paths.backups / first / "state.db.zst"
    packed.write_bytes(packed.read_bytes()[:-3])
    assert aurora("backup", "verify") == 1
    assert aurora("backup", "verify", second) == 0
    capsys.readouterr()
    assert aurora("backup", "verify", first, "--json") == 1
    (verdict,) = json.loads(capsys.readouterr().out)
    assert (verdict["good"], "state.db.zst" in verdict["detail"]) == (False, True)
    assert aurora("backup", "verify", "20200101T000000Z") == 1


@pytest.mark.parametrize(
    "command", [("backup", "restore", "latest"), ("backup", "undo"), ("state", "import", "export.json")]
)
def test_what_replaces_the_state_is_refused_while_aurora_runs(
    aurora: Command,
    paths: StatePaths,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    command: tuple[str, ...],
) -> None:
    monkeypatch.chdir(tmp_path)
    made(aurora, capsys)
    assert aurora("state", "export", "export.json") == 0
    with InstanceLock(paths.lock):
        assert aurora(*command) == 1
    assert "`aurora quit` ends it" in capsys.readouterr().err


def test_a_backup_that_is_not_there_is_told(aurora: Command, capsys: pytest.CaptureFixture[str]) -> None:
    assert aurora("backup", "restore", "../../etc") == 1
    assert "There is no backup `../../etc`" in capsys.readouterr().err


def test_the_second_folder_of_the_settings_is_used_and_its_absence_told(
    aurora: Command, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    second = tmp_path / "stick"
    (tmp_path / "aurora.yaml").write_text(f"backups: {{path: {second}}}\n")
    assert aurora("backup", "create") == 1
    assert "not in the second folder" in capsys.readouterr().err
    second.mkdir()
    assert aurora("backup", "create") == 0
    assert len([entry for entry in second.iterdir() if entry.is_dir()]) == 1


def test_the_state_is_shown_with_its_newest_backup(aurora: Command, capsys: pytest.CaptureFixture[str]) -> None:
    id_ = made(aurora, capsys)
    assert aurora("state", "show", "--json") == 0
    shown = json.loads(capsys.readouterr().out)
    assert (shown["schema_version"], shown["tables"]["alerts"]) == (len(StateMigrations()), 1)
    assert shown["last_backup"]["id"] == id_
    assert aurora("state", "show") == 0
    assert id_ in capsys.readouterr().out


def test_an_export_goes_out_and_comes_back(
    aurora: Command, paths: StatePaths, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "export.json"
    assert aurora("state", "export", str(file)) == 0
    assert file.stat().st_mode & 0o077 == 0
    write(paths, "INSERT INTO alerts VALUES ('second', '2')")
    assert aurora("state", "import", str(file)) == 0
    assert keys(paths) == ["first"]
    content = file.read_text()
    for right, wrong, told in (
        ('"first"', "[1]", "`tables.alerts[0].key`"),
        ('"spawns":[]', '"spawns":[{"marker":"m","service":"web","pid":"x"}]', "`spawns` m: Expected `int | null`"),
    ):
        file.write_text(content.replace(right, wrong))
        assert aurora("state", "import", str(file)) == 1
        assert told in capsys.readouterr().err
        assert keys(paths) == ["first"]


def test_damage_is_told_instead_of_backed_up(
    aurora: Command, paths: StatePaths, capsys: pytest.CaptureFixture[str]
) -> None:
    content = bytearray(paths.state_db.read_bytes())
    content[5000] ^= 4
    paths.state_db.write_bytes(content)
    assert aurora("backup", "create") == 1
    assert "A database is damaged" in capsys.readouterr().err
