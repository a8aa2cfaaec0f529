"""The commands around mouse and keyboard, against the real door."""

import io
import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable

import pytest
from api.house import PATIENCE_S, House

from aurora_desktop.input.actions import LeftClick, Point, Type
from aurora_desktop.input.errors import InputRefusedError
from aurora_desktop.safety.view import ControlView

Aurora = Callable[..., int]
Said = pytest.CaptureFixture[str]
CLICK = '{"action": "left_click", "at": {"x": 1, "y": 2}}'


def test_submit_waits_for_the_end(house: House, aurora: Aurora, capsys: Said) -> None:
    assert aurora("input", "submit", CLICK) == 0
    assert house.input.submissions[0].action == LeftClick(at=Point(x=1, y=2))
    assert capsys.readouterr().out == "done in 0.5 s: doing left_click\n"


@pytest.mark.parametrize("outcome", ["refused", "not_started", "partial", "uncertain"])
def test_any_other_outcome_is_a_failure_with_its_reason(
    house: House, aurora: Aurora, capsys: Said, outcome: str
) -> None:
    house.input.ending = {"status": "failed", "outcome": outcome, "reason": "it was stopped", "human_active": True}
    assert aurora("input", "submit", CLICK, "--agent", "codex") == 1
    told = f"{outcome} in 0.5 s: codex: doing left_click (it was stopped); it waited while you used mouse or keyboard\n"
    assert capsys.readouterr().out == told


def test_what_the_action_gave_back_is_shown(house: House, aurora: Aurora, capsys: Said) -> None:
    house.input.ending = {"status": "completed", "outcome": "done", "result": {"x": 3, "y": 4}}
    assert aurora("input", "submit", '{"action": "cursor_position"}') == 0
    assert capsys.readouterr().out.splitlines()[1] == '{"x": 3, "y": 4}'


def test_submit_json_is_the_task(house: House, aurora: Aurora, capsys: Said) -> None:
    assert aurora("input", "submit", CLICK, "--json") == 0
    task = json.loads(capsys.readouterr().out)
    assert (task["status"], task["outcome"], task["events"]) == ("completed", "done", 0)


def test_without_wait_it_only_queues(house: House, aurora: Aurora, capsys: Said) -> None:
    house.input.ending = None
    assert aurora("input", "submit", CLICK, "--no-wait") == 0
    assert capsys.readouterr().out == "input_0000000000000001 queued: doing left_click\n"


def test_an_action_from_standard_input(house: House, aurora: Aurora, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO('{"action": "type", "text": "hunter2", "secret": true}'))
    assert aurora("input", "submit", "-") == 0
    assert house.input.submissions[0].action == Type(text="hunter2", secret=True)


def test_dialect_and_agent_go_beside_the_action(house: House, aurora: Aurora) -> None:
    action = '{"action": "left_click", "coordinate": [1, 2]}'
    assert aurora("input", "submit", action, "--dialect", "anthropic", "--agent", 'a "b"') == 0
    (submission,) = house.input.submissions
    assert (submission.action, submission.agent) == (LeftClick(at=Point(x=1, y=2)), 'a "b"')


def test_what_is_not_json_is_not_sent_and_not_shown(house: House, aurora: Aurora, capsys: Said) -> None:
    assert aurora("input", "submit", '{"action": "type", "text": "hunter2') == 1
    said = capsys.readouterr()
    assert said.err.startswith("aurora: The action is not JSON\n")
    assert "hunter2" not in said.err + said.out
    assert house.input.submissions == []


@pytest.mark.parametrize("wrong", ['{"action": "wait", "duration_s": NaN}', '{"action": "key", "action": "wait"}'])
def test_the_door_judges_what_was_written(house: House, aurora: Aurora, wrong: str) -> None:
    for more in ((), ("--agent", "codex")):
        assert aurora("input", "submit", wrong, *more) == 1
    assert house.input.submissions == []


def test_a_refusal_is_told_in_three_parts(house: House, aurora: Aurora, capsys: Said) -> None:
    house.input.refusal = InputRefusedError("disarmed", "Control is not armed", "nobody armed it", "Arm it")
    assert aurora("input", "submit", CLICK) == 1
    assert capsys.readouterr().err == "aurora: Control is not armed\n  nobody armed it\n  Arm it\n"


@pytest.mark.skipif(sys.platform == "win32", reason="Ctrl+C of another process is POSIX")
def test_ctrl_c_takes_the_action_back(house: House) -> None:
    house.input.ending = None
    program = "from aurora_desktop.cli.main import main; raise SystemExit(main(run=lambda options: 0))"
    command = [sys.executable, "-c", program, "--state-dir", str(house.paths.root), "input", "submit", CLICK]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert house.input.waited_for.wait(PATIENCE_S)
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=PATIENCE_S)
    assert (process.returncode, errors) == (130, "")
    assert house.input.cancels == [("input_0000000000000001", "api")]


def test_input_status_in_words(house: House, aurora: Aurora, capsys: Said) -> None:
    house.input.ending = {"status": "running", "finished_at": None}
    aurora("input", "submit", CLICK, "--no-wait")
    capsys.readouterr()
    assert aurora("input", "status") == 0
    assert capsys.readouterr().out.splitlines() == [
        "control: armed (act), 14:32 left",
        "running: doing left_click (input_0000000000000001)",
        "queue: 0 of 100",
        "display: HDMI-1 1920x1080+0+0, primary",
    ]


def test_input_status_json(aurora: Aurora, capsys: Said) -> None:
    assert aurora("input", "status", "--json") == 0
    assert json.loads(capsys.readouterr().out)["control"]["state"] == "armed"


@pytest.mark.parametrize(
    ("control", "line"),
    [
        (
            ControlView(state="latched", reason="stopped by the hotkey", hint="Reset"),
            "control: latched, stopped by the hotkey",
        ),
        (
            ControlView(state="armed", mode="dry_run", remaining_s=3725.9, holder="codex", doing="typing"),
            "control: armed (dry run), 1:02:05 left, codex: typing",
        ),
        (
            ControlView(state="armed", mode="ask", remaining_s=9.9, holder="codex", human_active=True),
            "control: armed (ask), 0:09 left, codex: holds it, waits while you use mouse or keyboard",
        ),
        (
            ControlView(state="closed", reason="it is shut", pending=("a new hotkey",)),
            "control: closed, it is shut, settings that loosen safety wait for you in the window: a new hotkey",
        ),
    ],
)
def test_control_in_the_status(house: House, aurora: Aurora, capsys: Said, control: ControlView, line: str) -> None:
    house.control.now = control
    assert aurora("status") == 0
    assert line in capsys.readouterr().out.splitlines()


def test_the_next_step_of_a_closed_gate(house: House, aurora: Aurora, capsys: Said) -> None:
    house.control.now = ControlView(state="closed", reason="there is no gate file", hint="Make one")
    assert aurora("input", "status") == 0
    assert capsys.readouterr().out.splitlines()[1] == "next step: Make one"


def test_history_one_line_each(house: House, aurora: Aurora, capsys: Said) -> None:
    aurora("input", "submit", CLICK, "--agent", "codex")
    house.input.ending = {"status": "failed", "outcome": "refused", "reason": "not here"}
    aurora("input", "submit", '{"action": "key", "keys": "a"}')
    capsys.readouterr()
    assert aurora("input", "history") == 0
    at = time.strftime("%H:%M:%S", time.localtime(1_700_000_000))
    assert [line.split(maxsplit=5) for line in capsys.readouterr().out.splitlines()[1:]] == [
        [at, "input_0000000000000002", "-", "refused", "0.5", "s  doing key (not here)"],
        [at, "input_0000000000000001", "codex", "done", "0.5", "s  doing left_click"],
    ]
    assert aurora("input", "history", "--json", "-n", "1") == 0
    assert [task["action"] for task in json.loads(capsys.readouterr().out)] == ["key"]


def test_an_empty_history_says_so(aurora: Aurora, capsys: Said) -> None:
    assert aurora("input", "history") == 0
    assert capsys.readouterr().out == "no actions yet\n"


def test_cancel_once(house: House, aurora: Aurora, capsys: Said) -> None:
    house.input.ending = None
    aurora("input", "submit", CLICK, "--no-wait")
    capsys.readouterr()
    assert aurora("input", "cancel", "input_0000000000000001") == 0
    assert aurora("input", "cancel", "input_0000000000000001") == 1
    assert capsys.readouterr().out == "cancelled\nit was over already: refused\n"


def test_cancel_of_a_task_named_like_a_path_is_only_unknown(aurora: Aurora, capsys: Said) -> None:
    assert aurora("input", "cancel", "../../quit") == 1
    assert "aurora: " in capsys.readouterr().err


def test_disarm(house: House, aurora: Aurora, capsys: Said) -> None:
    assert aurora("disarm", "--reason", "lunch") == 0
    assert house.control.disarms == ["api: lunch"]
    assert capsys.readouterr().out == "control is taken back\n"
