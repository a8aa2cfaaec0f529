"""Tokens that are replaced while the door is open, and floods of wrong ones."""

import http.client
import logging
import stat
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.house import House
from aurora_desktop.api.attempts import FailureLimit
from aurora_desktop.core.errors import AuroraError
from aurora_desktop.core.paths import StatePaths
from aurora_desktop.core.tokens import SCOPES, Tokens, load_tokens, rotate_token

SAMPLE = 300
"""Of the ten thousand of `benchmarks/door.py`."""


def _status(house: House, token: str, path: str = "/v1/status") -> int:
    return house.ask("GET", path, scope=None, Authorization=f"Bearer {token}")[0]


@pytest.mark.parametrize("scope", SCOPES)
def test_a_rotated_token_enters_at_once_and_the_old_one_no_more(house: House, scope: str) -> None:
    old = house.token(scope)
    assert _status(house, old, "/v1/control") == 200
    new = rotate_token(house.paths, next(each for each in SCOPES if each == scope))
    assert new != old
    assert [_status(house, token, "/v1/control") for token in (old, new)] == [401, 200]


def test_the_other_tokens_stay(house: House) -> None:
    kept = house.token("read")
    rotate_token(house.paths, "operate")
    assert (house.token("read"), _status(house, kept)) == (kept, 200)


def test_a_rotation_on_an_open_connection_counts_from_the_next_request(house: House) -> None:
    given_token = {"Authorization": f"Bearer {house.token('read')}"}
    connection = http.client.HTTPConnection("127.0.0.1", house.port, timeout=20)
    try:
        statuses = []
        for _ in range(2):
            connection.request("GET", "/v1/status", headers=given_token)
            response = connection.getresponse()
            response.read()
            statuses.append(response.status)
            rotate_token(house.paths, "read")
        assert statuses == [200, 401]
    finally:
        connection.close()


def test_a_token_file_that_is_taken_away_opens_nothing(house: House) -> None:
    old = house.token("operate")
    (house.paths.tokens / "operate").unlink()
    assert _status(house, old) == 401
    assert _status(house, house.token("read")) == 200


@pytest.mark.skipif(sys.platform == "win32", reason="links need a right of their own on Windows")
def test_a_link_in_place_of_a_token_opens_nothing(house: House, tmp_path: Path) -> None:
    planted = "p" * 43
    (tmp_path / "planted").write_text(planted)
    (tmp_path / "planted").chmod(0o600)
    path = house.paths.tokens / "operate"
    path.unlink()
    path.symlink_to(tmp_path / "planted")
    assert _status(house, planted) == 401
    new = rotate_token(house.paths, "operate")
    assert _status(house, new) == 200
    assert (tmp_path / "planted").read_text() == planted
    assert not path.is_symlink()


@pytest.mark.skipif(sys.platform == "win32", reason="modes are POSIX")
def test_a_token_that_others_may_read_is_refused(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    paths = StatePaths(tmp_path)
    tokens = Tokens(paths)
    (paths.tokens / "read").chmod(0o644)
    with caplog.at_level(logging.WARNING):
        assert set(tokens.current()) == {"operate", "input"}
        assert set(tokens.current()) == {"operate", "input"}
    assert len(caplog.records) == 1
    assert "until it is rotated" in caplog.text


@pytest.mark.parametrize("content", ["", "short", "é" * 43])
def test_what_is_no_token_opens_nothing(tmp_path: Path, content: str) -> None:
    paths = StatePaths(tmp_path)
    tokens = Tokens(paths)
    (paths.tokens / "input").write_text(content)
    assert set(tokens.current()) == {"read", "operate"}


def test_a_new_token_is_for_this_user_alone_and_leaves_no_draft(tmp_path: Path) -> None:
    paths = StatePaths(tmp_path)
    load_tokens(paths)
    rotate_token(paths, "read")
    assert sorted(file.name for file in paths.tokens.iterdir()) == sorted(SCOPES)
    assert stat.S_IMODE((paths.tokens / "read").stat().st_mode) == 0o600


def test_a_rotation_that_cannot_be_written_is_told_and_changes_nothing(tmp_path: Path) -> None:
    (tmp_path / "tokens").write_text("a file where the folder should be")
    with pytest.raises(AuroraError, match="cannot be read or written"):
        rotate_token(StatePaths(tmp_path), "read")


def test_many_wrong_tokens_neither_enter_nor_keep_the_right_one_out(house: House) -> None:
    refused: set[int] = set()
    connection = http.client.HTTPConnection("127.0.0.1", house.port, timeout=20)
    for number in range(SAMPLE):
        connection.request("GET", "/v1/status", headers={"Authorization": f"Bearer {number:043d}"})
        response = connection.getresponse()
        response.read()
        refused.add(response.status)
    connection.close()
    assert refused == {401, 429}
    assert house.ask("POST", "/v1/estop", {}, scope="read")[0] == 200
    assert _status(house, house.token("read")) == 200


def test_a_flood_is_told_once(house: House, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, logger="aurora_desktop.api.security"):
        for _ in range(100):
            house.ask("GET", "/v1/status", scope=None)
    assert len([record for record in caplog.records if "without a valid token" in record.message]) == 1


def test_a_refused_flood_is_told_when_to_come_back(house: House) -> None:
    answers = [house.ask("GET", "/v1/status", scope=None) for _ in range(100)]
    status, body, headers = answers[-1]
    assert (status, headers["Retry-After"]) == (429, "1")
    assert body["title"] == "Too many requests without a valid token"


@given(st.lists(st.floats(0, 10), max_size=200))
def test_no_more_pass_than_the_burst_and_what_the_time_gives(passed: list[float]) -> None:
    limit = FailureLimit(burst=5, per_s=2.0)
    now = admitted = 0.0
    for seconds in passed:
        now += seconds
        admitted += limit.admits(now)
    assert admitted <= 5 + 2.0 * now + 1e-6


def test_the_limit_opens_again_with_time() -> None:
    limit = FailureLimit(burst=2, per_s=1.0)
    assert [limit.admits(0.0) for _ in range(3)] == [True, True, False]
    assert limit.admits(1.0)
    assert not limit.admits(1.0)
