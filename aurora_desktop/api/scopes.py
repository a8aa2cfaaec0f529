"""Which token opens which address, and how long a request to it may be. Pure rules, asked before every route."""

from aurora_desktop.api.files import SCOPES, Scope
from aurora_desktop.input.actions import MAX_TEXT
from aurora_desktop.tasks.task import MOST_PROMPT_BYTES

MAX_BODY_BYTES = 64 * 1024
# The longest text, each of its characters escaped as a pair of surrogates: `\ud83d\ude00`.
MAX_SUBMISSION_BYTES = 12 * MAX_TEXT + MAX_BODY_BYTES
# The longest prompt, each of its characters escaped: a control character of one byte takes six, as `\u0001`.
MAX_TASK_BYTES = 6 * MOST_PROMPT_BYTES + MAX_BODY_BYTES

GRANTED = "aurora.granted"
"""Where a request's scope has those of its token."""

STOPPING = frozenset({"/v1/estop", "/v1/disarm", "/control/emergency-stop"})
SUBMITTING = frozenset({"/v1/input/submit", "/input/submit"})
_ASKING_OPERATOR = "/v1/control/request"
# What is given up when the token is rotated meanwhile, as everything that only looks is.
WAITING = frozenset({_ASKING_OPERATOR})
# Asked by POST because of the length of what is asked; they change nothing.
ASKING = frozenset({"/v1/remedies/test"})
PROMPTING = ("/v1/tasks", "/cli/command", "/agent/message")
_SUBMITTING_WORK = frozenset({*PROMPTING, "/api/cluster/task/submit"})
_COMMANDS = ("/cancel", "/retry", "/resume")
_LONG_BODIES = {**dict.fromkeys(SUBMITTING, MAX_SUBMISSION_BYTES), **dict.fromkeys(PROMPTING, MAX_TASK_BYTES)}
_INPUT = ("/v1/input/", "/input/")
# What is on the screen is for those who may act on it.
_PICTURES = "/v1/input/pictures/"
_CONTROL = "/v1/control"

_ANY: frozenset[Scope] = frozenset(SCOPES)
_LOOK: frozenset[Scope] = frozenset({"read", "operate"})
_OPERATE: frozenset[Scope] = frozenset({"operate"})
_ACT: frozenset[Scope] = frozenset({"input"})


def allowed(method: str, path: str) -> frozenset[Scope]:
    """The scopes whose tokens open this address, each alone.

    Anything may stop: the brake asks for a valid token and no more. Mouse and keyboard are for `input` alone, so
    that a script that restarts services cannot type by the same token; both may take a task back. Who may give work to
    an agent depends on the agent (`task_scopes`).
    """
    looks = method in ("GET", "HEAD")
    if not looks and _gives_work(path):
        return _ACT | _OPERATE
    if path.startswith(_PICTURES) or path == _ASKING_OPERATOR:
        return _ACT
    if path in STOPPING or (looks and _is_of_input(path)):
        return _ANY
    if looks or path in ASKING:
        return _LOOK
    if path.startswith(_INPUT):
        return _ACT | _OPERATE if path.endswith("/cancel") else _ACT
    return _OPERATE


def body_limit(path: str) -> int:
    """The most bytes of a body that are read for this address."""
    return _LONG_BODIES.get(path, MAX_BODY_BYTES)


def _gives_work(path: str) -> bool:
    """Or takes it back."""
    return path in _SUBMITTING_WORK or (path.startswith(("/v1/tasks/", "/v1/runs/")) and path.endswith(_COMMANDS))


def _is_of_input(path: str) -> bool:
    return path == _CONTROL or path.startswith(_INPUT)
