"""`check`, `doctor` and `autostart`, which need no running Aurora."""

import json
from pathlib import Path

import pytest

from aurora_desktop.cli.call import RunOptions
from aurora_desktop.cli.main import main
from aurora_desktop.core.errors import AuroraError
from aurora_desktop.desktop import autostart, doctor
from aurora_desktop.desktop.finding import Finding


def _aurora(tmp_path: Path, *argv: str) -> int:
    def refuse(_: RunOptions) -> int:
        raise AssertionError("only `aurora run` runs the program")

    return main(["--config", str(tmp_path / "aurora.yaml"), "--state-dir", str(tmp_path), *argv], run=refuse)


class FakeAutostart:
    """Autostart in memory."""

    def __init__(self) -> None:
        self.enabled = False

    def enable(self) -> None:
        self.enabled = True

    def disable(self) -> None:
        self.enabled = False

    def is_enabled(self) -> bool:
        return self.enabled

    def describe(self) -> str:
        return "an entry in memory"


@pytest.fixture
def entry(monkeypatch: pytest.MonkeyPatch) -> FakeAutostart:
    made = FakeAutostart()
    monkeypatch.setattr(autostart, "for_this_platform", lambda config, state_dir: made)
    return made


def test_check_of_a_right_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "right.yaml").write_text("services:\n  web:\n    command: [sleep, '60']\n")
    assert _aurora(tmp_path, "check", str(tmp_path / "right.yaml")) == 0
    assert capsys.readouterr().out == f"{tmp_path / 'right.yaml'}: no mistakes\n"


def test_check_of_the_settings_in_use(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "aurora.yaml").write_text("servces: {}\n")
    assert _aurora(tmp_path, "check") == 1
    told = capsys.readouterr().out
    assert told.startswith(f"{tmp_path / 'aurora.yaml'}:1: servces: ")
    assert "services" in told


def test_check_of_a_file_that_is_not_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert _aurora(tmp_path, "check", str(tmp_path / "nowhere.yaml")) == 1
    told = capsys.readouterr()
    assert "nowhere.yaml" in told.out + told.err


def test_check_json_is_a_list(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "aurora.yaml").write_text("{}\n")
    assert _aurora(tmp_path, "check", "--json") == 0
    assert json.loads(capsys.readouterr().out) == []


@pytest.mark.parametrize(("worst", "code"), [("ok", 0), ("warning", 0), ("error", 1)])
def test_doctor_fails_with_an_error_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], worst: str, code: int
) -> None:
    findings = [Finding("python", "ok", "3.12", "not told"), Finding("tray", worst, "none found", "install one")]  # type: ignore[arg-type]  # a parameter of the test
    asked: list[tuple[Path, Path]] = []
    monkeypatch.setattr(doctor, "examine", lambda config, state: asked.append((config, state)) or findings)
    assert _aurora(tmp_path, "doctor") == code
    told = capsys.readouterr().out
    assert asked == [(tmp_path / "aurora.yaml", tmp_path)]
    assert ("to mend tray: install one" in told) == (worst != "ok")
    assert "not told" not in told
    assert _aurora(tmp_path, "doctor", "--json") == code
    assert json.loads(capsys.readouterr().out)[1] == {
        "name": "tray", "status": worst, "detail": "none found", "remedy": "install one",
    }  # fmt: skip


def test_autostart_is_switched(tmp_path: Path, entry: FakeAutostart, capsys: pytest.CaptureFixture[str]) -> None:
    assert _aurora(tmp_path, "autostart", "enable") == 0
    assert entry.enabled
    assert _aurora(tmp_path, "autostart", "disable") == 0
    assert not entry.enabled
    assert capsys.readouterr().out == "enabled: an entry in memory\ndisabled: an entry in memory\n"


def test_autostart_status_changes_nothing(
    tmp_path: Path, entry: FakeAutostart, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _aurora(tmp_path, "autostart", "status", "--json") == 0
    assert json.loads(capsys.readouterr().out) == {"enabled": False, "description": "an entry in memory"}
    assert not entry.enabled


def test_an_autostart_that_cannot_be_made_is_told(
    tmp_path: Path, entry: FakeAutostart, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail() -> None:
        raise AuroraError("Autostart cannot be enabled", "the folder is read-only", "Make it writable")

    monkeypatch.setattr(entry, "enable", fail)
    assert _aurora(tmp_path, "autostart", "enable") == 1
    assert capsys.readouterr().err == (
        "aurora: Autostart cannot be enabled\n  the folder is read-only\n  Make it writable\n"
    )
