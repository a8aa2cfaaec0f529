"""Anything may stop, and nothing that comes in through the door can arm or reset."""

from pathlib import Path

import pytest

from api.house import House
from aurora_desktop.safety.clearance import Clearance
from aurora_desktop.safety.view import BrakeFace

SCOPES = ("read", "operate", "input")


@pytest.mark.parametrize("scope", SCOPES)
def test_every_token_may_stop(house: House, scope: str) -> None:
    status, body, _ = house.ask("POST", "/v1/estop", scope=scope)
    assert (status, body["control"]["state"]) == (200, "latched")
    assert house.control.stops == ["api"]


@pytest.mark.parametrize("scope", SCOPES)
def test_every_token_may_disarm(house: House, scope: str) -> None:
    status, body, _ = house.ask("POST", "/v1/disarm", {"reason": "lunch"}, scope=scope)
    assert (status, body["control"]["state"]) == (200, "disarmed")
    assert house.control.disarms == ["api: lunch"]


@pytest.mark.parametrize("path", ["/v1/estop", "/v1/disarm", "/control/emergency-stop"])
def test_nobody_stops_without_a_token(house: House, path: str) -> None:
    assert house.ask("POST", path, scope=None)[0] == 401
    assert house.control.stops == house.control.disarms == []


def test_the_reason_comes_along_in_one_line(house: House) -> None:
    house.ask("POST", "/v1/estop", {"reason": " it \n types\tnonsense\x1b[2J "})
    assert house.control.stops == ["api: it types nonsense [2J"]


@pytest.mark.parametrize("body", [{"reason": "x" * 201}, {"reason": 1}, {"resume": True}])
def test_a_wrong_body_is_told(house: House, body: dict[str, object]) -> None:
    assert house.ask("POST", "/v1/estop", body)[0] == 400


@pytest.mark.parametrize(
    ("query", "reason", "source"),
    [("", "", "api"), ("?reason=runaway%20agent", "runaway agent", "api: runaway agent")],
)
def test_the_earlier_systems_address(house: House, query: str, reason: str, source: str) -> None:
    status, body, _ = house.ask("POST", f"/control/emergency-stop{query}", scope="read")
    assert (status, body) == (200, {"status": "stopped", "reason": reason})
    assert house.control.stops == [source]


def test_control_is_told(house: House) -> None:
    body = house.ask("GET", "/v1/control", scope="read")[1]
    assert (body["state"], body["mode"], body["remaining_s"]) == ("armed", "act", 872.4)
    assert house.ask("GET", "/v1/status")[1]["control"] == body


def test_a_stop_latches_where_there_is_no_input_agent(tmp_path: Path) -> None:
    house = House(tmp_path, has_input=False).open()
    Clearance(house.paths.clearance).grant("the operator")
    try:
        status, body, _ = house.ask("POST", "/v1/estop", scope="read")
        assert house.ask("GET", "/v1/status")[1]["control"] is None
    finally:
        house.close()
    assert (status, body["control"]) == (200, None)
    assert not house.paths.clearance.exists()


def test_the_door_holds_nothing_that_could_arm_or_reset(house: House) -> None:
    offered = {name for name in vars(BrakeFace) if not name.startswith("_")}
    assert offered == {"view", "stop", "disarm"}
    for path in ("/v1/arm", "/v1/reset", "/v1/control/arm", "/v1/control", "/v1/control/reset", "/control/restart"):
        for scope in SCOPES:
            assert house.ask("POST", path, {}, scope=scope)[0] in (403, 404, 405)
    assert house.control.view().state == "armed"
