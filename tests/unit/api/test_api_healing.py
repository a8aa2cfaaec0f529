"""Healing through the door: it may be asked anything, and none of what is the operator's can be answered there."""

import json
from pathlib import Path
from typing import Any

import pytest

from api.house import House

OPERATORS = ("accept", "decline", "clear_escalation", "answer_proposal")
LOOKS = ("/v1/healing", "/v1/healing/statistics", "/v1/failures", "/v1/remedies", "/v1/remedies/next_free_port")


@pytest.mark.parametrize("path", LOOKS)
def test_looking_takes_the_token_to_read(house: House, path: str) -> None:
    assert house.ask("GET", path, scope="read")[0] == 200
    assert house.ask("GET", path, scope="operate")[0] == 200
    assert house.ask("GET", path, scope="input")[0] == 403
    assert house.ask("GET", path, scope=None)[0] == 401


def test_all_of_healing_is_told(house: House) -> None:
    body = house.ask("GET", "/v1/healing")[1]
    assert body["enabled"] is True
    assert body["agents"][0]["sentence"] == "waits for you"
    assert body["offers"][0]["id"] == 4


def test_a_question_reaches_the_memory_as_it_was_asked(house: House) -> None:
    status, body, _ = house.ask("GET", '/v1/failures?q=past%20fixes%20for%20"port"&limit=5')
    assert (status, body["sentence"], body["total"]) == (200, "Seen 3 times.", 3)
    assert house.healing.searches == [('past fixes for "port"', 5)]
    assert body["groups"][0]["newest"][0]["tried"][0]["remedy"] == "next_free_port"


@pytest.mark.parametrize("query", ["limit=0", "limit=101", "limit=x", "query=x"])
def test_a_wrong_question_is_told(house: House, query: str) -> None:
    assert house.ask("GET", f"/v1/failures?{query}")[0] == 400
    assert house.healing.searches == []


def test_the_statistics_keep_the_earlier_systems_names(house: House) -> None:
    body = house.ask("GET", "/v1/healing/statistics")[1]
    assert body.keys() >= {"total_actions", "successful", "failed", "success_rate", "by_agent", "recent_actions"}
    assert body["by_agent"] == {"Agent-1": {"total": 3, "successful": 2, "failed": 1}}


def test_a_misspelt_remedy_is_put_right(house: House) -> None:
    status, body, _ = house.ask("GET", "/v1/remedies/next_free_prot")
    assert (status, body["hint"]) == (404, "Did you mean `next_free_port`?")


@pytest.mark.parametrize("scope", ["read", "operate"])
def test_a_text_may_be_tried_by_whoever_may_look(house: House, scope: str) -> None:
    text = {"text": "EADDRINUSE \ud83d\ude00", "service": "web"}
    status, body, _ = house.ask("POST", "/v1/remedies/test", text, scope=scope)
    assert (status, body["kind"], body["remedies"]) == (200, "port_conflict", ["next_free_port"])
    assert house.healing.tests == [("EADDRINUSE 😀", "web")]


@pytest.mark.parametrize("body", [{}, {"text": ""}, {"text": "x", "more": 1}, {"text": "x" * 50_001}, {"text": 1}])
def test_a_wrong_text_is_told(house: House, body: dict[str, object]) -> None:
    assert house.ask("POST", "/v1/remedies/test", body)[0] == 400


def test_healing_takes_the_token_to_operate(house: House) -> None:
    assert house.ask("POST", "/v1/heal", {}, scope="read")[0] == 403
    status, body, _ = house.ask("POST", "/v1/heal", {"name": "web", "check_now": True})
    assert (status, body) == (200, {"findings": ["web: works"]})
    assert house.ask("POST", "/v1/heal")[1] == {"findings": []}
    assert house.healing.heals == [("web", True), (None, False)]


def test_an_unknown_name_is_told(house: House) -> None:
    status, body, _ = house.ask("POST", "/v1/heal", {"name": "wbe"})
    assert (status, body["title"]) == (409, "Nothing is called `wbe`")


def test_lines_of_earlier_logs_are_taken_in(house: House) -> None:
    lines = [json.dumps({"time": 1, "error": "\ud800 x"}), "{}"]
    body = {"source": "health_log.jsonl", "lines": lines}
    assert house.ask("POST", "/v1/failures/import", body, scope="read")[0] == 403
    status, reply, _ = house.ask("POST", "/v1/failures/import", body)
    assert (status, reply) == (200, {"read": 2, "imported": 1, "known": 0, "skipped": {"says no time": 1}})
    assert house.healing.imports == [("health_log.jsonl", lines)]


@pytest.mark.parametrize("lines", [[], ["{}"] * 1001, [1], "x", None])
def test_wrong_lines_are_told(house: House, lines: Any) -> None:
    assert house.ask("POST", "/v1/failures/import", {"source": "x", "lines": lines})[0] == 400
    assert house.healing.imports == []


def test_without_healing_it_is_said(tmp_path: Path) -> None:
    house = House(tmp_path, has_healing=False).open()
    try:
        status, body, _ = house.ask("GET", "/v1/healing")
    finally:
        house.close()
    assert (status, body["title"]) == (503, "Healing is not running")


def test_no_address_answers_for_the_operator(house: House) -> None:
    words = ("accept", "decline", "clear", "answer", "apply", "escalation", "offer", "proposal", "tuning")
    paths = {route.path for route in house.routes()}
    assert "/v1/heal" in paths
    assert not [path for path in paths if any(word in path for word in words)]
    tried = ("/v1/healing", "/v1/offers/4/accept", "/v1/healing/offers/4", "/v1/escalations/agent:Agent-1/clear")
    for path in tried:
        for body in ({}, {"accept": True}, {"offer_id": 4}):
            assert house.ask("POST", path, body)[0] in (404, 405)
    for more in ("accept", "offer_id", "clear_escalation"):
        assert house.ask("POST", "/v1/heal", {more: 4})[0] == 400
    assert house.healing.operators == []


def test_aurora_is_asked_to_restart_by_the_token_to_operate_alone(house: House) -> None:
    for scope in ("read", "input"):
        assert house.ask("POST", "/v1/restart", {}, scope=scope)[0] == 403
    assert house.ask("POST", "/v1/restart")[1] == {"done": "Aurora is starting anew"}
    assert house.restart_reasons == ["asked by the command"]


def test_the_time_of_the_start_stays_the_same(house: House) -> None:
    assert house.ask("GET", "/v1/status")[1]["started_at"] == house.ask("GET", "/v1/status")[1]["started_at"]
