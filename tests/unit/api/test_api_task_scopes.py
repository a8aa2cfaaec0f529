"""Work for mouse and keyboard takes the token `input`, by whatever address it comes; all other work `operate`."""

from typing import Any

import pytest
from msgspec.structs import replace

from api.house import House
from api.workforce import a_task
from aurora_desktop.api.task_scopes import NEEDS_INPUT
from aurora_desktop.cli import submitting
from aurora_desktop.core.settings.schema import Settings
from aurora_desktop.core.settings.schema_tasks import CliAgent, Pipeline, Role, TaskSettings
from aurora_desktop.tasks.view import TaskDetail

CLICK = [{"action": "left_click", "at": {"x": 1, "y": 2}}]
HANDS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("/v1/tasks", {"agent": "input", "actions": CLICK}),
    ("/v1/tasks", {"agent": "input", "prompt": '[{"action": "left_click"}]'}),
    ("/v1/tasks", {"agent": "mouse", "actions": CLICK}),
    ("/v1/tasks", {"role": "clicker", "actions": CLICK}),
    ("/v1/tasks", {"pipeline": "show", "prompt": "x"}),
    ("/cli/command", {"agent": "input", "prompt": '[{"action": "left_click"}]'}),
    ("/agent/message", {"agent": "mouse", "prompt": '[{"action": "left_click"}]'}),
    ("/api/cluster/task/submit?agent_type=clicker&description=x", {}),
)
OTHERS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("/v1/tasks", {"agent": "claude", "prompt": "x"}),
    ("/v1/tasks", {"role": "coder", "prompt": "x"}),
    ("/v1/tasks", {"agent": "nobody", "prompt": "x"}),
    ("/v1/tasks", {"prompt": "x"}),
    ("/cli/command", {"prompt": "x"}),
    ("/agent/message", {"prompt": "x"}),
    ("/api/cluster/task/submit?agent_type=coder&description=x", {}),
)


@pytest.fixture
def desk(house: House) -> House:
    """With a role and a pipeline that end at an agent of the kind `input`."""
    house.settings = Settings(
        tasks=TaskSettings(
            agents={"mouse": CliAgent(kind="input")},
            roles={"clicker": Role(agent="mouse")},
            pipelines={"show": Pipeline(steps=["coder", "clicker"])},
        )
    )
    return house


@pytest.mark.parametrize(("path", "body"), HANDS)
def test_who_may_operate_cannot_type_by_way_of_a_task(desk: House, path: str, body: dict[str, Any]) -> None:
    status, told, _ = desk.ask("POST", path, body, scope="operate")
    assert (status, told["code"], told["hint"]) == (403, NEEDS_INPUT, "Use the token `input`")
    assert desk.tasks.requests == []


def test_who_may_act_may_do_so_by_way_of_a_task(desk: House) -> None:
    assert desk.ask("POST", "/v1/tasks", HANDS[0][1], scope="input")[0] == 202
    [request] = desk.tasks.requests
    assert request.agent == "input"


@pytest.mark.parametrize(("path", "body"), OTHERS)
def test_the_token_to_act_gives_no_other_work(desk: House, path: str, body: dict[str, Any]) -> None:
    status, told, _ = desk.ask("POST", path, body, scope="input")
    assert (status, told["hint"]) == (403, "Use the token `operate`")
    assert desk.tasks.requests == []


@pytest.mark.parametrize("command", ["retry", "resume"])
@pytest.mark.parametrize(("agent", "opens"), [("mouse", "input"), ("claude", "operate")])
def test_the_same_holds_for_doing_it_once_more(desk: House, command: str, agent: str, opens: str) -> None:
    desk.tasks.held["task_9"] = TaskDetail(view=replace(a_task(9, "uncertain"), agent=agent), prompt="x")
    statuses = {
        scope: desk.ask("POST", f"/v1/tasks/task_9/{command}", {}, scope=scope)[0]
        for scope in ("read", "operate", "input")
    }
    assert {scope for scope, status in statuses.items() if status != 403} == {opens}


@pytest.mark.parametrize("scope", ["operate", "input"])
def test_taking_back_is_open_to_both(desk: House, scope: str) -> None:
    assert desk.ask("POST", "/v1/tasks/task_1/cancel", {}, scope=scope)[0] == 200
    assert desk.ask("POST", "/v1/runs/run_9/cancel", {}, scope=scope)[0] == 404  # let in; there is none


def test_the_command_knows_the_word_of_the_door() -> None:
    assert submitting.NEEDS_INPUT == NEEDS_INPUT


@pytest.mark.parametrize(
    "path", ["/cli/command", "/agent/message", "/api/cluster/task/submit?agent_type=coder&description=x"]
)
def test_the_earlier_addresses_hand_on_the_idempotency_key(house: House, path: str) -> None:
    assert house.ask("POST", path, {"prompt": "x"}, Idempotency_Key="once")[0] in (200, 202)
    [request] = house.tasks.requests
    assert request.idempotency_key == "once"
    assert house.ask("POST", path, {"prompt": "x"}, Idempotency_Key="é")[0] == 400
    assert len(house.tasks.requests) == 1
