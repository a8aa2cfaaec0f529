"""The commands that act on the running program: services, supervision as a whole, its end."""

import contextlib
import os
import select
import sys
import time
from typing import Any

from aurora_desktop.cli.call import FAILED, OK, Call
from aurora_desktop.cli.showing import show_services
from aurora_desktop.core.errors import AuroraError

QUIT_TIMEOUT_S = 120.0
ASK_AGAIN_S = 0.1
AURORA = "aurora"
_DOWN = frozenset({"failed", "degraded"})
_NOT_UP = _DOWN | {"waiting", "unhealthy"}


def start(call: Call) -> int:
    return _act(call, "start", _NOT_UP)


def stop(call: Call) -> int:
    return _act(call, "stop", _DOWN)


def restart(call: Call) -> int:
    if AURORA in call.given.names:
        return _restart_aurora(call)
    return _act(call, "restart", _NOT_UP)


def _restart_aurora(call: Call) -> int:
    """Have Aurora replace itself, with its services kept; wait until its successor answers."""
    if set(call.given.names) != {AURORA}:
        raise AuroraError("Aurora is restarted alone", "", "Name the services in a command of their own")
    before = call.client.get("/v1/status")
    reply = call.client.post("/v1/restart")
    if call.given.no_wait:
        return _tell(call, reply)
    after = _successor(call, before["started_at"])
    if call.given.json:
        call.console.json({"restarted": True, "pid": after["pid"], "started_at": after["started_at"]})
    else:
        call.console.line(f"Aurora has started anew (pid {after['pid']}); its services were kept")
    return OK


def _successor(call: Call, started_at: float) -> dict[str, Any]:
    """The status of the one that was started at another time. Raises AuroraError when none answers in time."""
    end = time.monotonic() + call.given.timeout
    while time.monotonic() < end:
        with contextlib.suppress(AuroraError):  # between the two nothing answers
            status: dict[str, Any] = call.client.get("/v1/status")
            if status["started_at"] != started_at:
                return status
        time.sleep(ASK_AGAIN_S)  # there is nothing yet that could be waited on
    raise AuroraError(
        f"Aurora did not come back within {call.given.timeout:g} s",
        "its services run on",
        "See logs/aurora.log; `aurora run` takes them over",
    )


def _act(call: Call, command: str, bad: frozenset[str]) -> int:
    given = call.given
    body = {"names": given.names, "wait": not given.no_wait, "timeout_s": given.timeout}
    reply = call.client.post(f"/v1/services/{command}", body, wait_s=given.timeout)
    if given.json:
        call.console.json(reply)
    elif given.no_wait:
        call.console.line(f"{command} asked for: {', '.join(given.names)}")
    else:
        show_services(call.console, reply["services"])
    return OK if given.no_wait else _judge(call, reply, bad)


def _judge(call: Call, reply: dict[str, Any], bad: frozenset[str]) -> int:
    """1, with the reasons, when a service did not come to where it was asked to be."""
    if not reply["settled"]:
        call.console.error(AuroraError(f"Not settled within {call.given.timeout:g} s", "", "See `aurora ps`"))
        return FAILED
    lost = [service for service in reply["services"] if service["state"] in bad]
    for service in lost:
        title = f"{service['name']} is {service['state']}"
        call.console.error(AuroraError(title, service["problem"] or service["cause"], service["hint"]))
    return FAILED if lost else OK


def pause(call: Call) -> int:
    return _tell(call, call.client.post("/v1/supervision/pause"))


def resume(call: Call) -> int:
    return _tell(call, call.client.post("/v1/supervision/resume"))


def quit(call: Call) -> int:  # noqa: A001  # named as the command is
    """Ask for the ordered stop and wait until the process has ended; on a terminal ask first, while agents work."""
    if not _is_meant(call):
        call.console.line("Aurora goes on")
        return FAILED
    ending = _Ending(call.client.pid())
    try:
        reply = call.client.post("/v1/quit")
        if call.given.no_wait:
            return _tell(call, reply)
        if not ending.wait(QUIT_TIMEOUT_S):
            raise AuroraError("Aurora is still stopping", f"after {QUIT_TIMEOUT_S:g} s", "See `aurora ps`")
    finally:
        ending.close()
    call.console.line("Aurora has stopped")
    return OK


def _is_meant(call: Call) -> bool:
    """Tell what becomes of agents at work, and ask whether to quit all the same where somebody can answer."""
    status = call.client.get("/v1/status")
    at_work = (status["tasks"] or {}).get("at_work", 0)
    if not at_work:
        return True
    call.console.note(_what_becomes(at_work, status["on_quit"]))
    if status["on_quit"] == "leave" or call.given.yes or not (call.console.is_terminal and sys.stdin.isatty()):
        return True
    call.console.err.write("Quit? [y/N] ")
    call.console.err.flush()
    return sys.stdin.readline().strip().lower() in ("y", "yes")


def _what_becomes(at_work: int, on_quit: str) -> str:
    who = "1 agent at work" if at_work == 1 else f"{at_work} agents at work"
    if on_quit == "leave":
        return f"{who} will go on; the next Aurora takes over"
    return f"{who} will be ended; the next Aurora goes on with the sessions where it can, and asks you where it cannot"


def _tell(call: Call, reply: dict[str, Any]) -> int:
    call.console.line(reply["done"])
    return OK


class _Ending:
    """The end of a process that is not our child; opened before it is asked for, so the pid cannot be another's."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._pidfd = _pidfd(pid)

    def wait(self, timeout_s: float) -> bool:
        """Whether it ended in time."""
        if self._pidfd is not None:
            return bool(select.select([self._pidfd], [], [], timeout_s)[0])
        import psutil

        end = time.monotonic() + timeout_s
        while psutil.pid_exists(self._pid) and time.monotonic() < end:
            time.sleep(0.1)  # without pidfd nothing tells of the end of a process that is not our child
        return not psutil.pid_exists(self._pid)

    def close(self) -> None:
        if self._pidfd is not None:
            os.close(self._pidfd)


def _pidfd(pid: int) -> int | None:
    """None where the system has no such thing, or the process is gone."""
    if sys.platform != "linux":
        return None
    try:
        return os.pidfd_open(pid)
    except OSError:
        return None
