"""Anything may stop, and nothing that comes in through the door can arm or reset."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from api.house import PATIENCE_S, House
from aurora_desktop.safety.clearance import Clearance
from aurora_desktop.safety.view import BrakeFace, ControlView, Decided

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
    assert offered == {"view", "stop", "disarm", "request"}
    for path in ("/v1/arm", "/v1/reset", "/v1/control/arm", "/v1/control", "/v1/control/reset", "/control/reset"):
        for scope in SCOPES:
            assert house.ask("POST", path, {}, scope=scope)[0] in (403, 404, 405)
    assert house.control.view().state == "armed"


def test_a_restart_of_the_earlier_system_resets_nothing(house: House) -> None:
    house.ask("POST", "/control/emergency-stop")
    assert house.ask("POST", "/control/restart", {})[:2] == (200, {"status": "restarted"})
    assert house.restart_reasons == ["asked by the API"]
    assert house.control.view().state == "latched"


# --- asking -------------------------------------------------------------------------------------------------------


def test_an_agent_asks_the_operator(house: House) -> None:
    house.control.now = ControlView(state="disarmed", reason="the operator has not armed control")
    house.control.decided = Decided(decision="declined", detail="the operator said no", hint="Go on without")
    asked = {"agent": "claude\n", "reason": "to fill\tin the form", "wait_s": 5}
    status, body, _ = house.ask("POST", "/v1/control/request", asked, scope="input")
    assert (status, body["decision"], body["hint"], body["control"]["state"]) == (
        200, "declined", "Go on without", "disarmed"
    )  # fmt: skip
    assert house.control.requests == [("claude", "to fill in the form", 5.0)]


@pytest.mark.parametrize(("code", "status"), [("closed", 403), ("latched", 403), ("busy", 409), ("too_soon", 429)])
def test_why_the_operator_is_not_asked(house: House, code: Any, status: int) -> None:
    house.control.decided = Decided(decision="refused", code=code, detail="so it is", hint="Do that")
    answer, body, _ = house.ask("POST", "/v1/control/request", {}, scope="input")
    assert (answer, body["code"], body["detail"], body["hint"]) == (status, code, "so it is", "Do that")


@pytest.mark.parametrize("scope", ["read", "operate"])
def test_who_may_not_act_may_not_ask(house: House, scope: str) -> None:
    assert house.ask("POST", "/v1/control/request", {}, scope=scope)[0] == 403
    assert house.control.requests == []


@pytest.mark.parametrize("body", [{"wait_s": 301}, {"wait_s": -1}, {"reason": "x" * 301}, {"mode": "act"}])
def test_a_wrong_request_is_told(house: House, body: dict[str, object]) -> None:
    assert house.ask("POST", "/v1/control/request", body, scope="input")[0] == 400


def test_a_question_that_aurora_withdraws_is_no_decision(house: House) -> None:
    house.control.decided = Decided(decision="withdrawn", detail="Aurora quits")
    assert house.ask("POST", "/v1/control/request", {}, scope="input")[0] == 503


def test_who_leaves_asks_no_longer(house: House) -> None:
    house.control.decided = None
    body = b"{}"
    with house.connect() as connection:
        lines = ("POST /v1/control/request HTTP/1.1", "Content-Type: application/json", f"Content-Length: {len(body)}")
        head = house.head(*lines).replace(house.token("operate").encode(), house.token("input").encode())
        connection.sendall(head + body)
        assert house.control.asked.wait(PATIENCE_S)
    assert house.control.withdrawn.wait(PATIENCE_S)


def test_a_question_ends_with_the_door(house: House) -> None:
    house.control.decided = None
    with ThreadPoolExecutor() as pool:
        asking = pool.submit(house.ask, "POST", "/v1/control/request", {}, scope="input")
        assert house.control.asked.wait(PATIENCE_S)
        house.run(house.api.stop)
        assert asking.result(PATIENCE_S)[0] == 503
