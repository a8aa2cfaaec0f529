"""A real worker does real tasks of the kind `command`."""

import os
import stat
import sys
from pathlib import Path

import pytest

from aurora_desktop.tasks.folder import TaskFolder
from aurora_desktop.tasks.messages import Doing, Ended
from aurora_desktop.tasks.task import Expectation, Usage
from tests.e2e.work.stage import Stage


@pytest.fixture(autouse=True)
def _worker(stage: Stage) -> None:
    stage.hire()
    stage.main.accept()


def test_a_task_is_done_and_its_end_told(stage: Stage) -> None:
    run = stage.shell('echo "you said: $1"; echo careful >&2', prompt="do; it $(now) `x` \\ '\" &")

    ended = stage.do(run)

    said = "you said: do; it $(now) `x` \\ '\" &"
    assert (ended.ending, ended.result, ended.error) == ("completed", said, "")
    assert (ended.began, ended.exit_code, ended.stdout_lines, ended.stderr_lines) == (True, 0, 1, 1)
    folder = TaskFolder(Path(run.folder))
    assert folder.stdout(1).read_text() == f"{said}\n"
    assert folder.stderr(1).read_bytes() == b"careful\n"
    printed = {(entry.kind, entry.text) for entry in stage.transcript(run)}  # two pipes: either may be read first
    assert printed == {("message", said), ("note", "careful")}


def test_the_tasks_folder_is_for_this_user_alone(stage: Stage) -> None:
    run = stage.shell("echo done", prompt_way="file")

    stage.do(run)

    folder = Path(run.folder)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {entry.name: stat.S_IMODE(entry.stat().st_mode) for entry in folder.iterdir()} == dict.fromkeys(
        [
            "attempt-1.began",
            "attempt-1.ended",
            "attempt-1.err",
            "attempt-1.out",
            "prompt.txt",
            "transcript.jsonl",
        ],
        0o600,
    )


@pytest.mark.parametrize(("script", "way"), [("cat", "stdin"), ('cat "$1"', "file"), ('printf "%s" "$1"', "argument")])
def test_a_prompt_reaches_the_agent_as_it_is(stage: Stage, script: str, way: str) -> None:
    prompt = "ünï €\n" + "x" * 100_000

    ended = stage.do(stage.shell(script, prompt=prompt, prompt_way=way))

    assert ended.result == prompt[-100_000:]


def test_a_prompt_of_a_megabyte_goes_through_standard_input(stage: Stage) -> None:
    ended = stage.do(stage.shell("wc -c", prompt="x" * 1_000_000, prompt_way="stdin"))

    assert ended.result == "1000000"


def test_an_agent_that_reads_no_prompt_is_no_trouble(stage: Stage) -> None:
    ended = stage.do(stage.shell("echo done", prompt="x" * 1_000_000, prompt_way="stdin"))

    assert (ended.ending, ended.result) == ("completed", "done")


def test_places_in_the_command_are_filled_in(stage: Stage) -> None:
    ended = stage.do(stage.run("echo", "-n", "<{prompt}>", prompt="a b"))

    assert ended.result == "<a b>"


def test_standard_input_is_empty_unless_it_holds_the_prompt(stage: Stage) -> None:
    ended = stage.do(stage.shell("wc -c"))

    assert ended.result == "0"


def test_output_that_is_no_utf8_is_kept_and_shown_with_replacements(stage: Stage) -> None:
    run = stage.shell(r"printf 'a\377b\000c\n'")

    ended = stage.do(run)

    assert ended.result == "a�b\0c"
    assert TaskFolder(Path(run.folder)).stdout(1).read_bytes() == b"a\xffb\0c\n"
    assert stage.transcript(run)[0].text == "a�b\0c"


def test_an_exit_code_is_an_error_with_the_last_words(stage: Stage) -> None:
    ended = stage.do(stage.shell("echo half; echo 'no such key' >&2; exit 3"))

    assert (ended.ending, ended.exit_code, ended.result) == ("error", 3, "half")
    assert ended.error == "exited with code 3: no such key"


def test_an_agent_that_is_killed_has_crashed(stage: Stage) -> None:
    ended = stage.do(stage.shell("kill -9 $$"))

    assert (ended.ending, ended.error, ended.exit_code) == ("crashed", "killed by SIGKILL", None)


@pytest.mark.parametrize(
    ("script", "error"),
    [
        ("true", "its result is empty"),
        ("echo 'API Error: 529 overloaded'", "its result is only an error: API Error: 529 overloaded"),
    ],
)
def test_a_result_that_can_be_none_is_an_error(stage: Stage, script: str, error: str) -> None:
    ended = stage.do(stage.shell(script))

    assert (ended.ending, ended.error) == ("error", error)


def test_expected_files_must_be_there_and_new(stage: Stage) -> None:
    old, new = stage.cwd / "old.txt", stage.cwd / "new.txt"
    old.write_text("x")
    os.utime(old, (1, 1))
    script = f"echo made; touch {new}"

    endings = [
        stage.do(stage.shell(script, expect=Expectation(files=files)))
        for files in (("new.txt",), ("new.txt", "old.txt"), ("none.txt",))
    ]

    assert [(ended.ending, ended.error) for ended in endings] == [
        ("completed", ""),
        ("error", "the expected file old.txt is older than the task"),
        ("error", "the expected file none.txt is not there"),
    ]


def test_events_are_understood(stage: Stage) -> None:
    lines = [
        '{"type": "progress", "text": "hm"}',
        '{"type": "tool", "name": "Bash", "summary": "ls"}',
        '{"type": "tool_result", "output": "a b"}',
        '{"type": "usage", "cost_usd": 0.5, "input_tokens": 7, "output_tokens": 3}',
        '{"type": "weather", "sunny": true}',
        "nonsense",
        '{"type": "result", "text": "all done"}',
    ]
    (stage.cwd / "events").write_text("\n".join(lines) + "\n")
    run = stage.shell("cat events; sleep 600", has_events=True, grace_s=0.2)

    stage.main.say(run)
    doing = stage.main.hear(Doing, lambda message: message.usage.input_tokens > 0)
    ended = stage.end_of(run)

    assert doing.activity.kind == "finishing"
    assert (ended.ending, ended.result, ended.facts["odd_lines"]) == ("completed", "all done", 2)
    assert ended.usage == Usage(cost_usd=0.5, input_tokens=7, output_tokens=3)
    kinds = [entry.kind for entry in stage.transcript(run)]
    assert kinds == ["thinking", "tool", "tool_result", "note", "note"]


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"cwd": "/nowhere"}, "its folder does not exist: /nowhere. Correct `cwd` in the settings or make the folder"),
        ({"program": ("no-such-program",)}, "command not found: no-such-program"),
        ({"program": ("/etc/passwd",)}, "not executable: /etc/passwd. Make it executable: chmod +x /etc/passwd"),
        ({"prompt": "a\0b"}, "the prompt holds a NUL character"),
        ({"prompt": "x" * 131_072}, "the prompt is too long for an argument"),
        ({"kind": "input"}, "an agent of the kind `input` is not for a worker"),
    ],
)
def test_what_cannot_begin_is_refused_and_may_be_tried_again(
    stage: Stage, changes: dict[str, object], error: str
) -> None:
    run = stage.run(*changes.pop("program", ("echo",)), **changes)  # type: ignore[misc] # they are words

    ended = stage.do(run)

    assert (ended.ending, ended.began) == ("refused", False)
    assert ended.error.startswith(error)
    assert not TaskFolder(Path(run.folder)).began(1).exists()


def test_an_attempt_is_never_begun_twice(stage: Stage) -> None:
    run = stage.shell("echo once; echo x >>ran")
    stage.do(run)

    again = stage.do(run)

    assert (again.ending, again.began) == ("refused", True)
    assert (stage.cwd / "ran").read_text() == "x\n"


def test_a_busy_worker_takes_no_second_task(stage: Stage) -> None:
    first, second = stage.shell("read line <fifo; echo $line"), stage.shell("echo never")
    os.mkfifo(stage.cwd / "fifo")
    stage.begin(first)

    not_begun = stage.do(second)
    (stage.cwd / "fifo").write_text("first\n")

    assert (not_begun.ending, not_begun.began) == ("interrupted", False), "another worker can do it"
    assert stage.end_of(first).result == "first"


def test_the_agent_gets_named_variables_alone_and_what_marks_its_tree(stage: Stage) -> None:
    restricted = stage.do(stage.shell("env", env=("SECRET_KEY",)))
    whole = stage.do(stage.shell("env"))

    names = {line.partition("=")[0] for line in restricted.result.splitlines()}
    assert {"PATH", "AURORA_SPAWN"} <= names
    assert not names & {"NOTIFY_SOCKET", "WATCHDOG_USEC", "PYTEST_CURRENT_TEST"}
    assert "PYTEST_CURRENT_TEST=" in whole.result


def test_the_end_lies_in_the_folder_too(stage: Stage) -> None:
    import msgspec

    run = stage.shell("echo done")

    ended = stage.do(run)

    written = msgspec.json.decode(TaskFolder(Path(run.folder)).ended(1).read_bytes(), type=Ended)
    assert written == ended


def test_an_agent_that_removes_its_tasks_folder_is_heard_to_its_end(stage: Stage) -> None:
    run = stage.shell(f"rm -r {stage.folder}/tasks; echo all gone")

    ended = stage.do(run)

    assert (ended.ending, ended.result) == ("completed", "all gone")
    assert stage.do(stage.shell("echo next")).result == "next"


def test_a_line_of_nonsense_from_main_ends_nothing(stage: Stage) -> None:
    stage.main.say_bytes(b'nonsense\n{"type":"dance"}\n\xff\n')

    assert stage.do(stage.shell("echo alive")).result == "alive"


def test_many_tasks_leave_no_thread_and_no_descriptor(stage: Stage) -> None:
    def held() -> tuple[int, int]:
        worker = stage.workers[0].pid
        return len(os.listdir(f"/proc/{worker}/task")), len(os.listdir(f"/proc/{worker}/fd"))

    stage.do(stage.shell("echo first"))
    before = held()
    for _ in range(5):
        stage.do(stage.shell("cat; echo more", prompt_way="stdin"))

    assert held() == before
    assert sys.platform == "linux"
