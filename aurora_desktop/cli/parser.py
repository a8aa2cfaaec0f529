"""The grammar of the command line."""

import re
from argparse import ArgumentParser, ArgumentTypeError
from collections.abc import Callable
from importlib import import_module
from typing import Any, NoReturn

from aurora_desktop import __version__

SCOPES = ("read", "operate", "input")
MAX_TIMEOUT_S = 600.0
MAX_RECENT = 50
MAX_FOUND = 100
MAX_STALL_S = 7 * 86_400.0
MAX_INTERVAL_S = 60.0
_OPERATORS = re.compile(r"invalid choice: '(arm|reset|rearm|unlatch|clear)'")
_ALLOWERS = re.compile(r"invalid choice: '(allow|accept|thaw|unfreeze)'")
_NO_SUCH = (
    "\nNo command arms control or resets the emergency stop: what a script can do, an agent can do too."
    "\nYou alone can, in Aurora's window: hold Ctrl+Shift+A to arm, Ctrl+Shift+R to reset, for one second."
)
_NO_WORD = (
    "\nNo command allows what an agent asks for, or thaws what is frozen: what a script can do, an agent can do too."
    "\nYou can, in Aurora's window; `aurora approve ID` opens the question there."
)


def build() -> ArgumentParser:
    """The whole grammar; `perform` of the result gives the function of the command."""
    parser = _Parser(prog="aurora", description="Supervise programs from the tray, and speak to the Aurora that does.")
    parser.add_argument("--config", metavar="FILE", help="settings file (also AURORA_CONFIG)")
    parser.add_argument("--state-dir", metavar="DIR", help="folder of state, logs and tokens (also AURORA_STATE_DIR)")
    parser.add_argument("--version", action="version", version=f"aurora {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", title="commands")
    _add_run(commands)
    _add_showing(commands)
    _add_acting(commands)
    _add_healing(commands)
    _add_tasks(commands)
    _add_input(commands)
    _add_braking(commands)
    _add_audit(commands)
    _add_backups(commands)
    _add_alerts(commands)
    _add_link(commands)
    _add_door(commands)
    _add_setting_up(commands)
    _add(commands, "mcp", "mcp.serving", "serve MCP on standard input and output, as agents start it", function="serve")
    _add_completion(commands)
    return parser


def _add_run(commands: Any) -> None:
    run = commands.add_parser("run", help="run Aurora: tray, supervisor and heartbeat")
    run.add_argument("--headless", action="store_true", help="without tray and window")
    run.add_argument("--hidden", action="store_true", help="in the tray, without opening the window")


def _add_showing(commands: Any) -> None:
    _add(commands, "status", "showing", "the health of the whole, in a sentence", _json)
    _add(commands, "ps", "showing", "the services", _json)
    top = _add(commands, "top", "top", "services, tasks, events and control as they change, until q or Ctrl+C")
    top.add_argument("--interval", type=_interval, default=1.0, metavar="S", help="seconds between two looks (1)")
    top.add_argument("--once", action="store_true", help="one look, as text; so it is without a terminal, too")
    logs = _add(commands, "logs", "logs", "what a service printed", _json)
    logs.add_argument("name", metavar="NAME")
    logs.add_argument("-f", "--follow", action="store_true", help="go on until Ctrl+C")
    logs.add_argument("-n", "--lines", type=_count, default=100, metavar="LINES", help="last lines (100)")
    events = _add(commands, "events", "showing", "what happened", _json)
    events.add_argument("--since", type=_count, metavar="ID", help="only events after this id")
    events.add_argument("-f", "--follow", action="store_true", help="go on until Ctrl+C")
    events.add_argument("--component", metavar="C", help="only of these, such as service:web,worker:*")
    events.add_argument("--type", metavar="T", help="only of these types, such as service_failed,task_*")
    events.add_argument("-n", "--limit", type=_limit, default=100, metavar="N", help="at most so many (100)")


def _add_acting(commands: Any) -> None:
    for name, what, names in (
        ("start", "start services", None),
        ("stop", "stop services", None),
        ("restart", "restart services, or Aurora itself", "services; or `aurora`: itself, which keeps them running"),
    ):
        command = _add(commands, name, "acting", what, _json)
        command.add_argument("names", nargs="+", metavar="NAME", help=names)
        command.add_argument("--no-wait", action="store_true", help="do not wait until they are up or down")
        command.add_argument("--timeout", type=_timeout, default=120.0, metavar="SECONDS", help="longest wait (120)")
    _add(commands, "pause", "acting", "start and restart nothing by itself until `resume`")
    _add(commands, "resume", "acting", "supervise again")
    leave = _add(commands, "quit", "acting", "stop the running Aurora")
    leave.add_argument("--no-wait", action="store_true", help="do not wait until it has ended")
    leave.add_argument("-y", "--yes", action="store_true", help="do not ask, although agents are at work")


def _add_healing(commands: Any) -> None:
    heal = _add(commands, "heal", "healing", "look at everything now, and heal what can be healed", _json)
    heal.add_argument("name", nargs="?", metavar="NAME", help="only this service or agent")
    way = heal.add_mutually_exclusive_group()
    way.add_argument("--check-now", action="store_true", help="look only, change nothing")
    way.add_argument("--daemon", action="store_true", help="run Aurora headless, with these values of stall checking:")
    heal.add_argument("--interval", type=_seconds, metavar="S", help="time between two looks")
    heal.add_argument("--threshold", type=_seconds, metavar="S", help="silence that is a stall")
    failures = _add(commands, "failures", "healing", "what is remembered of failures like these", _json)
    failures.add_argument("query", nargs="*", metavar="QUERY", help="in words, such as: port conflict")
    failures.add_argument("-n", "--limit", type=_found, default=20, metavar="N", help="at most so many kinds (20)")
    failures.add_argument(
        "--import", dest="files", nargs="+", metavar="FILE", help="take in logs of earlier systems (JSON lines)"
    )
    _add(commands, "stats", "healing", "how often what fails, and what helps", _json)
    group = commands.add_parser("remedies", help="what Aurora knows to do", description="what Aurora knows to do")
    verbs = group.add_subparsers(dest="verb", metavar="VERB", title="verbs", required=True)
    _add(verbs, "list", "healing", "all of them", _json, function="remedies")
    show = _add(
        verbs, "show", "healing", "one: what it recognises, does, verifies and undoes", _json, function="remedy"
    )
    show.add_argument("name", metavar="NAME")
    test = _add(verbs, "test", "healing", "what a text would be recognised as", _json, function="try_text")
    test.add_argument("--service", metavar="NAME", help="whose text it is, where that matters")
    test.add_argument("text", nargs="+", metavar="TEXT", help="a message; - reads the end of a log from standard input")


def _add_tasks(commands: Any) -> None:
    group = commands.add_parser("task", help="work for agents", description="work for agents")
    verbs = group.add_subparsers(dest="verb", metavar="VERB", title="verbs", required=True)
    _add_submit(verbs)
    listed = _add(verbs, "list", "tasks", "the tasks, newest first", _json, function="list_tasks")
    listed.add_argument("--status", action="append", default=[], metavar="S", help="only of this one; may be repeated")
    listed.add_argument("--agent", metavar="A", help="only of this one")
    listed.add_argument("-n", "--limit", type=_limit, default=50, metavar="N", help="at most so many (50)")
    _add(verbs, "show", "tasks", "one task with prompt, result and error", _json).add_argument("id", metavar="ID")
    logs = _add(verbs, "logs", "tasks", "what the agent said and did", _json)
    logs.add_argument("id", metavar="ID")
    logs.add_argument("-f", "--follow", action="store_true", help="go on until the task ends, or Ctrl+C")
    for name, what in (
        ("cancel", "take a task or a run of a pipeline back, or end the agent that works on it"),
        ("retry", "once more from the beginning"),
        ("resume", "go on with the agent's own session"),
    ):
        _add(verbs, name, "tasks", what, _json).add_argument("id", metavar="ID")
    _add(verbs, "runs", "tasks", "the runs of pipelines", _json)
    _add_agents(commands)


def _add_submit(verbs: Any) -> None:
    submit = _add(verbs, "submit", "submitting", "give agents work", _json)
    who = submit.add_mutually_exclusive_group()
    who.add_argument("--agent", metavar="A", help="who is to do it (claude)")
    who.add_argument("--role", metavar="R", help="a role instead, such as coder")
    who.add_argument("--pipeline", metavar="P", help="roles one after another, as the settings have them")
    submit.add_argument("--cwd", metavar="DIR", help="folder to work in (the agent's own, else the home folder)")
    submit.add_argument("--timeout", type=_number, metavar="S", help="longest time in all (the agent's, 300)")
    submit.add_argument("--silence", type=_number, metavar="S", help="longest time without a word (the agent's, 120)")
    submit.add_argument("--priority", type=int, metavar="N", help="higher ones come first (0)")
    submit.add_argument(
        "--retry",
        choices=("resume", "safe", "never"),
        help="after a lost attempt: resume its session; begin anew; never",
    )
    submit.add_argument("--max-attempts", type=int, metavar="N", help="lost attempts before it is given up (3)")
    submit.add_argument("--max-usd", type=_number, metavar="X", help="what it may cost")
    submit.add_argument("--max-tokens", type=int, metavar="N", help="tokens that it may use")
    submit.add_argument("--model", metavar="M", help="model to ask for")
    submit.add_argument(
        "--permissions", choices=("read-only", "ask", "edit", "full"), help="no more than the agent's own"
    )
    submit.add_argument(
        "--expect-file", action="append", default=[], metavar="F", help="must be there in the end; may be repeated"
    )
    submit.add_argument("--expect", metavar="PATTERN", help="regular expression that the result must match")
    submit.add_argument("--env", action="append", metavar="NAME", help="pass these variables alone; may be repeated")
    submit.add_argument("--key", metavar="KEY", help="idempotency key: one task, however often it is submitted")
    submit.add_argument("--actions", metavar="JSON", help="for an agent of the kind input, in place of a prompt")
    submit.add_argument("--wait", action="store_true", help="wait for its end and print the result")
    submit.add_argument("prompt", nargs="*", metavar="PROMPT", help="what to do; - reads it from standard input")


def _add_agents(commands: Any) -> None:
    for name, what, verb, does in (
        ("agents", "the programs that do tasks", "check", "ask their programs for their versions, now"),
        ("workers", "the processes that have tasks done", "heal", "replace those that are not well, or the named ones"),
    ):
        group = commands.add_parser(name, help=what, description=what)
        verbs = group.add_subparsers(dest="verb", metavar="VERB", title="verbs", required=True)
        _add(verbs, "list", "agents", "all of them", _json, function=f"list_{name}")
        _add(verbs, verb, "agents", does, _json).add_argument("names", nargs="*", metavar="NAME")
    _add(commands, "approvals", "agents", "what agents ask you to allow", _json)
    approve = _add(commands, "approve", "agents", "open the question on your screen, where you can allow it", _json)
    approve.add_argument("id", metavar="ID")
    deny = _add(commands, "deny", "agents", "deny what an agent asks for", _json)
    deny.add_argument("id", metavar="ID")
    deny.add_argument("--message", default="", metavar="WORDS", help="why not, for the agent to read")


def _add_input(commands: Any) -> None:
    group = commands.add_parser("input", help="mouse and keyboard for agents", description="mouse and keyboard")
    verbs = group.add_subparsers(dest="verb", metavar="VERB", title="verbs", required=True)
    submit = _add(verbs, "submit", "controlling", "have one action performed, and wait for its end", _json)
    submit.add_argument("action", metavar="JSON", help="the action; - reads it from standard input, as secrets should")
    submit.add_argument("--dialect", metavar="NAME", help="what the action is written in, such as anthropic or openai")
    submit.add_argument("--agent", default="", metavar="NAME", help="who asks, as the window and the log show it")
    submit.add_argument("--no-wait", action="store_true", help="do not wait until it is over")
    _add(verbs, "status", "controlling", "the gate, the queue and the screen", _json, function="input_status")
    history = _add(verbs, "history", "controlling", "the last actions and how they ended", _json)
    history.add_argument("-n", "--limit", type=_recent, default=MAX_RECENT, metavar="N", help="at most so many (50)")
    cancel = _add(verbs, "cancel", "controlling", "take an action back, or stop it between two events", _json)
    cancel.add_argument("id", metavar="ID")


def _add_braking(commands: Any) -> None:
    estop = _add(commands, "estop", "estop", "the emergency stop: everything, now, latched", _json)
    estop.add_argument("--reason", default="", metavar="WORDS", help="why; kept with the event")
    disarm = _add(commands, "disarm", "controlling", "take mouse and keyboard back, without a latch", _json)
    disarm.add_argument("--reason", default="", metavar="WORDS", help="why; kept with the event")


def _add_audit(commands: Any) -> None:
    audit = _add(commands, "audit", "audit", "the record of what agents did with mouse and keyboard", _json)
    audit.add_argument("what", choices=("verify", "show"), help="is it as it was written; its last records")
    audit.add_argument("-n", "--limit", type=_limit, default=50, metavar="N", help="at most so many records (50)")


def _add_backups(commands: Any) -> None:
    group = commands.add_parser("backup", help="backups of the state", description="backups of the state")
    verbs = group.add_subparsers(dest="verb", metavar="VERB", title="verbs", required=True)
    _add(verbs, "create", "backing_up", "make one now", _json)
    _add(verbs, "list", "backing_up", "all of them, newest first", _json, function="list_backups")
    verify = _add(verbs, "verify", "backing_up", "restore them for a test", _json)
    verify.add_argument("ids", nargs="*", metavar="ID", help="only these (all)")
    restore = _add(verbs, "restore", "backing_up", "go back to one; Aurora must not run", _json)
    restore.add_argument("id", metavar="ID", help="as `list` shows it, or latest")
    _add(verbs, "undo", "backing_up", "bring back what the last restore or repair replaced", _json)
    group = commands.add_parser("state", help="the state as a whole", description="the state as a whole")
    verbs = group.add_subparsers(dest="verb", metavar="VERB", title="verbs", required=True)
    _add(verbs, "show", "backing_up", "its version, and how much of what it holds", _json)
    _add(verbs, "export", "backing_up", "write it as JSON").add_argument("file", metavar="FILE")
    taken = _add(
        verbs, "import", "backing_up", "replace it by an export; Aurora must not run", _json, function="import_state"
    )
    taken.add_argument("file", metavar="FILE")


def _add_link(commands: Any) -> None:
    group = commands.add_parser("link", help="the link to a collaboration server", description="the link")
    verbs = group.add_subparsers(dest="verb", metavar="VERB", title="verbs", required=True)
    _add(verbs, "status", "linking", "how it is, its queues, and what went wrong last", _json)
    _add(verbs, "reconnect", "linking", "try now, whatever it waits for", _json)
    send = _add(verbs, "send", "linking", "put a message into the outbox", _json)
    send.add_argument("recipient", metavar="RECIPIENT", help="an identity at the server")
    send.add_argument("content", nargs="+", metavar="TEXT", help="what to say; - reads it from standard input")
    send.add_argument("--subject", default="", metavar="WORDS")
    send.add_argument("--type", dest="kind", default="text", metavar="TYPE", help="such as text or task (text)")
    send.add_argument("--key", default="", metavar="KEY", help="idempotency key: one message, however often it is sent")
    for verb, what in (("retry", "send dead letters again"), ("forget", "delete dead letters")):
        dead = _add(verbs, verb, "linking", what, _json)
        dead.add_argument("key", nargs="?", default="", metavar="KEY", help="that one alone; default: all")
    inbox = _add(verbs, "inbox", "linking", "what was received, newest first", _json)
    inbox.add_argument("-n", "--limit", type=_limit, default=20, metavar="N", help="at most so many (20)")


def _add_alerts(commands: Any) -> None:
    group = commands.add_parser("alerts", help="who is called when something needs you", description="alerts")
    verbs = group.add_subparsers(dest="verb", metavar="VERB", title="verbs", required=True)
    _add(verbs, "list", "alerting", "the channels, and how their last delivery went", _json, function="list_channels")
    test = _add(verbs, "test", "alerting", "send a test alert now, and say how it went", _json)
    test.add_argument("name", nargs="?", metavar="NAME", help="one channel; default: all, and the desktop")
    snooze = _add(verbs, "snooze", "alerting", "be silent for a while, emergencies excepted", _json)
    snooze.add_argument(
        "--for", dest="for_s", type=_duration, default=3600.0, metavar="TIME", help="90s, 30m, 1h, 2d; 0 ends it (1h)"
    )
    snooze.add_argument("component", nargs="?", default="", metavar="COMPONENT", help="only of this one, such as web")
    for name, what in (("set-secret", "keep a channel's address in the keyring"), ("remove-secret", "forget it")):
        secret = _add(verbs, name, "alerting", what, function=name.replace("-", "_"))
        secret.add_argument("name", metavar="NAME")


def _add_door(commands: Any) -> None:
    page = _add(commands, "docs", "docs", "the page that describes the local API, in the browser")
    page.add_argument("--path", action="store_true", help="only fetch it, and print where it lies")
    group = commands.add_parser("token", help="the tokens of the local API", description="the tokens of the local API")
    verbs = group.add_subparsers(dest="verb", metavar="VERB", title="verbs", required=True)
    show = _add(verbs, "show", "token", "one token alone, or all of them", function="show_token")
    show.add_argument("scope", nargs="?", choices=SCOPES)
    rotate = _add(verbs, "rotate", "token", "new ones in place of all, or of some; at once", function="rotate_tokens")
    rotate.add_argument("scopes", nargs="*", metavar="SCOPE", type=_scope, help="read, operate, input")


def _add_setting_up(commands: Any) -> None:
    check = _add(commands, "check", "setting_up", "look for mistakes in a settings file", _json)
    check.add_argument("file", nargs="?", metavar="FILE", help="default: the settings file in use")
    _add(commands, "doctor", "setting_up", "what this desktop lacks, and how to mend it", _json)
    autostart = _add(commands, "autostart", "setting_up", "start Aurora at login", _json)
    autostart.add_argument("what", choices=("enable", "disable", "status"))


def _add_completion(commands: Any) -> None:
    completion = _add(commands, "completion", "completing", "what lets your shell complete what you type with Tab")
    completion.add_argument("shell", choices=("bash", "zsh", "fish"), help="its code goes to standard output")


class _Parser(ArgumentParser):
    """Says why there is no command for what the operator alone may do."""

    def error(self, message: str) -> NoReturn:
        why = _NO_SUCH if _OPERATORS.search(message) else _NO_WORD if _ALLOWERS.search(message) else ""
        super().error(message + why)


def _add(
    commands: Any,
    name: str,
    module: str,
    what: str,
    *extra: Callable[[ArgumentParser], None],
    function: str | None = None,
) -> ArgumentParser:
    """The function of the command bears its name, unless told otherwise."""
    parser: ArgumentParser = commands.add_parser(name, help=what, description=what)
    parser.set_defaults(perform=lambda: getattr(import_module(f"aurora_desktop.cli.{module}"), function or name))
    for add in extra:
        add(parser)
    return parser


def _json(parser: ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="for programs: the shapes of docs/command.md")


def _scope(text: str) -> str:
    if text not in SCOPES:
        raise ArgumentTypeError(f"there is no token `{text}`, only {', '.join(SCOPES)}")
    return text


def _count(text: str) -> int:
    if not text.isascii() or not text.isdigit() or len(text) > 15:
        raise ArgumentTypeError("expected a whole number, 0 or more")
    return int(text)


def _limit(text: str) -> int:
    if not 1 <= _count(text) <= 1000:
        raise ArgumentTypeError("expected a number from 1 to 1000")
    return int(text)


def _recent(text: str) -> int:
    if not 1 <= _count(text) <= MAX_RECENT:
        raise ArgumentTypeError(f"expected a number from 1 to {MAX_RECENT}")
    return int(text)


def _duration(text: str) -> float:
    match = re.fullmatch(r"(\d{1,9})([smhd]?)", text.strip().lower())
    if not match:
        raise ArgumentTypeError("expected a time like 90s, 30m, 1h or 2d; 0 ends it")
    return int(match[1]) * {"": 1.0, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}[match[2]]


def _found(text: str) -> int:
    if not 1 <= _count(text) <= MAX_FOUND:
        raise ArgumentTypeError(f"expected a number from 1 to {MAX_FOUND}")
    return int(text)


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds <= MAX_STALL_S:
        raise ArgumentTypeError(f"expected seconds, above 0 and up to {MAX_STALL_S:g}")
    return seconds


def _interval(text: str) -> float:
    if not 0.2 <= _seconds(text) <= MAX_INTERVAL_S:
        raise ArgumentTypeError(f"expected seconds, 0.2 to {MAX_INTERVAL_S:g}")
    return float(text)


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise ArgumentTypeError("expected a number") from None


def _timeout(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds <= MAX_TIMEOUT_S:
        raise ArgumentTypeError(f"expected seconds, above 0 and up to {MAX_TIMEOUT_S:g}")
    return seconds
