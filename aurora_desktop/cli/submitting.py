"""`aurora task submit`: give agents work, and with `--wait` stay until it is done."""

import getpass
import json
import os
import sys
import time
from typing import Any

from aurora_desktop.cli.call import FAILED, OK, Call
from aurora_desktop.cli.client import BrokenOffError, RefusedError
from aurora_desktop.cli.task_words import AT_WORK, Task, address, in_words
from aurora_desktop.core.errors import AuroraError, NotRunningError

POLL_S = 25.0
RETURN_S = 20.0
ASK_AGAIN_S = 0.2
DEFAULT_AGENT = "claude"
MOST_PROMPT_BYTES = 1_000_000
NEEDS_INPUT = "input_token"
"""The door's word for work that takes the token of mouse and keyboard (`api/task_scopes.py`)."""
_HANDED_ON = ("model", "permissions", "retry", "priority", "max_usd", "max_tokens", "max_attempts")


def submit(call: Call) -> int:
    """Give a task; with `--wait` print its result, and 0 only if it was completed. Ctrl+C leaves it running."""
    task = give(call, "/v1/tasks", _request(call))
    if call.given.wait:
        return _wait(call, task)
    if call.given.json:
        call.console.json(task)
    else:
        _tell(call, task)
        _tell_remedy(call, task)
    return OK


def _tell(call: Call, task: Task) -> None:
    """To a pipe the id alone, for `id=$(aurora task submit ...)`."""
    if call.console.is_terminal:
        call.console.line(f"{task['id']} {in_words(task)}")
    else:
        call.console.line(task["id"])
        call.console.note(in_words(task))


def give(call: Call, path: str, body: dict[str, object], wait_s: float = 0.0) -> Any:
    """Ask for work of an agent: with the token of mouse and keyboard, where the door says that it takes that."""
    try:
        return call.client.post(path, body, wait_s=wait_s)
    except RefusedError as refusal:
        if refusal.code != NEEDS_INPUT:
            raise
    return call.client.post(path, body, scope="input", wait_s=wait_s)


def _tell_remedy(call: Call, view: Task) -> None:
    """What is to be done so that it does not wait for ever."""
    if view["held"] and view["hint"]:
        call.console.note(f"  {view['hint']}")


def _request(call: Call) -> dict[str, object]:
    given = call.given
    who = {name: value for name in ("agent", "role", "pipeline") if (value := getattr(given, name))}
    handed_on = {name: value for name in _HANDED_ON if (value := getattr(given, name)) is not None}
    others = {
        "cwd": os.path.abspath(os.path.expanduser(given.cwd)) if given.cwd else None,
        "timeout_s": given.timeout,
        "silence_s": given.silence,
        "env": given.env,
        "idempotency_key": given.key,
    }
    return {
        **(who or {"agent": DEFAULT_AGENT}),
        **handed_on,
        **{name: value for name, value in others.items() if value is not None},
        **({"actions": _actions(given.actions)} if given.actions else {"prompt": _prompt(given.prompt)}),
        "expect": {"files": given.expect_file, "pattern": given.expect},
        "operator_user": _user(),
        "source": "command",
    }


def _prompt(words: list[str]) -> str:
    """From the arguments; from standard input for `-`, or where there are none and something is piped in."""
    if words and words != ["-"]:
        return " ".join(words)
    if not words and sys.stdin.isatty():
        raise AuroraError(
            "There is no prompt", "", "aurora task submit 'Tidy up', or pipe it in: aurora task submit - < FILE"
        )
    raw = sys.stdin.buffer.read(MOST_PROMPT_BYTES + 1)
    if len(raw) > MOST_PROMPT_BYTES:
        hint = "Put what is long into a file in the task's folder, and name it in the prompt"
        raise AuroraError("The prompt is too long", f"over the limit of {MOST_PROMPT_BYTES:,} bytes", hint)
    try:
        return raw.decode()
    except UnicodeDecodeError as error:
        raise AuroraError("The prompt is not UTF-8", f"at byte {error.start + 1}", "Convert it first") from None


def _actions(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):  # what is wrong is not shown: it may stand in the midst of a secret
        hint = '--actions \'[{"action": "left_click", "at": {"x": 10, "y": 20}}]\''
        raise AuroraError("The actions are not JSON", "", f"For instance: {hint}") from None


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):  # a user without a name
        return ""


# --- wait ---------------------------------------------------------------------------------------------------------


def _wait(call: Call, task: Task) -> int:
    call.console.note(f"{task['id']} {in_words(task)}; Ctrl+C does not end it")
    _tell_remedy(call, task)
    try:
        run, detail = _at_its_end(call, task)
    except KeyboardInterrupt:
        call.console.note(f"\n{task['id']} goes on; to end it: aurora task cancel {task['id']}")
        raise
    view = detail["view"]
    is_good = view["status"] == "completed" and (run is None or run["status"] == "completed")
    if call.given.json:
        call.console.json(detail if run is None else {**detail, "run": run})
    elif detail["result"]:
        call.console.line(detail["result"])
    if not is_good:
        call.console.error(_failure(run, detail))
    return OK if is_good else FAILED


def _at_its_end(call: Call, task: Task) -> tuple[Task | None, Task]:
    """The run of a pipeline, if it is one, and the last of its tasks."""
    if not task["run_id"]:
        return None, _ended(call, task)
    run: Task = {"status": "running"}
    while run["status"] == "running":
        run = patient_get(call, f"/v1/runs/{task['run_id']}", POLL_S)
    return run, call.client.get(address(run["task_ids"][-1]))


def _ended(call: Call, view: Task) -> Task:
    """Why it waits is told once; a task of which nobody knows how it ended is not waited for."""
    while True:
        query: dict[str, Any] = {"while": view["status"]}
        detail: Task = patient_get(call, address(view["id"]), POLL_S, **query)
        before, view = view, detail["view"]
        if view["status"] not in AT_WORK | {"queued"}:
            return detail
        if view["status"] == "waiting_approval" != before["status"]:
            call.console.note(f"{view['id']} waits for your word in the window; see `aurora approvals`")
        elif view["held"] not in ("", before["held"]):
            call.console.note(f"{view['id']} waits: {view['held']}")
            _tell_remedy(call, view)


def patient_get(call: Call, path: str, wait_s: float, **query: Any) -> Any:
    """The answer, also of an Aurora that is started anew meanwhile: the task goes on without it."""
    end = time.monotonic() + RETURN_S
    while True:
        try:
            return call.client.get(path, wait_s=wait_s, **query)
        except (NotRunningError, BrokenOffError):
            if time.monotonic() > end:
                raise
            time.sleep(ASK_AGAIN_S)


def _failure(run: Task | None, detail: Task) -> AuroraError:
    view = detail["view"]
    why = detail["error"] or view["cause"]
    if run is not None and run["status"] != "completed":
        title = f"{run['id']} of the pipeline {run['pipeline']} {run['status']}, with {view['id']}"
        return AuroraError(title, run["cause"] or why, view["hint"])
    return AuroraError(f"{view['id']} ended: {view['status'].replace('_', ' ')}", why, view["hint"])
