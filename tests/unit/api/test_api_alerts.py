"""The addresses of alerts: channels, tests and snoozes."""

from pathlib import Path
from typing import Any

import pytest

from api.house import House


def _post(house: House, path: str, body: Any, **given: Any) -> tuple[int, Any]:
    return house.ask("POST", f"/v1/alerts/{path}", body, **given)[:2]


def test_the_channels_are_told_and_their_secrets_looked_up_only_when_asked_for(house: House) -> None:
    for query, place in (("", "unknown"), ("?look=0", "unknown"), ("?look=1", "keyring")):
        status, view, _ = house.ask("GET", f"/v1/alerts{query}", scope="read")
        assert (status, view["channels"][0]["name"], view["channels"][0]["place"]) == (200, "hook", place)


@pytest.mark.parametrize(("body", "tested"), [({"channel": "hook"}, "hook"), ({"channel": None}, None), (b"", None)])
def test_a_test_says_how_it_went(house: House, body: Any, tested: str | None) -> None:
    status, results = _post(house, "test", body)
    assert (status, house.alerts.tested) == (200, [tested])
    assert results == [{"channel": "hook", "ok": True, "cause": "it was taken", "duration_s": 1.25}]


def test_a_test_of_an_unknown_channel_names_the_near_one(house: House) -> None:
    status, problem = _post(house, "test", {"channel": "hok"})
    assert (status, problem["hint"]) == (409, "Did you mean `hook`?")


def test_a_component_is_snoozed(house: House) -> None:
    status, snooze = _post(house, "snooze", {"for_s": 60, "component": "web"})
    assert (status, snooze) == (200, {"until": 1_700_000_060.0, "component": "web"})


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("snooze", {}, 400),
        ("snooze", {"for_s": "1h"}, 400),
        ("snooze", {"for_s": -1}, 409),
        ("snooze", {"for_s": 1, "who": "web"}, 400),
        ("snooze", {"for_s": 1, "component": "x" * 201}, 400),
        ("test", {"channel": ""}, 400),
        ("test", {"channel": ["hook"]}, 400),
    ],
)
def test_what_is_not_right_is_refused(house: House, path: str, body: Any, status: int) -> None:
    assert _post(house, path, body)[0] == status
    assert house.alerts.snoozed == []


@pytest.mark.parametrize("path", ["test", "snooze"])
@pytest.mark.parametrize("scope", ["read", "input"])
def test_only_who_may_operate_sends_and_silences(house: House, path: str, scope: str) -> None:
    assert _post(house, path, {"for_s": 1}, scope=scope)[0] == 403


def test_a_program_without_alerts_says_so(tmp_path: Path) -> None:
    bare = House(tmp_path / "state", has_input=False).open()
    try:
        assert bare.ask("GET", "/v1/alerts")[0] == 503
    finally:
        bare.close()
