"""Long lists in parts."""

import http.client
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from msgspec.structs import replace

from api.house import House, view
from api.workforce import a_task
from aurora_desktop.tasks.task import Usage
from aurora_desktop.tasks.view import PipelineRun, TaskDetail


def _all(house: House, path: str, key: str) -> tuple[list[object], int]:
    """The keys of all that is listed, and in how many parts it came."""
    found: list[object] = []
    parts = 0
    while path:
        status, body, headers = house.ask("GET", path)
        assert status == 200
        found += [row[key] for row in body]
        parts += 1
        link = headers["Link"]
        path = link.partition("<")[2].partition(">")[0] if link else ""
    return found, parts


def test_services_come_in_parts(tmp_path: Path) -> None:
    names = [f"service-{number}" for number in range(25)]
    house = House(tmp_path, *map(view, names)).open()
    try:
        assert _all(house, "/v1/services?limit=10", "name") == (names, 3)
        assert _all(house, "/v1/services", "name") == (names, 1)
    finally:
        house.close()


def test_tasks_come_in_parts_the_newest_first(house: House) -> None:
    for number in range(4, 12):
        house.tasks.held[f"task_{number}"] = TaskDetail(view=replace(a_task(number), usage=Usage()), prompt="x")
    found, parts = _all(house, "/v1/tasks?limit=4", "number")
    assert found == list(range(11, 0, -1))
    assert parts == 3


def test_the_question_goes_with_the_link(house: House) -> None:
    link = house.ask("GET", "/v1/tasks?limit=1&agent=claude&status=queued,completed")[2]["Link"]
    query = parse_qs(urlsplit(link.partition("<")[2].partition(">")[0]).query)
    assert query == {"limit": ["1"], "agent": ["claude"], "status": ["queued,completed"], "cursor": ["3"]}
    assert link.endswith('; rel="next"')


def test_runs_come_in_parts(house: House) -> None:
    run = PipelineRun(id="", pipeline="review", status="running", round=1, max_rounds=3, task_ids=())
    house.tasks.pipeline_runs = [replace(run, id=f"run_{number}") for number in range(5)]
    assert _all(house, "/v1/runs?limit=2", "id")[0] == [f"run_{number}" for number in range(5)]


def test_failures_lead_on(house: House) -> None:
    house.healing.answer = replace(house.healing.answer, next_cursor="2:1767225600.5:7")
    body, headers = house.ask("GET", "/v1/failures?q=port&limit=2")[1:]
    assert body["next_cursor"] == "2:1767225600.5:7"
    assert house.ask("GET", headers["Link"].partition("<")[2].partition(">")[0])[0] == 200
    assert house.healing.searches == [("port", 2)] * 2
    assert house.healing.places == [None, (2, 1767225600.5, 7)]


def test_the_last_failures_have_no_link(house: House) -> None:
    assert house.ask("GET", "/v1/failures")[2]["Link"] is None


def test_the_end_has_no_link(house: House) -> None:
    assert house.ask("GET", "/v1/services?limit=2")[2]["Link"] is None
    assert house.ask("GET", "/v1/services?limit=1&cursor=db")[1:] is not None
    assert house.ask("GET", "/v1/services?limit=1&cursor=db")[1] == []


@pytest.mark.parametrize(
    "path",
    [
        "/v1/services?cursor=gone",
        "/v1/services?limit=0",
        "/v1/tasks?cursor=x",
        "/v1/tasks?cursor=-1",
        "/v1/failures?cursor=x",
        "/v1/failures?cursor=1:2",
    ],
)
def test_a_cursor_that_leads_nowhere_is_told(house: House, path: str) -> None:
    status, body, _ = house.ask("GET", path)
    assert status == 400
    assert body["title"] in ("The cursor leads nowhere", "The query is not right")


@pytest.mark.parametrize("path", ["/v1/tasks?limit=2", "/v1/agents", "/v1/approvals", "/v1/runs", "/v1/remedies"])
def test_what_is_known_is_not_sent_again(house: House, path: str) -> None:
    known = house.ask("GET", path)[2]["ETag"]
    connection = http.client.HTTPConnection("127.0.0.1", house.port, timeout=20)
    try:
        headers = {"Authorization": f"Bearer {house.token('read')}", "If-None-Match": known}
        connection.request("GET", path, headers=headers)
        response = connection.getresponse()
        assert (response.status, response.read(), response.headers["ETag"]) == (304, b"", known)
    finally:
        connection.close()


def test_what_has_changed_is_sent(house: House) -> None:
    known = house.ask("GET", "/v1/tasks")[2]["ETag"]
    house.call(lambda: house.tasks.change("task_1", "running"))
    status, _, headers = house.ask("GET", "/v1/tasks", If_None_Match=known)
    assert status == 200
    assert headers["ETag"] != known
