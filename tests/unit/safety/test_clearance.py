"""The latch: absence of the clearance. It holds against everything but a whole clearance of our own."""

import os
import sys
import threading
from pathlib import Path

import pytest
from core.clocks import FakeClock
from hypothesis import given
from hypothesis import strategies as st

from aurora_desktop.core.errors import AuroraError
from aurora_desktop.safety.clearance import Clearance

unix_only = pytest.mark.skipif(sys.platform == "win32", reason="modes of Unix")


@pytest.fixture
def clearance(tmp_path: Path) -> Clearance:
    return Clearance(tmp_path / "clearance.json", FakeClock().wall)


def test_a_fresh_install_is_latched(clearance: Clearance) -> None:
    assert not clearance.is_granted()
    assert clearance.revoke()


def test_a_grant_holds_over_a_restart_until_it_is_revoked(clearance: Clearance) -> None:
    clearance.grant("operator")
    assert Clearance(clearance.path).is_granted()
    assert clearance.revoke()
    assert not clearance.path.exists()
    assert not Clearance(clearance.path).is_granted()


def test_a_grant_says_who_and_when(clearance: Clearance) -> None:
    clearance.grant("operator (key)")
    assert clearance.path.read_text() == '{"granted_at":"2025-06-15T15:06:40.000Z","by":"operator (key)"}\n'


@unix_only
def test_a_grant_is_private_whatever_lay_there_before(clearance: Clearance) -> None:
    elsewhere = clearance.path.with_name("elsewhere")
    elsewhere.write_text("kept")
    elsewhere.chmod(0o666)
    clearance.path.symlink_to(elsewhere)
    clearance.grant("operator")
    assert not clearance.path.is_symlink()
    assert clearance.path.stat().st_mode & 0o777 == 0o600
    assert elsewhere.read_text() == "kept"


@given(st.binary(max_size=200))
def test_no_other_content_is_a_clearance(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    path = tmp_path_factory.mktemp("state") / "clearance.json"
    path.write_bytes(content)
    assert not Clearance(path).is_granted()


@given(st.integers(0, 56))  # the 57th byte is its closing brace
def test_a_torn_clearance_is_none(tmp_path_factory: pytest.TempPathFactory, kept: int) -> None:
    clearance = Clearance(tmp_path_factory.mktemp("state") / "clearance.json", FakeClock().wall)
    clearance.grant("operator")
    os.truncate(clearance.path, kept)
    assert not clearance.is_granted()


@unix_only
def test_a_link_a_pipe_and_a_foreign_file_are_no_clearance(clearance: Clearance) -> None:
    clearance.grant("operator")
    real = clearance.path.with_name("real.json")
    clearance.path.rename(real)
    clearance.path.symlink_to(real)
    assert not clearance.is_granted()
    clearance.path.unlink()
    os.mkfifo(clearance.path, 0o600)
    assert not clearance.is_granted()
    clearance.path.unlink()
    real.rename(clearance.path)
    assert clearance.is_granted()
    clearance.path.chmod(0o620)
    assert not clearance.is_granted()


def test_a_folder_in_the_way_is_latched_and_a_grant_says_so(clearance: Clearance) -> None:
    clearance.path.mkdir()
    assert clearance.revoke()
    with pytest.raises(AuroraError, match="cannot be reset"):
        clearance.grant("operator")


def test_a_grant_without_a_folder_is_refused_in_words(tmp_path: Path) -> None:
    with pytest.raises(AuroraError) as refused:
        Clearance(tmp_path / "gone" / "clearance.json").grant("operator")
    assert "No such file" in refused.value.detail


# --- the guard's way, which waits for no disk -----------------------------------------------------------------------


def test_a_stop_takes_the_clearance_away_at_once(clearance: Clearance) -> None:
    assert not clearance.is_granted()
    clearance.grant("operator")
    assert clearance.is_granted()
    assert clearance.revoke_at_once() == ""
    assert not clearance.is_granted()
    assert not clearance.path.exists()
    assert clearance.revoke_at_once() == ""


def test_a_clearance_that_cannot_be_taken_away_says_why(clearance: Clearance) -> None:
    clearance.path.mkdir()
    assert "cannot be deleted" in clearance.revoke_at_once()
    assert not clearance.is_granted()  # a folder is no clearance


def test_taking_it_away_at_once_needs_no_thread(clearance: Clearance, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    clearance.grant("operator")
    monkeypatch.setattr(threading.Thread, "start", refuse)
    assert clearance.revoke_at_once() == ""
    assert not clearance.path.exists()


# --- where the folder does not let go of it ---------------------------------------------------------------------------


@pytest.fixture
def stuck(clearance: Clearance, monkeypatch: pytest.MonkeyPatch) -> Clearance:
    def refuse(_: Path, missing_ok: bool = False) -> None:
        raise PermissionError(1, "Operation not permitted")

    clearance.grant("operator")
    monkeypatch.setattr(Path, "unlink", refuse)
    return clearance


@unix_only
def test_where_the_file_cannot_be_removed_it_is_emptied(stuck: Clearance) -> None:
    assert stuck.revoke()
    assert stuck.path.read_bytes() == b""


@unix_only
def test_a_stop_empties_it_too_and_tells_of_it(stuck: Clearance) -> None:
    assert stuck.revoke_at_once() == "the clearance file cannot be deleted: Operation not permitted"
    assert stuck.path.read_bytes() == b""
