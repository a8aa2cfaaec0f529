"""What agents can call: for each tool its words, its arguments, what it may do to the world, and how it is done."""

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, NamedTuple
from urllib.parse import quote

from anyio.to_thread import run_sync
from mcp.types import CallToolResult
from mcp.types import Tool as Declared
from mcp.types import ToolAnnotations as Hints

from aurora_desktop.cli.client import RefusedError
from aurora_desktop.cli.estop import pull
from aurora_desktop.cli.mcp import schema
from aurora_desktop.cli.mcp.answers import told
from aurora_desktop.cli.mcp.performing import Asking, Json
from aurora_desktop.cli.submitting import NEEDS_INPUT
from aurora_desktop.core.errors import AuroraError
from aurora_desktop.core.paths import StatePaths

SOURCE = "mcp"
MOST_REASON = 200


def _hints(*, looks: bool = False, destroys: bool = False, idempotent: bool = False, open_world: bool = False) -> Hints:
    return Hints(
        read_only_hint=looks, destructive_hint=destroys, idempotent_hint=idempotent, open_world_hint=open_world
    )


_LOOKS = _hints(looks=True, idempotent=True)
_ASKS = _hints()
_GIVES_BACK = _hints(idempotent=True)
_ACTS = _hints(destroys=True, open_world=True)
_RESTARTS = _hints(destroys=True)
_STOPS = _hints(destroys=True, idempotent=True)
_REACHED = ("task_id", "action", "outcome", "reason", "sentence", "result", "human_active", "duration_s")

_SERVICE = (
    "name", "state", "cause", "problem", "hint", "pid", "uptime_s", "restarts", "last_cause", "memory_bytes",
    "cpu_percent",
)  # fmt: skip

Perform = Callable[[Asking, Any], Awaitable[CallToolResult]]


class Tool(NamedTuple):
    """`perform` takes the parsed arguments. Raises AuroraError."""

    name: str
    title: str
    description: str
    arguments: type[schema.Arguments]
    annotations: Hints
    perform: Perform

    def declared(self) -> Declared:
        return Declared(
            name=self.name,
            title=self.title,
            description=self.description,
            input_schema=schema.schema_of(self.arguments),
            annotations=self.annotations,
        )


# --- mouse, keyboard, screen --------------------------------------------------------------------------------------


async def _computer(asking: Asking, given: schema.ComputerArguments) -> CallToolResult:
    return await _acted(asking, given.action)


async def _screenshot(asking: Asking, given: schema.ScreenshotArguments) -> CallToolResult:
    return await _acted(asking, {"action": "screenshot", **_given(given, "max_width", "max_height", "display")})


async def _list_windows(asking: Asking, _: schema.Arguments) -> CallToolResult:
    return await _acted(asking, {"action": "list_windows"})


async def _acted(asking: Asking, action: Json) -> CallToolResult:
    """How it ended; with the picture where it made one. Anything but `done` is an error."""
    task = await asking.act(action)
    answer = {name: task[name] for name in _REACHED}
    if task["outcome"] != "done":
        return told({"code": task["outcome"], **answer}, is_error=True)
    result = dict(task["result"] or {})
    if "id" not in result or "path" not in result:
        return told(answer)
    result.pop("path")  # of Aurora's own; the picture comes along
    return told({**answer, "result": result}, await asking.picture(result["id"]))


# --- control ------------------------------------------------------------------------------------------------------


async def _request_control(asking: Asking, given: schema.RequestControlArguments) -> CallToolResult:
    body = {"agent": asking.agent, "reason": given.reason, "wait_s": given.wait_s}
    async with asking.telling(lambda: "the operator is asked", given.wait_s):
        decided = await asking.post("/v1/control/request", body, scope="input", wait_s=given.wait_s)
    return told(decided)


async def _release_control(asking: Asking, given: schema.ReasonArguments) -> CallToolResult:
    return told(await asking.post("/v1/disarm", {"reason": _why(asking, given)}, scope="input"))


async def _control_status(asking: Asking, _: schema.Arguments) -> CallToolResult:
    return told(await asking.get("/v1/control", scope="input"))


async def _list_displays(asking: Asking, _: schema.Arguments) -> CallToolResult:
    displays = await asking.get("/v1/input/displays", scope="input")
    return told({"displays": displays, "note": "" if displays else "They are known once control was armed"})


async def _emergency_stop(paths: StatePaths, asking: Asking, given: schema.ReasonArguments) -> CallToolResult:
    """By the guard itself, so that it works while the program does not answer; not to be given up half-way."""
    stopped, is_latched = await run_sync(partial(pull, paths, _why(asking, given), SOURCE))
    answer = {"stopped_by": stopped.by, "latency_ms": stopped.latency_ms, "latched": is_latched}
    is_doubtful = not is_latched or (not stopped.by and bool(stopped.lost))
    return told({**answer, "lost": list(stopped.lost)}, is_error=is_doubtful)


def _why(asking: Asking, given: schema.ReasonArguments) -> str:
    """Who does it, and why."""
    return ": ".join(filter(None, (asking.agent, given.reason)))[:MOST_REASON]


# --- services, tasks, failures ------------------------------------------------------------------------------------


async def _services_status(asking: Asking, given: schema.ServicesArguments) -> CallToolResult:
    if given.name is None:
        status, services = await asking.get("/v1/status"), await asking.get("/v1/services")
        whole = {name: status[name] for name in ("verdict", "sentence", "next_step")}
        return told({**whole, "services": [_service(row) for row in services]})
    address = f"/v1/services/{quote(given.name, safe='')}"
    log = await asking.get(f"{address}/log", lines=given.log_lines)
    return told({"service": _service(await asking.get(address)), "log": log["text"]})


def _service(row: Json) -> Json:
    """What tells how it is, without what is unknown or empty: an agent reads all of it."""
    return {name: row[name] for name in _SERVICE if row[name] not in ("", None)}


async def _service_restart(asking: Asking, given: schema.RestartArguments) -> CallToolResult:
    body: Json = {"names": [given.name], "wait": given.wait_s > 0, "timeout_s": given.wait_s or 1.0}
    async with asking.telling(lambda: f"{given.name} is restarted", given.wait_s or None):
        reply = await asking.post("/v1/services/restart", body, wait_s=given.wait_s)
    is_up = not reply["services"][0]["problem"] and (reply["settled"] or not given.wait_s)
    return told({"service": _service(reply["services"][0]), "settled": reply["settled"]}, is_error=not is_up)


async def _submit_task(asking: Asking, given: schema.SubmitArguments) -> CallToolResult:
    doer = _given(given, "agent", "role", "pipeline") or {"agent": "claude"}
    wishes = _given(given, "cwd", "timeout_s", "idempotency_key")
    body = {"prompt": given.prompt, "operator_user": asking.agent, **doer, **wishes}
    view = await _submitted(asking, body)
    return told(_task(await asking.task(view["id"], given.wait_s)))


async def _submitted(asking: Asking, body: Json) -> Json:
    """The task; with the token of mouse and keyboard where it is work for these."""
    try:
        view: Json = await asking.post("/v1/tasks", body)
    except RefusedError as refusal:
        if refusal.code != NEEDS_INPUT:
            raise
        view = await asking.post("/v1/tasks", body, scope="input")
    return view


def _given(arguments: schema.Arguments, *names: str) -> Json:
    """Those of these arguments that were given."""
    return {name: value for name in names if (value := getattr(arguments, name)) not in (None, "")}


async def _task_status(asking: Asking, given: schema.TaskArguments) -> CallToolResult:
    return told(_task(await asking.task(given.id, given.wait_s)))


def _task(detail: Json) -> Json:
    """The task without what is of use on the operator's disk alone."""
    view = {name: value for name, value in detail["view"].items() if value not in ("", None)}
    return {**view, **{name: detail[name] for name in ("result", "error", "exit_code")}}


async def _failures_search(asking: Asking, given: schema.FailuresArguments) -> CallToolResult:
    found = await asking.get("/v1/failures", q=given.query or None, limit=given.limit, cursor=given.cursor)
    return told(found)


# ------------------------------------------------------------------------------------------------------------------


def all_tools(paths: StatePaths) -> tuple[Tool, ...]:
    """In the order in which they are shown."""
    none = schema.Arguments
    return (
        Tool(
            "computer", "Use mouse and keyboard",
            "Perform one action with mouse or keyboard on the operator's desktop, and wait for its end. It is refused "
            "unless the operator has armed control: ask with request_control. Points are desktop pixels; to point "
            "into a picture, give its `id` as `screenshot`. The outcome is done, refused, not_started, partial or "
            "uncertain; only what was not_started may be tried again blindly.",
            schema.ComputerArguments, _ACTS, _computer,
        ),
        Tool(
            "screenshot", "See the screen",
            "Take a picture of the desktop or of one display. Its `id` can be named in the points of later actions. "
            "Needs armed control.",
            schema.ScreenshotArguments, _LOOKS, _screenshot,
        ),
        Tool(
            "request_control", "Ask for mouse and keyboard",
            "Ask the operator, on screen, to arm control of mouse and keyboard, and wait for the decision: armed, "
            "declined or unanswered. Only the operator's own hand can arm. Do not insist after a no.",
            schema.RequestControlArguments, _ASKS, _request_control,
        ),
        Tool(
            "release_control", "Give mouse and keyboard back",
            "Disarm control when you are done with mouse and keyboard. It is taken from every agent.",
            schema.ReasonArguments, _GIVES_BACK, _release_control,
        ),
        Tool(
            "control_status", "Who may use mouse and keyboard",
            "Whether control is armed, until when, by whom it is used, and why not if it is not.",
            none, _LOOKS, _control_status,
        ),
        Tool(
            "list_displays", "List the displays",
            "Ids and rectangles of the displays in desktop pixels, as they were when control was last armed.",
            none, _LOOKS, _list_displays,
        ),
        Tool(
            "list_windows", "List the windows",
            "Titles, classes and rectangles of the open windows, the front one first. Needs armed control.",
            none, _LOOKS, _list_windows,
        ),
        Tool(
            "services_status", "Look at the services",
            "The health of everything that Aurora supervises, in a sentence and service by service; or one service "
            "with the end of its log.",
            schema.ServicesArguments, _LOOKS, _services_status,
        ),
        Tool(
            "service_restart", "Restart a service",
            "Stop a supervised service and start it again, and wait until it is up. What it was doing is lost.",
            schema.RestartArguments, _RESTARTS, _service_restart,
        ),
        Tool(
            "submit_task", "Give an agent a task",
            "Queue a task for another agent, role or pipeline of Aurora. It runs with that agent's own permissions, "
            "and may change files. With wait_s the answer is how it ended.",
            schema.SubmitArguments, _ACTS, _submit_task,
        ),
        Tool(
            "task_status", "Look at a task",
            "How a task stands, its result or error; with wait_s once it is over.",
            schema.TaskArguments, _LOOKS, _task_status,
        ),
        Tool(
            "failures_search", "Search past failures",
            "What Aurora remembers of failures like these: when, where, and which remedies helped. Where there is a "
            "`next_cursor`, the same question with it as `cursor` gives more.",
            schema.FailuresArguments, _LOOKS, _failures_search,
        ),
        Tool(
            "emergency_stop", "Stop everything",
            "The emergency stop: every agent loses mouse and keyboard at once, marked services are frozen or stopped, "
            "and it stays so until the operator resets it by hand. Use it when something goes badly wrong.",
            schema.ReasonArguments, _STOPS, partial(_emergency_stop, paths),
        ),
    )  # fmt: skip


def unknown(name: str, tools: dict[str, Tool]) -> AuroraError:
    return AuroraError(f"There is no tool `{name[:64]}`", "", f"There are {', '.join(tools)}")
