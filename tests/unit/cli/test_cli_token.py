"""`aurora token` works on the files; `aurora docs` brings the page that a browser may not ask for."""

import stat
import webbrowser
from collections.abc import Callable
from pathlib import Path

import pytest
from api.house import House

from aurora_desktop.cli import parser
from aurora_desktop.cli.main import main
from aurora_desktop.core.tokens import SCOPES

from .conftest import refuse_to_run

Aurora = Callable[..., int]


def test_one_token_is_shown_alone(house: House, aurora: Aurora, capsys: pytest.CaptureFixture[str]) -> None:
    assert aurora("token", "show", "read") == 0
    assert capsys.readouterr().out == f"{house.token('read')}\n"


def test_all_tokens_are_shown_with_their_scopes(
    house: House, aurora: Aurora, capsys: pytest.CaptureFixture[str]
) -> None:
    assert aurora("token", "show") == 0
    shown = dict(line.split() for line in capsys.readouterr().out.splitlines())
    assert shown == {scope: house.token(scope) for scope in SCOPES}


def test_a_rotated_token_works_at_once(house: House, aurora: Aurora, capsys: pytest.CaptureFixture[str]) -> None:
    old = {scope: house.token(scope) for scope in SCOPES}
    assert aurora("token", "rotate", "read", "operate") == 0
    out = capsys.readouterr().out
    assert [line.split()[2] for line in out.splitlines()] == ["`read`", "`operate`"]
    assert house.token("read") not in out
    assert [house.token(scope) == old[scope] for scope in SCOPES] == [False, False, True]
    assert aurora("ps") == 0


def test_without_names_all_are_rotated(house: House, aurora: Aurora) -> None:
    old = {house.token(scope) for scope in SCOPES}
    assert aurora("token", "rotate") == 0
    assert not old & {house.token(scope) for scope in SCOPES}


def test_no_aurora_has_to_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for argv in (["token", "rotate", "input"], ["token", "show", "input"]):
        assert main(["--state-dir", str(tmp_path), *argv], run=refuse_to_run) == 0
    assert capsys.readouterr().out.splitlines()[-1] == (tmp_path / "tokens" / "input").read_text().strip()


def test_an_unknown_scope_is_wrong_usage(aurora: Aurora, capsys: pytest.CaptureFixture[str]) -> None:
    assert aurora("token", "rotate", "admin") == 2
    assert "there is no token `admin`, only read, operate, input" in capsys.readouterr().err


def test_a_planted_link_is_told(house: House, aurora: Aurora, capsys: pytest.CaptureFixture[str]) -> None:
    path = house.paths.tokens / "read"
    path.unlink()
    path.symlink_to(house.paths.api_file)
    assert aurora("token", "show", "read") == 1
    assert "cannot be trusted" in capsys.readouterr().err


def test_the_grammar_knows_every_scope() -> None:
    assert parser.SCOPES == SCOPES


def test_the_page_is_fetched_and_opened(
    house: House, aurora: Aurora, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    opened: list[str] = []
    monkeypatch.setattr(webbrowser, "open", lambda address: bool(opened.append(address)) or True)
    assert aurora("docs", "--path") == 0
    assert opened == []
    assert aurora("docs") == 0
    page = Path(capsys.readouterr().out.splitlines()[-1])
    assert opened == [page.as_uri()]
    assert "the local API" in page.read_text()
    assert stat.S_IMODE(page.stat().st_mode) == 0o600


def test_the_page_needs_a_running_aurora(tmp_path: Path) -> None:
    assert main(["--state-dir", str(tmp_path), "docs"], run=refuse_to_run) == 3
