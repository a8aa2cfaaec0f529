"""Where the files lie."""

import os
import stat
from pathlib import Path

import pytest

from aurora_desktop.core import paths
from aurora_desktop.core.paths import StatePaths


def test_the_folders_are_for_this_user_alone(tmp_path: Path) -> None:
    state = StatePaths(tmp_path / "deep" / "state")
    before = os.umask(0)
    try:
        state.make()
    finally:
        os.umask(before)
    for folder in (state.root, state.logs, state.service_logs, state.tokens):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_folders_that_are_there_already_are_kept(tmp_path: Path) -> None:
    state = StatePaths(tmp_path)
    state.make()
    kept = state.service_log("web")
    kept.write_text("kept")
    state.make()
    assert kept.read_text() == "kept"


def test_every_file_lies_within_the_state_dir(tmp_path: Path) -> None:
    state = StatePaths(tmp_path)
    files = [
        state.lock,
        state.journal,
        state.state_db,
        state.last_good_settings,
        state.api_file,
        state.service_log("web"),
    ]
    assert all(file.is_relative_to(tmp_path) for file in files)
    assert len(set(files)) == len(files)


def test_a_state_dir_that_cannot_be_made_is_an_oserror(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(OSError, match="file"):
        StatePaths(tmp_path / "file" / "state").make()


def test_two_ways_to_one_state_dir_have_one_digest(tmp_path: Path) -> None:
    (tmp_path / "state").mkdir()
    (tmp_path / "link").symlink_to("state")
    assert StatePaths(tmp_path / "link").digest == StatePaths(tmp_path / "state").digest
    assert StatePaths(tmp_path / "other").digest != StatePaths(tmp_path / "state").digest


def test_the_platform_says_where_settings_and_state_lie(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    assert paths.default_config_file() == tmp_path / "config" / "aurora-desktop" / "aurora.yaml"
    assert paths.default_state_dir() == tmp_path / "state" / "aurora-desktop"


def test_what_is_shipped_is_found_in_a_checkout() -> None:
    assert paths.shipped("config/aurora.yaml").is_file()


def test_what_is_installed_comes_before_the_checkout(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    installed = tmp_path / "_shipped" / "config" / "aurora.yaml"
    installed.parent.mkdir(parents=True)
    installed.write_text("")
    monkeypatch.setattr(paths, "_PACKAGE", tmp_path)
    assert paths.shipped("config/aurora.yaml") == installed
