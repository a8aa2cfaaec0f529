"""What is checked before a task is taken: names, prompt, folder, times. All that is wrong is told in one sentence."""

import difflib
import hashlib
import math
import re
import secrets
from collections.abc import Iterable, Mapping
from pathlib import Path

from msgspec.structs import replace

from aurora_desktop.core.errors import AuroraError
from aurora_desktop.core.settings.schema_tasks import CliAgent, Permissions, Role, TaskSettings
from aurora_desktop.tasks.errors import TaskRefusedError
from aurora_desktop.tasks.input_tasks import listed_actions, submissions
from aurora_desktop.tasks.prompts import filled, with_prompt
from aurora_desktop.tasks.task import MOST_PROMPT_BYTES, Task, TaskRequest

MOST_KEY_CHARACTERS = 200
MOST_TIMEOUT_S = 30 * 86_400.0
SUMMARY_CHARACTERS = 120
_MODEL = re.compile(r"[^\W_][!-~]{0,199}")
_TOLD: Mapping[str, frozenset[str]] = {
    "claude": frozenset({"cost", "tokens"}), "acp": frozenset({"cost", "tokens"}), "codex": frozenset({"tokens"}),
    "events": frozenset({"cost", "tokens"}), "command": frozenset(), "input": frozenset(),
}  # fmt: skip
"""What agents of each kind tell of what they spend; `events`: a command with events."""
_STRICTNESS: Mapping[Permissions, int] = {"read-only": 0, "ask": 1, "edit": 2, "full": 3}


def admit(request: TaskRequest, settings: TaskSettings, now: float, *, result: str = "") -> Task:
    """The task of a request for an agent or a role. `result` is that of the step before. Blocking: looks at the folder.

    Raises TaskRefusedError.
    """
    check_target(request, settings)
    role = settings.all_roles[request.role] if request.role else None
    name = role.agent if role is not None else request.agent
    agent = settings.all_agents[name]
    _check_times(request)
    _check_names(request)
    _check_prompt(request, agent)
    _check_budget(request, name, agent)
    request = _with_actions(request, name, agent)
    prompt = _prompt(request, role, result)
    _check_argument(prompt, agent)
    return Task(
        id=f"task_{secrets.token_hex(8)}",
        number=0,
        agent=name,
        role=request.role,
        prompt=prompt,
        summary=summary(request.prompt or _in_words(request)),
        prompt_sha256=hashlib.sha256(prompt.encode()).hexdigest(),
        cwd=_folder(request.cwd or agent.cwd or "~", settings.folders),
        env=request.env,
        timeout_s=request.timeout_s or agent.timeout_s,
        silence_s=request.silence_s or agent.silence_s,
        priority=request.priority,
        retry=request.retry,
        max_attempts=request.max_attempts or settings.max_attempts,
        max_usd=request.max_usd,
        max_tokens=request.max_tokens,
        model=request.model or (role.model if role is not None else None) or agent.model,
        permissions=_permissions(request, role, agent),
        expect=request.expect,
        actions=request.actions,
        idempotency_key=request.idempotency_key,
        operator_user=request.operator_user,
        source=request.source,
        created_at=now,
    )


def check_target(request: TaskRequest, settings: TaskSettings) -> None:
    """Exactly one of agent, role and pipeline, and one that there is. Raises TaskRefusedError."""
    named = [kind for kind in ("agent", "role", "pipeline") if getattr(request, kind)]
    if len(named) != 1:
        said = " and ".join(named) if named else "none of them"
        raise TaskRefusedError(
            "Say who is to do the task", f"exactly one of agent, role and pipeline is needed; there is {said}",
            "`aurora agents list` shows whom you can ask.",
        )  # fmt: skip
    there: dict[str, Iterable[str]] = {
        "agent": settings.all_agents, "role": settings.all_roles, "pipeline": settings.pipelines
    }  # fmt: skip
    kind, name = named[0], getattr(request, named[0])
    if name not in there[kind]:
        raise _unknown(kind, name, sorted(there[kind]))


def _unknown(kind: str, name: str, there: list[str]) -> TaskRefusedError:
    near = difflib.get_close_matches(name, there, n=1)
    all_there = f"There are {', '.join(there)}." if there else f"`tasks.{kind}s` of the settings names none."
    new = "One that is new in the settings waits for you in the window."
    hint = f"Did you mean `{near[0]}`?" if near else f"{all_there} {new}"
    return TaskRefusedError(f"There is no {kind} `{name[:64]}`", "", hint)


# --- the prompt ---------------------------------------------------------------------------------------------------


def _prompt(request: TaskRequest, role: Role | None, result: str) -> str:
    """With the words of the role around it."""
    if role is None or not request.prompt:
        return request.prompt
    try:
        return filled(role.prompt, request.prompt, result)
    except AuroraError as error:
        raise TaskRefusedError(error.title, error.detail, error.hint) from error


def _check_prompt(request: TaskRequest, agent: CliAgent) -> None:
    prompt = request.prompt
    if not prompt.strip() and not (agent.kind == "input" and request.actions):
        raise TaskRefusedError("The prompt is empty", "", "Say what is to be done.")
    if "\0" in prompt:
        hint = "Remove it: no program can take it as an argument."
        raise TaskRefusedError("The prompt holds a NUL character", f"at character {prompt.index(chr(0)) + 1}", hint)
    try:
        size = len(prompt.encode())
    except UnicodeEncodeError as error:
        detail = f"at character {error.start + 1}"
        raise TaskRefusedError("The prompt holds half a character", detail, "Send it as proper UTF-8.") from None
    if size > MOST_PROMPT_BYTES:
        raise TaskRefusedError(
            "The prompt is too long", f"{size:,} bytes, over the limit of {MOST_PROMPT_BYTES:,}",
            "Put what is long into a file in the task's folder, and name it in the prompt.",
        )  # fmt: skip


def _check_argument(prompt: str, agent: CliAgent) -> None:
    """A prompt that cannot be given as an argument is refused before it waits in the queue."""
    if agent.kind != "command" or agent.prompt != "argument":
        return
    try:
        with_prompt([*agent.program, *agent.args], prompt)
    except AuroraError as error:
        raise TaskRefusedError(error.title, error.detail, error.hint) from error


def _with_actions(request: TaskRequest, name: str, agent: CliAgent) -> TaskRequest:
    """For the kind `input` the prompt becomes the list that it is: as a text its secrets would be shown."""
    if agent.kind != "input" and request.actions:
        hint = "Give it a prompt, or give the actions to an agent of the kind `input`."
        raise TaskRefusedError(f"`{name}` takes no input actions", f"it is of the kind `{agent.kind}`", hint)
    if agent.kind == "input":
        try:
            submissions(request)
        except AuroraError as error:
            raise TaskRefusedError(error.title, error.detail, error.hint) from error
        return replace(request, actions=tuple(listed_actions(request)), prompt="")
    return request


def _in_words(request: TaskRequest) -> str:
    count = len(request.actions)
    return f"{count} input action{'' if count == 1 else 's'}"


def summary(prompt: str) -> str:
    """The first words in one line that can be shown anywhere."""
    line = " ".join(prompt[: SUMMARY_CHARACTERS * 4].split())
    shown = "".join(sign if sign.isprintable() else "?" for sign in line)
    return shown if len(shown) <= SUMMARY_CHARACTERS else shown[: SUMMARY_CHARACTERS - 1] + "…"


# --- the folder ---------------------------------------------------------------------------------------------------


def _folder(cwd: str, allowed: list[str]) -> str:
    """Absolute, there, and where tasks may run (`allowed`, real paths); links are followed, so that none leads out."""
    if "\0" in cwd or (not cwd.startswith(("/", "~")) and not Path(cwd).is_absolute()):
        raise TaskRefusedError("The folder must be an absolute path", repr(cwd)[:300], "Begin it with / or ~.")
    try:
        folder = Path(cwd).expanduser().resolve(strict=True)
        is_folder = folder.is_dir()
    except RuntimeError:
        raise TaskRefusedError("The folder's `~` names no user", cwd[:300], "Write the path in full.") from None
    except OSError as error:
        raise TaskRefusedError(
            "The folder of the task cannot be used", f"{cwd[:300]}: {(error.strerror or 'not there').lower()}",
            "Make it first, or name another.",
        ) from None  # fmt: skip
    if not is_folder:
        raise TaskRefusedError("The folder of the task is no folder", cwd[:300], "Name the folder that it lies in.")
    if allowed and not any(folder.is_relative_to(root) for root in allowed):
        raise TaskRefusedError(
            "No task may run in this folder", f"{folder} is not below {', '.join(allowed)}",
            "Choose one of these, or add it to `tasks.folders`.",
        )  # fmt: skip
    return str(folder)


# --- the rest -----------------------------------------------------------------------------------------------------


def _check_times(request: TaskRequest) -> None:
    for name in ("timeout_s", "silence_s"):
        value = getattr(request, name)
        if value is not None and not (math.isfinite(value) and 0 < value <= MOST_TIMEOUT_S):
            hint = f"Give seconds, more than 0 and at most {MOST_TIMEOUT_S:,.0f}; leave it out for the agent's own."
            raise TaskRefusedError(f"`{name}` is no time", f"it is {value:g}", hint)
    for name in ("max_usd", "max_tokens", "max_attempts"):
        value = getattr(request, name)
        if value is not None and not (math.isfinite(value) and value > 0):
            raise TaskRefusedError(f"`{name}` must be more than 0", f"it is {value:g}", "Leave it out for no limit.")
    if abs(request.priority) > 1_000_000:
        raise TaskRefusedError(
            "The priority is out of range", f"{request.priority}", "Between -1,000,000 and 1,000,000."
        )


def _check_budget(request: TaskRequest, name: str, agent: CliAgent) -> None:
    """A limit is kept by what the agent tells that it spends: one that nobody can keep is refused."""
    told = _TOLD["events"] if agent.kind == "command" and agent.events == "json" else _TOLD[agent.kind]
    own, of_agent = f"`tasks.agents.{name}.budget.", agent.budget
    limits = (
        ("cost", "`max_usd`", request.max_usd),
        ("cost", f"{own}task_usd`", of_agent.task_usd),
        ("cost", f"{own}day_usd`", of_agent.day_usd),
        ("tokens", "`max_tokens`", request.max_tokens),
        ("tokens", f"{own}task_tokens`", of_agent.task_tokens),
        ("tokens", f"{own}day_tokens`", of_agent.day_tokens),
    )
    for what, limit, value in limits:
        if value is not None and what not in told:
            title = f"A limit of the {what} cannot be kept: {name} does not tell it"
            instead = " A limit in tokens is kept." if "tokens" in told else ""
            raise TaskRefusedError(title, f"{limit} is {value:g}", f"Take {limit} out.{instead}")


def _check_names(request: TaskRequest) -> None:
    for name in request.env or ():
        if not name or "=" in name or "\0" in name:
            hint = "`env` holds names alone; the values are those of Aurora's own variables."
            raise TaskRefusedError(
                "That is no name of an environment variable", repr(name.partition("=")[0])[:80], hint
            )
    if request.model is not None and not _MODEL.fullmatch(request.model):
        hint = "It goes to the agent's program as an argument: name a model, or leave it out for the agent's own."
        raise TaskRefusedError("That is no name of a model", repr(request.model)[:80], hint)
    key = request.idempotency_key
    if key is not None and not (0 < len(key) <= MOST_KEY_CHARACTERS and key.isprintable()):
        hint = f"Between 1 and {MOST_KEY_CHARACTERS} printable characters."
        raise TaskRefusedError("The idempotency key cannot be used", f"it has {len(key)} characters", hint)
    for file in request.expect.files:
        if not file or "\0" in file or Path(file).is_absolute() or ".." in Path(file).parts:
            hint = "Name files below the task's folder."
            raise TaskRefusedError("An expected file is no path below the folder", repr(file)[:300], hint)
    try:
        re.compile(request.expect.pattern or "")
    except (re.error, OverflowError, RecursionError, Warning) as error:
        raise TaskRefusedError("The expected pattern is no regular expression", str(error), "Correct it.") from error


def _permissions(request: TaskRequest, role: Role | None, agent: CliAgent) -> Permissions:
    """An agent with a shell could submit a task: what loosens is for the window alone."""
    own = (role.permissions if role is not None else None) or agent.permissions
    asked = request.permissions or own
    if _STRICTNESS[asked] > _STRICTNESS[own] and request.source != "window":
        raise TaskRefusedError(
            "A task cannot give itself more permissions", f"it asks for `{asked}`, the settings say `{own}`",
            "Submit it in the window, or change the agent's or the role's `permissions`.",
        )  # fmt: skip
    return asked
