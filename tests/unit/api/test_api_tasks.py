"""Tasks through the door: it may be asked much, may deny and cancel, and there is no way in it to allow anything."""

import json
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from api import workforce
from api.house import PATIENCE_S, House
from api.workforce import QUESTION, SAID, a_worker, an_agent
from aurora_desktop.api.scopes import MAX_TASK_BYTES
from aurora_desktop.core.settings.schema import Settings
from aurora_desktop.core.settings.schema_tasks import CliAgent, TaskSettings
from aurora_desktop.tasks.task import MOST_PROMPT_BYTES, Expectation
from aurora_desktop.tasks.view import Entry, PipelineRun

LOOKS = (
    "/v1/tasks",
    "/v1/tasks/task_1",
    "/v1/tasks/task_2/transcript",
    "/v1/agents",
    "/v1/workers",
    "/v1/approvals",
    "/v1/runs",
)
ACTS = (
    "/v1/tasks/task_1/cancel",
    "/v1/tasks/task_1/retry",
    "/v1/tasks/task_1/resume",
    "/v1/agents/check",
    "/v1/workers/heal",
    "/v1/approvals/ask_1/deny",
    "/v1/approvals/ask_1/show",
)
TASK = {"agent": "claude", "prompt": "tidy up"}


def submit(house: House, body: Any, **given: Any) -> tuple[int, Any]:
    return house.ask("POST", "/v1/tasks", body, **given)[:2]


def get(house: House, path: str, **given: Any) -> tuple[int, Any]:
    return house.ask("GET", path, **({"scope": "read"} | given))[:2]


# --- who may ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", LOOKS)
def test_looking_takes_the_token_to_read(house: House, path: str) -> None:
    assert [get(house, path, scope=scope)[0] for scope in ("read", "operate", "input", None)] == [200, 200, 403, 401]


@pytest.mark.parametrize("path", ["/v1/tasks", *ACTS])
@pytest.mark.parametrize("scope", ["read", "input"])
def test_acting_takes_the_token_to_operate(house: House, path: str, scope: str) -> None:
    may = scope == "input" and path.endswith("/cancel")  # stopping is open
    assert house.ask("POST", path, TASK if path == "/v1/tasks" else {}, scope=scope)[0] == (200 if may else 403)
    assert house.tasks.requests == []
    assert len(house.tasks.calls) == may


@pytest.mark.parametrize("header", [{"Host": "evil.example"}, {"Origin": "https://evil.example"}])
def test_web_pages_cannot_give_work(house: House, header: dict[str, str]) -> None:
    assert house.ask("POST", "/v1/tasks", TASK, **header)[0] == 403
    assert house.tasks.requests == []


@pytest.mark.parametrize("path", LOOKS)
def test_without_tasks_it_is_said(tmp_path: Path, path: str) -> None:
    house = House(tmp_path, has_tasks=False).open()
    try:
        status, body = get(house, path)
        assert house.ask("GET", "/v1/status")[1]["tasks"] is None
        assert house.ask("POST", "/v1/quit")[1] == {"done": "Aurora is stopping", "at_work": []}
    finally:
        house.close()
    assert (status, body["title"]) == (503, "Agents at work are not running")


# --- submit -------------------------------------------------------------------------------------------------------


def test_a_task_is_taken(house: House) -> None:
    body = {
        **TASK, "cwd": "/tmp", "timeout_s": 60, "priority": 5, "retry": "safe", "max_usd": 1.5, "env": ["LANG"],
        "expect": {"files": ["a.txt"], "pattern": "done"}, "idempotency_key": "k", "operator_user": "ada",
    }  # fmt: skip
    status, task = submit(house, body)
    assert (status, task["id"], task["status"], task["summary"]) == (202, "task_4", "queued", "tidy up")
    (request,) = house.tasks.requests
    assert (request.agent, request.env, request.retry, request.source) == ("claude", ("LANG",), "safe", "api")
    assert request.expect == Expectation(files=("a.txt",), pattern="done")


def test_the_command_says_that_it_is_the_command(house: House) -> None:
    assert submit(house, {**TASK, "source": "command"})[0] == 202
    assert house.tasks.requests[0].source == "command"


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"agnet": "claude"}, "agnet"),
        ({"source": "window"}, "window"),
        ({"retry": "always"}, "always"),
        ({"prompt": 1}, "prompt"),
        ({"timeout_s": "x"}, "timeout_s"),
        ({"permissions": "all"}, "all"),
    ],
)
def test_what_makes_no_sense_is_told(house: House, wrong: dict[str, Any], told: str) -> None:
    status, body = submit(house, {**TASK, **wrong})
    assert status == 400
    assert told in body["detail"]
    assert house.tasks.requests == []


def test_an_unknown_agent_is_told_with_the_near_one(house: House) -> None:
    status, body = submit(house, {**TASK, "agent": "cluade"})
    assert (status, body["title"], body["hint"]) == (400, "There is no agent `cluade`", "Did you mean `claude`?")


def test_a_prompt_of_a_megabyte_is_taken(house: House) -> None:
    assert submit(house, {**TASK, "prompt": "\x01" * MOST_PROMPT_BYTES})[0] == 202
    assert len(house.tasks.requests[0].prompt) == MOST_PROMPT_BYTES


def test_one_byte_more_is_refused_with_a_sentence(house: House) -> None:
    status, body = submit(house, {**TASK, "prompt": "x" * (MOST_PROMPT_BYTES + 1)})
    assert (status, body["title"], body["detail"]) == (
        400,
        "The prompt is too long",
        "1,000,001 bytes, over the limit of 1,000,000",
    )


def test_a_body_without_bounds_is_refused(house: House) -> None:
    assert submit(house, b" " * (MAX_TASK_BYTES + 1))[0] == 413


@pytest.mark.parametrize("prompt", ["a\0b", "", " \n"])
def test_a_prompt_that_cannot_be_is_refused(house: House, prompt: str) -> None:
    assert submit(house, {**TASK, "prompt": prompt})[0] == 400
    assert house.tasks.requests == []


def test_more_permissions_than_the_settings_give_are_refused(house: House) -> None:
    """The door never speaks in the window's name, which alone may give more."""
    status, body = submit(house, {**TASK, "permissions": "full"})
    assert (status, body["title"]) == (400, "A task cannot give itself more permissions")
    assert submit(house, {**TASK, "permissions": "full", "source": "window"})[0] == 400
    assert house.tasks.requests == []


def test_a_prompt_of_shell_metacharacters_stays_as_it_is(house: House) -> None:
    prompt = "$(rm -rf /); `id` && echo 'x' | \"y\" > z \\ 漢 😀"
    assert submit(house, {**TASK, "prompt": prompt})[0] == 202
    assert house.tasks.requests[0].prompt == prompt


# --- look ---------------------------------------------------------------------------------------------------------


def test_tasks_are_listed_the_newest_first(house: House) -> None:
    assert [task["id"] for task in get(house, "/v1/tasks")[1]] == ["task_3", "task_2", "task_1"]
    assert [task["id"] for task in get(house, "/v1/tasks?limit=1")[1]] == ["task_3"]
    found = get(house, "/v1/tasks?status=queued,completed&agent=claude")[1]
    assert [task["id"] for task in found] == ["task_3", "task_1"]
    assert get(house, "/v1/tasks?agent=codex") == (200, [])


@pytest.mark.parametrize(
    ("query", "status", "hint"),
    [
        ("status=runing", 400, "Did you mean `running`?"),
        ("agent=cluade", 404, "Did you mean `claude`?"),
        ("agent=zzz", 404, "See `aurora agents list`"),
        ("limit=0", 400, ""),
        ("limit=1001", 400, ""),
        ("state=queued", 400, "Known here: status, agent, limit, cursor"),
    ],
)
def test_a_wrong_question_is_told(house: House, query: str, status: int, hint: str) -> None:
    answered, body = get(house, f"/v1/tasks?{query}")
    assert (answered, body["hint"]) == (status, hint)


def test_one_task_is_told_whole(house: House) -> None:
    status, body = get(house, "/v1/tasks/task_3")
    assert (status, body["prompt"], body["result"], body["view"]["status"]) == (200, "count", "42 files", "completed")


@pytest.mark.parametrize("path", ["", "/transcript", "/log"])
def test_an_unknown_task_is_not_found(house: House, path: str) -> None:
    assert get(house, f"/v1/tasks/task_9{path}")[0] == 404


def test_another_status_is_waited_for(house: House) -> None:
    with ThreadPoolExecutor() as pool:
        answer = pool.submit(get, house, "/v1/tasks/task_1?wait_s=60&while=queued")
        assert house.tasks.asked.wait(PATIENCE_S)
        house.publish()
        house.call(lambda: house.tasks.change("task_2", "running"))
        house.call(lambda: house.tasks.change("task_1", "completed", result="done"))
        status, body = answer.result()
    assert (status, body["view"]["status"], body["result"]) == (200, "completed", "done")


@pytest.mark.parametrize("query", ["wait_s=60&while=running", "wait_s=60"])
def test_what_is_over_already_is_not_waited_for(house: House, query: str) -> None:
    assert get(house, f"/v1/tasks/task_3?{query}")[1]["view"]["status"] == "completed"


def test_a_wait_that_is_over_first_tells_how_it_is(house: House) -> None:
    assert get(house, "/v1/tasks/task_1?wait_s=0.01")[1]["view"]["status"] == "queued"


def test_a_door_that_closes_ends_the_wait(house: House) -> None:
    with ThreadPoolExecutor() as pool:
        answer = pool.submit(get, house, "/v1/tasks/task_1?wait_s=60")
        assert house.tasks.asked.wait(PATIENCE_S)
        house.close()
        assert answer.result()[0] == 200


def test_a_transcript_is_read_on_where_it_ended(house: House) -> None:
    body = get(house, "/v1/tasks/task_2/transcript?limit=2")[1]
    assert ([entry["text"] for entry in body["entries"]], body["next_offset"]) == (["I will look.", "ls"], 2)
    rest = get(house, "/v1/tasks/task_2/transcript?offset=2")[1]
    assert rest["entries"] == [
        {"at": SAID[2].at, "kind": "tool_result", "text": "a.txt", "tool": "Bash", "failed": True}
    ]


def test_more_of_a_transcript_is_waited_for(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("aurora_desktop.api.tasks_door.FOLLOW_INTERVAL_S", 0.01)
    with ThreadPoolExecutor() as pool:
        answer = pool.submit(get, house, "/v1/tasks/task_2/transcript?offset=3&wait_s=60")
        assert house.tasks.asked.wait(PATIENCE_S)
        more = Entry(at=workforce.AT, kind="message", text="Done.")
        house.call(lambda: house.tasks.said.update(task_2=(*SAID, more)))
        body = answer.result()[1]
    assert [entry["text"] for entry in body["entries"]] == ["Done."]


def test_a_transcript_without_more_tells_that(house: House) -> None:
    body = get(house, "/v1/tasks/task_2/transcript?offset=3&wait_s=0.01")[1]
    assert body == {"entries": [], "next_offset": 3, "is_over": False}


def test_the_record_is_read(house: House, tmp_path: Path) -> None:
    record = tmp_path / "task_3.log"
    record.write_text("TASK ID: task_3\n")
    house.tasks.held["task_3"] = replace(house.tasks.held["task_3"], log_path=str(record))
    assert get(house, "/v1/tasks/task_3/log")[1] == {"name": "task_3", "text": "TASK ID: task_3\n", "offset": 16}
    assert get(house, "/v1/tasks/task_3/log?offset=9")[1]["text"] == "task_3\n"


@pytest.mark.parametrize("path", ["", "/nowhere/task_2.log"])
def test_before_the_end_and_once_it_is_removed_there_is_no_record(house: House, path: str) -> None:
    house.tasks.held["task_2"] = replace(house.tasks.held["task_2"], log_path=path)
    status, body = get(house, "/v1/tasks/task_2/log")
    assert (status, body["title"]) == (404, "There is no record of `task_2`")
    assert "aurora task logs task_2 -f" in body["hint"]


@pytest.mark.parametrize("place", ["env", "env_file"])
def test_what_the_settings_put_into_the_environment_is_shown_nowhere(house: House, tmp_path: Path, place: str) -> None:
    (tmp_path / "secrets.env").write_text("KEY=hunter22\n")
    given: dict[str, Any] = {"env": {"KEY": "hunter22"}, "env_file": str(tmp_path / "secrets.env")}
    record = tmp_path / "task_3.log"
    record.write_text("STDOUT\nhunter22\n")
    house.settings = Settings(tasks=TaskSettings(agents={"claude": CliAgent(kind="claude", **{place: given[place]})}))
    said = (Entry(at=workforce.AT, kind="tool_result", text="hunter22", detail="KEY=hunter22"),)
    house.tasks.said["task_3"] = said
    detail = replace(house.tasks.held["task_3"], result="hunter22", error="hunter22", log_path=str(record))
    house.tasks.held["task_3"] = detail
    house.tasks.questions = [replace(QUESTION, summary="echo hunter22", detail="hunter22", reason="hunter22")]
    for path in ("tasks/task_3", "tasks/task_3/transcript", "tasks/task_3/log", "approvals"):
        told = json.dumps(get(house, f"/v1/{path}")[1])
        assert "***" in told
        assert "hunter22" not in told


# --- act ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("what", "status"), [("cancel", "cancelled"), ("retry", "queued"), ("resume", "queued")])
def test_a_task_is_commanded(house: House, what: str, status: str) -> None:
    answered, body, _ = house.ask("POST", f"/v1/tasks/task_2/{what}", {"by": "command"})
    assert (answered, body["id"], body["status"]) == (200, "task_2", status)
    assert house.ask("POST", f"/v1/tasks/task_2/{what}")[0] == 200
    assert house.tasks.calls == [(what, "task_2", "command"), (what, "task_2", "api")]
    assert house.ask("POST", f"/v1/tasks/task_9/{what}")[0] == 404


def test_nobody_but_the_operator_lets_a_frozen_agent_go_on(house: House) -> None:
    detail = house.tasks.held["task_2"]
    house.tasks.held["task_2"] = replace(detail, view=replace(detail.view, frozen=True, can_resume=True))
    status, body, _ = house.ask("POST", "/v1/tasks/task_2/resume")
    assert (status, body["title"]) == (403, "A frozen agent goes on by the operator's word alone")
    assert house.ask("POST", "/v1/tasks/task_2/cancel")[0] == 200
    assert (house.tasks.calls, house.tasks.operators) == ([("cancel", "task_2", "api")], [])


def test_agents_are_told_and_asked(house: House) -> None:
    assert [agent["name"] for agent in get(house, "/v1/agents")[1]] == ["claude", "codex"]
    assert [agent["name"] for agent in house.ask("POST", "/v1/agents/check")[1]] == ["claude", "codex"]
    assert [agent["name"] for agent in house.ask("POST", "/v1/agents/check", {"names": ["codex"]})[1]] == ["codex"]
    assert house.tasks.calls == [("check",), ("check", "codex")]


@pytest.mark.parametrize(
    ("path", "name", "title", "hint"),
    [
        ("/v1/agents/check", "cdex", "There is no agent `cdex`", "Did you mean `codex`?"),
        ("/v1/workers/heal", "claude1", "There is no worker `claude1`", "Did you mean `claude-1`?"),
    ],
)
def test_a_misspelt_name_is_put_right(house: House, path: str, name: str, title: str, hint: str) -> None:
    status, body, _ = house.ask("POST", path, {"names": [name]})
    assert (status, body["title"], body["hint"]) == (404, title, hint)
    assert house.tasks.calls == []


def test_workers_are_told_and_healed(house: House) -> None:
    assert [worker["status"] for worker in get(house, "/v1/workers")[1]] == ["busy", "idle"]
    assert house.ask("POST", "/v1/workers/heal")[1] == {"workers": [], "message": "all are well"}
    assert house.ask("POST", "/v1/workers/heal", {"names": ["claude-1"]})[1]["workers"] == ["claude-1"]
    assert house.tasks.calls == [("heal", "api"), ("heal", "claude-1", "api")]


@pytest.mark.parametrize("path", ["/v1/agents/check", "/v1/workers/heal"])
def test_what_does_not_come_to_its_end_is_given_up(house: House, monkeypatch: pytest.MonkeyPatch, path: str) -> None:
    for name in ("MAX_CHECK_S", "MAX_HEAL_S"):
        monkeypatch.setattr(f"aurora_desktop.api.tasks_door.{name}", 0.01)
    house.tasks.stuck = True
    assert house.ask("POST", path)[0] == 503


def test_a_run_is_told_and_its_end_waited_for(house: House) -> None:
    running = PipelineRun(id="run_1", pipeline="review", status="running", round=1, max_rounds=3, task_ids=("task_1",))
    house.tasks.pipeline_runs = [running]
    assert [run["id"] for run in get(house, "/v1/runs")[1]] == ["run_1"]
    assert get(house, "/v1/runs/run_1?wait_s=0.01")[1]["status"] == "running"
    house.tasks.asked.clear()
    with ThreadPoolExecutor() as pool:
        answer = pool.submit(get, house, "/v1/runs/run_1?wait_s=60")
        assert house.tasks.asked.wait(PATIENCE_S)
        house.tasks.pipeline_runs = [replace(running, status="completed")]
        house.call(lambda: house.tasks.change("task_1", "completed"))
        assert answer.result()[1]["status"] == "completed"
    assert get(house, "/v1/runs/run_2")[0] == 404


def test_a_run_is_cancelled(house: House) -> None:
    running = PipelineRun(id="run_1", pipeline="review", status="running", round=1, max_rounds=3, task_ids=("task_1",))
    house.tasks.pipeline_runs = [running]
    status, run = house.ask("POST", "/v1/runs/run_1/cancel")[:2]
    assert (status, run["status"], house.tasks.calls) == (200, "cancelled", [("cancel_run", "run_1", "api")])


# --- the operator's word ------------------------------------------------------------------------------------------


def test_a_question_is_told_and_denied(house: House) -> None:
    assert get(house, "/v1/approvals")[1][0]["summary"] == "rm -rf build"
    body = {"message": "not that folder", "by": "command"}
    assert house.ask("POST", "/v1/approvals/ask_1/deny", body)[1] == {"done": "ask_1 is denied"}
    assert house.tasks.calls == [("deny", "ask_1", "command", "not that folder")]
    assert house.ask("POST", "/v1/approvals/ask_2/deny")[0] == 404
    assert house.ask("POST", "/v1/approvals/ask_1/deny", {"message": "x" * 2001})[0] == 400


@pytest.mark.parametrize("has_screen", [True, False])
def test_a_question_is_brought_to_the_screen(house: House, has_screen: bool) -> None:
    house.tasks.has_screen = has_screen
    assert house.ask("POST", "/v1/approvals/ask_1/show")[1] == {"shown": has_screen}
    assert house.ask("POST", "/v1/approvals/ask_2/show")[0] == 404


def test_no_address_allows_or_thaws(house: House) -> None:
    """Every address of the door, with every word that could mean a yes in its body."""
    words = ("allow", "approve", "thaw", "grant", "answer", "once", "accept", "unfreeze")
    paths = {route.path for route in house.routes()}
    assert "/v1/approvals/{approval_id}/deny" in paths
    assert not [path for path in paths if any(word in path for word in words)]
    asked = [path.format_map(defaultdict(lambda: "ask_1", name="web")) for path in paths if "quit" not in path]
    for path in sorted(asked):
        for body in ({}, {"decision": "once"}, {"decision": "task"}, {"by": "window"}, {"allow": True}):
            for method in ("POST", "PUT", "PATCH", "DELETE"):
                house.ask(method, path, body)
    for word in words:
        assert house.ask("POST", f"/v1/approvals/ask_1/{word}")[0] == 404
    assert house.tasks.operators == []
    assert {call[0] for call in house.tasks.calls} <= {"cancel_run", "deny", "show", "check", "heal"}


# --- the whole ----------------------------------------------------------------------------------------------------


def test_the_status_counts_what_is_to_be_done(house: House) -> None:
    body = get(house, "/v1/status")[1]
    assert body["tasks"] == {"at_work": 1, "queued": 1, "uncertain": 0, "approvals": 1}
    assert body["on_quit"] == "stop"


def test_a_quit_tells_whose_agents_work(house: House) -> None:
    assert house.ask("POST", "/v1/quit")[1] == {"done": "Aurora is stopping", "at_work": ["task_2"]}


def test_scripts_of_the_earlier_system_see_agents_and_workers(house: House) -> None:
    components = get(house, "/health/status")[1]["components"]
    assert (components["cli_agent"], components["coordinator"]) == ({"status": "healthy"}, {"status": "healthy"})
    house.tasks.programs = [an_agent("claude", available=False, detail="not found", queued=1)]
    house.tasks.crew = [a_worker("claude-1", healthy=False), a_worker("claude-2")]
    components = get(house, "/health/status")[1]["components"]
    assert components["cli_agent"] == {"status": "error", "error": "claude: not found"}
    assert components["coordinator"] == {"status": "error", "error": "not well: claude-1"}


def test_an_agent_that_nobody_needs_may_be_missing(house: House) -> None:
    house.tasks.programs = [an_agent("codex", available=False, detail="not found")]
    assert get(house, "/health/status")[1]["components"]["cli_agent"] == {"status": "healthy"}
