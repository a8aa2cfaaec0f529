"""The addresses of the link: how it is, a new attempt, messages out and in."""

from pathlib import Path
from typing import Any

import pytest

from api.house import House
from aurora_desktop.core.errors import AuroraError
from aurora_desktop.link.errors import LinkOffError, OutboxFullError


def test_the_link_is_shown(house: House) -> None:
    status, view, _ = house.ask("GET", "/v1/link", scope="read")
    assert (status, view["state"], view["outbox"]["waiting"]) == (200, "online", 1)


def test_a_message_is_taken_and_told_to_be_on_its_way(house: House) -> None:
    body = {"recipient": "17", "content": "hello", "key": "k"}
    status, message, _ = house.ask("POST", "/v1/link/send", body)
    assert (status, message["status"], message["key"]) == (202, "waiting", "k")
    assert house.link.sent == [("17", "hello", "", "text", "k")]


def test_what_was_received_is_listed(house: House) -> None:
    status, messages, _ = house.ask("GET", "/v1/link/inbox?limit=5", scope="read")
    assert (status, messages[0]["message_id"], messages[0]["task_id"]) == (200, "m1", "task_1")


def test_a_new_attempt_can_be_asked_for(house: House) -> None:
    status, view, _ = house.ask("POST", "/v1/link/reconnect", {})
    assert (status, view["state"], house.link.reconnects) == (200, "connecting", 1)


@pytest.mark.parametrize(
    "body",
    [{}, {"recipient": "", "content": "x"}, {"recipient": "17", "content": ""}, {"recipient": 17, "content": "x"}],
)
def test_a_message_that_is_none_is_refused(house: House, body: Any) -> None:
    assert house.ask("POST", "/v1/link/send", body)[0] == 400
    assert house.link.sent == []


@pytest.mark.parametrize("limit", ["0", "1001", "x"])
def test_a_limit_out_of_bounds_is_refused(house: House, limit: str) -> None:
    assert house.ask("GET", f"/v1/link/inbox?limit={limit}")[0] == 400


@pytest.mark.parametrize("how", ["retry", "forget"])
def test_dead_letters_are_sent_again_or_forgotten(house: House, how: str) -> None:
    assert house.ask("POST", f"/v1/link/dead/{how}", {"key": "k"})[0] == 200
    assert house.ask("POST", f"/v1/link/dead/{how}", {})[0] == 200
    assert house.link.settled == [(how, "k"), (how, "")]
    house.link.refuses = AuroraError("There is no such dead letter", "k", "Look")
    assert house.ask("POST", f"/v1/link/dead/{how}", {"key": "k"})[1]["title"] == "There is no such dead letter"


@pytest.mark.parametrize("path", ["send", "reconnect", "dead/retry", "dead/forget"])
@pytest.mark.parametrize("scope", ["read", "input"])
def test_only_who_may_operate_sends_and_reconnects(house: House, path: str, scope: str) -> None:
    body = {"recipient": "17", "content": "x"} if path == "send" else {}
    assert house.ask("POST", f"/v1/link/{path}", body, scope=scope)[0] == 403


@pytest.mark.parametrize("error", [LinkOffError("The link is off", "", "Turn it on"), OutboxFullError("It is full")])
def test_why_it_cannot_be_is_said(house: House, error: LinkOffError | OutboxFullError) -> None:
    house.link.refuses = error
    status, problem, _ = house.ask("POST", "/v1/link/send", {"recipient": "17", "content": "x"})
    assert (status, problem["title"]) == (409, error.title)


def test_a_program_without_a_link_says_so(tmp_path: Path) -> None:
    bare = House(tmp_path / "state", has_tasks=False).open()
    try:
        assert bare.ask("GET", "/v1/link")[0] == 503
    finally:
        bare.close()
