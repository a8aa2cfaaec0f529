"""The command `alerts`: channels, secrets, a test, silence."""

import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import keyring
import pytest
from api.house import House
from keyring.backends import fail

from .conftest import Aurora

URL = "jsons://me:hunter22@example.com/hook"


@pytest.fixture(autouse=True)
def _no_keyring() -> Iterator[None]:
    before = keyring.get_keyring()
    keyring.set_keyring(fail.Keyring())
    yield
    keyring.set_keyring(before)


def _typed(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(text))


def test_the_channels_are_listed_with_what_is_wrong(aurora: Aurora, house: House, capsys: Any) -> None:
    house.alerts.ok, house.alerts.place, house.alerts.warning = False, "file", "it lies in a plain file"
    house.alerts.snoozed = [(3600.0, "service:web")]
    assert aurora("alerts", "list") == 0
    out = capsys.readouterr().out
    assert "hook     secret `hook`  file    failed" in out
    assert "it answered 500" in out
    assert "hook: it lies in a plain file" in out
    assert "service:web: silent until 2023-11-1" in out


def test_the_list_is_there_for_programs(aurora: Aurora, capsys: Any) -> None:
    assert aurora("alerts", "list", "--json") == 0
    assert json.loads(capsys.readouterr().out)["channels"][0]["place"] == "keyring"


@pytest.mark.parametrize(("ok", "code", "told"), [(True, 0, "hook: ok after 1.2 s"), (False, 1, "it answered 500")])
def test_a_test_tells_how_it_went(aurora: Aurora, house: House, capsys: Any, ok: bool, code: int, told: str) -> None:
    house.alerts.ok = ok
    assert aurora("alerts", "test", "hook") == code
    assert told in capsys.readouterr().out
    assert aurora("alerts", "test", "--json") == code
    assert house.alerts.tested == ["hook", None]


@pytest.mark.parametrize(
    ("given", "seconds", "component"),
    [
        ((), 3600.0, ""),
        (("--for", "90s"), 90.0, ""),
        (("--for", "2d", "web"), 172800.0, "web"),
        (("web",), 3600.0, "web"),
    ],
)
def test_snooze_takes_a_time_and_a_component(
    aurora: Aurora, house: House, capsys: Any, given: tuple[str, ...], seconds: float, component: str
) -> None:
    assert aurora("alerts", "snooze", *given) == 0
    assert house.alerts.snoozed == [(seconds, component)]
    assert "silent until" in capsys.readouterr().out


def test_a_snooze_can_be_ended(aurora: Aurora, capsys: Any) -> None:
    assert aurora("alerts", "snooze", "--for", "0") == 0
    assert capsys.readouterr().out == "everything: told again\n"
    assert aurora("alerts", "snooze", "--for", "0", "--json") == 0


@pytest.mark.parametrize("time", ["-1", "1w", "", "1.5h", "ten"])
def test_a_time_that_is_none_is_refused(aurora: Aurora, time: str) -> None:
    assert aurora("alerts", "snooze", f"--for={time}") == 2


def test_a_secret_is_read_from_standard_input_and_kept_with_a_warning(
    aurora: Aurora, house: House, capsys: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    _typed(monkeypatch, URL + "\n")
    assert aurora("alerts", "set-secret", "hook") == 0
    told = capsys.readouterr()
    assert "kept in the file" in told.out
    assert "lies in a file" in told.err
    assert "hunter22" not in told.out + told.err
    assert (house.paths.secrets / "hook").read_text() == URL + "\n"
    assert aurora("alerts", "remove-secret", "hook") == 0
    assert aurora("alerts", "remove-secret", "hook") == 1
    assert not (house.paths.secrets / "hook").exists()


def test_a_secret_is_typed_without_echo(aurora: Aurora, house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def typed(prompt: str) -> str:
        asked.append(prompt)
        return URL

    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setattr("sys.stdin", Terminal())
    monkeypatch.setattr("getpass.getpass", typed)
    assert aurora("alerts", "set-secret", "hook") == 0
    assert asked == ["Address for `hook` (not shown): "]
    assert (house.paths.secrets / "hook").exists()


@pytest.mark.parametrize("text", ["", "hunter22", "file:///etc/passwd-hunter22"])
def test_what_is_no_address_is_refused_and_not_shown(
    aurora: Aurora, house: House, capsys: Any, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    _typed(monkeypatch, text)
    assert aurora("alerts", "set-secret", "hook") == 1
    assert "hunter22" not in capsys.readouterr().err
    assert not house.paths.secrets.exists()


@pytest.mark.parametrize("name", ["../hook", ".hidden", "a/b", "", "x" * 65])
def test_a_name_that_leads_elsewhere_is_refused(
    aurora: Aurora, house: House, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    _typed(monkeypatch, URL)
    assert aurora("alerts", "set-secret", name) == 1
    assert aurora("alerts", "remove-secret", name) == 1
    assert not house.paths.secrets.exists()


def test_secrets_need_no_running_aurora(tmp_path: Path, aurora: Aurora, monkeypatch: pytest.MonkeyPatch) -> None:
    _typed(monkeypatch, URL)
    assert aurora("--state-dir", str(tmp_path / "other"), "alerts", "set-secret", "hook") == 0
    assert (tmp_path / "other" / "secrets" / "hook").exists()
