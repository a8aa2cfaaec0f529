"""The logs that scripts of the earlier system read, and the readable record of a task."""

import asyncio
import gzip
import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import pytest
from core.clocks import FakeClock
from supervisor.yard import WAIT_S, in_loop

from aurora_desktop.core.events import Record
from aurora_desktop.core.paths import StatePaths
from aurora_desktop.core.settings.schema import LogSettings, Settings
from aurora_desktop.core.settings.schema_tasks import AgentKind, CliAgent, TaskSettings
from aurora_desktop.core.settings.values import ByteSize, Command, Environment
from aurora_desktop.core.storage.trouble import StorageEvent
from aurora_desktop.core.task_events import TaskFinished, TaskStateChanged, TaskStatus, TaskSubmitted
from aurora_desktop.tasks.folder import TaskFolder
from aurora_desktop.tasks.messages import Ended
from aurora_desktop.tasks.records import lines, text
from aurora_desktop.tasks.records.keeping import RecordKeeping
from aurora_desktop.tasks.records.logs import Queue, TaskRecords
from aurora_desktop.tasks.task import Task

AT = 1_750_000_000.0
PROMPT = "one two three four five six seven eight nine ten eleven"
DIGEST = hashlib.sha256(PROMPT.encode()).hexdigest()
SECRET = Environment({"TOKEN": "very-secret-value"})


def task(**fields: Any) -> Task:
    given = {"id": "task_0a", "number": 1, "agent": "claude", "prompt": PROMPT, "created_at": AT, **fields}
    given.setdefault("prompt_sha256", DIGEST)
    return Task(operator_user="ada", **given)


def over(**fields: Any) -> Task:
    return task(**{"status": "completed", "attempt": 1, "started_at": AT + 1, "finished_at": AT + 3.5, **fields})


def ended(**fields: Any) -> Ended:
    return Ended(task_id="task_0a", attempt=1, ending="completed", stdout_lines=7, stderr_lines=2, **fields)


class Texts(NamedTuple):
    prompt: str
    result: str


class Desk:
    """A state dir with its logs, and a queue of which a test says what is in it."""

    def __init__(self, root: Path, **settings: Any) -> None:
        self.paths = StatePaths(root)
        self.paths.make()
        self.told: list[StorageEvent] = []
        self.is_told = asyncio.Event()
        self.tasks: dict[str, Task] = {}
        self.results: dict[str, str] = {}
        agents = {"claude": CliAgent(kind="claude", env=SECRET), "codex": CliAgent(kind="codex")}
        of_tasks = TaskSettings(agents={**agents, "mine": CliAgent(kind="command", command=Command(("true",)))})
        queue = Queue(self.tasks.get, self._newest, self._texts, self._settled)
        self.records_of = TaskRecords(
            self.paths, LogSettings(**settings), FakeClock(), self._tell, queue, lambda: of_tasks
        )

    def _newest(self, most: int) -> list[Task]:
        return [one for one in self.tasks.values() if one.is_finished][:most]

    def _texts(self, task_id: str) -> Texts:
        return Texts(PROMPT, self.results.get(task_id, ""))

    async def _settled(self) -> None:
        await asyncio.sleep(0)

    def _tell(self, event: StorageEvent) -> None:
        self.told.append(event)
        self.is_told.set()

    def folder(self, of: str = "task_0a") -> TaskFolder:
        folder = TaskFolder(self.paths.tasks / of)
        folder.root.mkdir(exist_ok=True)
        return folder

    def records(self, name: str) -> list[dict[str, Any]]:
        path = self.paths.logs / name
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []

    def submitted(self, one: Task) -> None:
        self.tasks[one.id] = one
        event = TaskSubmitted(at=AT, component="agent:claude", task_id=one.id, agent=one.agent)
        self.records_of.read(Record(1, event))

    def changed(self, one: Task, previous: TaskStatus = "queued") -> None:
        self.tasks[one.id] = one
        event = TaskStateChanged(at=AT, component="agent:claude", task_id=one.id, previous=previous, status=one.status)
        self.records_of.read(Record(1, event))

    async def end(self, one: Task, end: Ended | None = None) -> None:
        """As the queue tells it: changed, then finished."""
        if end is not None:
            self.folder().ended(1).write_bytes(msgspec.json.encode(end))
        self.changed(one, "running")
        event = TaskFinished(at=AT, component="agent:claude", task_id=one.id, agent=one.agent, status=one.status)
        self.records_of.read(Record(2, event))
        await self.records_of.close()


def test_the_audit_has_the_fields_of_the_earlier_system() -> None:
    record = json.loads(lines.audit_line(over(), AT))
    assert list(record)[:7] == [
        "timestamp", "task_id", "agent", "prompt_sha256", "status", "duration_sec", "operator_user",
    ]  # fmt: skip
    assert record["timestamp"] == "2025-06-15T15:06:40.000Z"
    assert record["prompt_sha256"] == DIGEST
    assert (record["status"], record["duration_sec"], record["operator_user"]) == ("completed", 2.5, "ada")


def test_no_word_of_the_prompt_is_in_the_audit() -> None:
    assert b"seven" not in lines.audit_line(over(), AT)


def test_the_activity_has_the_fields_of_the_earlier_system() -> None:
    record = json.loads(lines.activity_line(over(exit_code=0), ended(), Path("/logs/x.log"), SECRET, AT))
    assert list(record)[:13] == [
        "timestamp", "task_id", "agent", "prompt_sha256", "status", "duration_sec", "exit_code", "operator_user",
        "output_path", "elevation_used", "input_summary", "stderr_lines", "stdout_lines",
    ]  # fmt: skip
    assert record["input_summary"] == "one two three four five six seven eight nine ten"
    assert (record["exit_code"], record["stdout_lines"], record["stderr_lines"]) == (0, 7, 2)
    assert (record["output_path"], record["elevation_used"]) == ("/logs/x.log", [])


def test_full_permissions_are_an_elevation() -> None:
    record = json.loads(lines.activity_line(over(permissions="full"), None, Path("x"), SECRET, AT))
    assert record["elevation_used"] == ["full"]


def test_a_timeout_has_the_exit_code_that_scripts_know() -> None:
    record = json.loads(lines.activity_line(over(status="timeout"), None, Path("x"), SECRET, AT))
    assert (record["status"], record["exit_code"]) == ("timeout", 124)


@pytest.mark.parametrize(("status", "told"), [("dead", "error"), ("uncertain", "error"), ("cancelled", "cancelled")])
def test_states_that_the_earlier_system_did_not_know_stand_beside(status: Any, told: str) -> None:
    record = json.loads(lines.audit_line(over(status=status), AT))
    assert (record["status"], record["state"]) == (told, status)


def test_a_secret_in_the_first_words_is_masked() -> None:
    assert lines.summary("use very-secret-value now", SECRET) == "use *** now"


def test_a_prompt_without_an_end_is_summarised_quickly() -> None:
    assert len(lines.summary("x" * 1_000_000, SECRET)) == lines.MOST_SUMMARY


@in_loop
async def test_records_and_output_are_kept_together(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    keeping = RecordKeeping(
        desk.paths,
        lambda: Settings(services={}),
        clock=FakeClock(),
        publish=desk.told.append,
        queue=Queue(desk.tasks.get, desk._newest, desk._texts, desk._settled),
    )
    keeping.configure(LogSettings())
    output = desk.folder().stdout(1)
    output.write_bytes(b"a line\n" * 10_000)
    recovering, rounds = (asyncio.ensure_future(work) for work in keeping.rounds())
    await recovering
    desk.tasks["task_0a"] = over()
    keeping.read(
        Record(1, TaskFinished(at=AT, component="agent:claude", task_id="task_0a", agent="claude", status="completed"))
    )
    await keeping.close()
    assert [one["status"] for one in desk.records("cli_agent_audit.log")] == ["completed"]
    await eventually(lambda: not output.exists())
    assert output.with_name(output.name + ".gz").exists()
    rounds.cancel()
    await asyncio.wait([rounds])


async def eventually(is_so: Callable[[], bool]) -> None:
    """What happens in another thread without a word to us."""
    async with asyncio.timeout(WAIT_S):
        while not is_so():  # noqa: ASYNC110 - a file on the disk sets no event
            await asyncio.sleep(0.005)


@in_loop
async def test_each_step_of_a_task_is_in_the_audit(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    desk.submitted(task(status="queued"))
    desk.changed(task(status="leased"))
    desk.changed(task(status="running"))
    await desk.end(over())
    records = desk.records("cli_agent_audit.log")
    assert [one["status"] for one in records] == ["queued", "running", "completed"]
    assert [one["duration_sec"] for one in records] == [None, None, 2.5]


@pytest.mark.parametrize(("kind", "name"), [("claude", "claude_activity.log"), ("codex", "codex_activity.log")])
@in_loop
async def test_each_kind_has_its_activity_log(tmp_path: Path, kind: AgentKind, name: str) -> None:
    desk = Desk(tmp_path)
    await desk.end(over(agent=kind), ended())
    assert len(desk.records("claude_activity.log")) + len(desk.records("codex_activity.log")) == 1
    assert desk.records(name)[0]["output_path"] == str(desk.paths.task_logs / "task_0a.log")


@in_loop
async def test_other_kinds_have_an_audit_alone(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    await desk.end(over(agent="mine"))
    assert len(desk.records("cli_agent_audit.log")) == 1
    assert desk.records("claude_activity.log") == []


@in_loop
async def test_a_torn_line_is_repaired_before_the_next(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    audit = desk.paths.logs / "cli_agent_audit.log"
    audit.write_bytes(b'{"timestamp": "20')
    await desk.end(over())
    assert [one["status"] for one in desk.records("cli_agent_audit.log")] == ["completed"]


@in_loop
async def test_a_full_log_is_archived_and_compressed(tmp_path: Path) -> None:
    desk = Desk(tmp_path, max_bytes=ByteSize(600), keep=3)
    for number in range(4):
        desk.changed(task(id=f"task_{number}", status="running"))
    await desk.records_of.close()
    archive = desk.paths.logs / "cli_agent_audit.log.1.gz"
    assert json.loads(gzip.decompress(archive.read_bytes()).splitlines()[0])["status"] == "running"


@in_loop
async def test_a_log_that_cannot_be_written_is_told_once_and_nothing_is_lost(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    audit = desk.paths.logs / "cli_agent_audit.log"
    audit.mkdir()
    desk.submitted(task(status="queued"))
    async with asyncio.timeout(WAIT_S):
        await desk.is_told.wait()
    assert desk.told[0].event_type() == "storage_failing"
    audit.rmdir()
    await desk.end(over())
    assert [one["status"] for one in desk.records("cli_agent_audit.log")] == ["queued", "completed"]
    await asyncio.sleep(0)
    assert [event.event_type() for event in desk.told] == ["storage_failing", "storage_recovered"]


@in_loop
async def test_what_was_not_recorded_when_aurora_died_is_recorded_at_the_next_start(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    for name in ("recorded", "forgotten", "removed"):
        desk.tasks[name] = over(id=name)
    desk.folder("recorded")
    desk.folder("forgotten")
    desk.records_of.text_path("recorded").touch()
    await desk.records_of.recover()
    await desk.records_of.close()
    assert [one["task_id"] for one in desk.records("cli_agent_audit.log")] == ["forgotten"]
    assert desk.records_of.text_path("forgotten").exists()


@in_loop
async def test_the_text_of_a_task_has_all_its_sections(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    folder = desk.folder()
    folder.stdout(1).write_text("printed\n")
    folder.stderr(1).write_text("complained")
    desk.results["task_0a"] = "the answer"
    await desk.end(over())
    path = desk.paths.task_logs / "task_0a.log"
    written = path.read_text()
    names = ["TASK ID", "AGENT", "STATUS", "CREATED", "STARTED", "FINISHED", "DURATION", "TIMEOUT", "OPERATOR"]
    assert [line.split(":")[0] for line in written.splitlines()[:9]] == names
    assert f"\nPROMPT\n------\n{PROMPT}\n\nSTDOUT\n------\nprinted\n\nSTDERR\n------\ncomplained\n" in written
    assert "\nRESULT\n------\nthe answer\n\nERROR\n-----\n" in written
    assert path.stat().st_mode & 0o777 == 0o600


def written(folder: Path, one: Task) -> str:
    text.write(folder / "t.log", one, TaskFolder(folder), SECRET)
    return (folder / "t.log").read_text()


def test_a_long_output_is_cut_and_says_so(tmp_path: Path) -> None:
    output = TaskFolder(tmp_path).stdout(1)
    output.write_bytes(b"first" + b"x" * 10_000_000 + b"last\n")
    shown = written(tmp_path, over())
    assert "STDOUT\n------\nfirst" in shown
    assert "last\n" in shown
    assert f"bytes left out; all of it: {output}(.gz)" in shown
    assert len(shown) < 300_000


def test_secrets_that_an_agent_printed_are_masked(tmp_path: Path) -> None:
    TaskFolder(tmp_path).stdout(1).write_text("TOKEN=very-secret-value")
    assert "TOKEN=***" in written(tmp_path, over())


def test_what_is_no_utf8_is_replaced(tmp_path: Path) -> None:
    TaskFolder(tmp_path).stdout(1).write_bytes(b"\xff\xfe ok")
    assert "\ufffd\ufffd ok" in written(tmp_path, over(prompt="\ud800"))


def test_of_input_actions_no_text_is_shown(tmp_path: Path) -> None:
    actions = ({"action": "type", "text": "hunter2", "secret": True},)
    shown = written(tmp_path, over(prompt="", actions=actions))
    assert "PROMPT\n------\ntype\n" in shown
    assert "hunter2" not in shown


def test_the_cause_of_a_task_without_an_error_is_its_error(tmp_path: Path) -> None:
    assert "ERROR\n-----\ncancelled by window\n" in written(
        tmp_path, over(status="cancelled", cause="cancelled by window")
    )
