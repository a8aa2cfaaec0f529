"""The options of agents at work: the agents themselves, roles of workers, pipelines, limits."""

import re
from typing import Annotated, Literal

from msgspec import Meta
from msgspec.structs import force_setattr

from aurora_desktop.core.settings.options import Count, Name, Seconds, Section, option
from aurora_desktop.core.settings.values import ByteSize, Command, Environment

AgentKind = Literal["claude", "codex", "acp", "command", "input"]
Permissions = Literal["ask", "read-only", "edit", "full"]
Retry = Literal["resume", "safe", "never"]

Dollars = Annotated[float, Meta(gt=0, extra={"unit": "USD"})]
PROGRAMS: dict[AgentKind, tuple[str, ...]] = {"claude": ("claude",), "codex": ("codex",)}
"""What is run where an agent's `command` is not given; the other kinds must give it, `input` has none."""


class Budget(Section, frozen=True):
    """What an agent may spend. Without a limit it is only counted."""

    task_usd: Annotated[Dollars | None, option("Cost of one task.")] = None
    task_tokens: Annotated[Count | None, option("Tokens of one task, in and out together.", "tokens")] = None
    day_usd: Annotated[Dollars | None, option("Cost of all its tasks since local midnight.")] = None
    day_tokens: Annotated[Count | None, option("Tokens of all its tasks since local midnight.", "tokens")] = None
    on_limit: Annotated[
        Literal["stop", "ask"], option("`stop` ends the task; `ask` freezes it and asks you whether it may go on.")
    ] = "stop"


class CliAgent(Section, frozen=True):
    """A program that does tasks."""

    kind: Annotated[
        AgentKind,
        option(
            "`claude` (Claude Code), `codex` (Codex CLI), `acp` (any agent of the Agent Client Protocol), `command`"
            " (any program), `input` (mouse and keyboard, through the gate; no program)."
        ),
    ]
    command: Annotated[
        Command | None,
        option(
            "Program and first arguments; no shell. Default: `claude` or `codex`. `{prompt}` and `{prompt_file}` of"
            " the kind `command` are filled in."
        ),
    ] = None
    args: Annotated[list[str], option("Arguments added to those that Aurora gives.")] = []
    prompt: Annotated[
        Literal["argument", "stdin", "file"],
        option(
            "How a `command` gets the prompt: as its last argument (or where `{prompt}` stands), on standard input,"
            " or as the path of a file (last argument, or `{prompt_file}`)."
        ),
    ] = "argument"
    events: Annotated[
        Literal["none", "json"], option("Whether a `command` prints events, one JSON object per line.")
    ] = "none"
    model: Annotated[Annotated[str, Meta(min_length=1)] | None, option("Model to ask for.")] = None
    permissions: Annotated[
        Permissions,
        option(
            "`ask` you before each tool that is not harmless; `read-only`; `edit` files without asking; `full`: no"
            " question at all."
        ),
    ] = "ask"
    cwd: Annotated[str | None, option("Folder of tasks that name none. Default: the home folder.")] = None
    env: Annotated[dict[str, str], option("Environment variables, taken verbatim; their values are never logged.")] = {}
    env_file: Annotated[str | None, option("File of NAME=value lines, read at each start; `env` wins over it.")] = None
    pass_environment: Annotated[
        list[str] | None,
        option("Names of Aurora's own variables to pass on. Default: all; a list passes those and the basic ones."),
    ] = None
    concurrency: Annotated[Count, option("Tasks of this agent at the same time.", "tasks")] = 1
    timeout_s: Annotated[Seconds, option("A task that takes longer is ended.")] = 300.0
    silence_s: Annotated[
        Seconds,
        option(
            "An agent that says nothing for so long is ended; that it waits for you or its provider, or that a tool of"
            " it runs, is no silence."
        ),
    ] = 120.0
    grace_s: Annotated[Seconds, option("Time to end after SIGTERM before the whole tree is killed.")] = 5.0
    version_args: Annotated[
        list[str] | None,
        option(
            "Asked before its first task. Default: `--version` for `claude` and `codex`; others are asked if this or"
            " `version_pattern` is given. An empty list asks nothing."
        ),
    ] = None
    version_pattern: Annotated[
        Annotated[str, Meta(max_length=500)] | None,
        option("Regular expression that the answer must match. Default: any number with a dot."),
    ] = None
    budget: Annotated[Budget, option("What it may spend.")] = Budget()
    on_estop: Annotated[
        Literal["freeze", "stop", "ignore"], option("What the emergency stop does with it and its whole tree.")
    ] = "freeze"
    memory_max: Annotated[
        ByteSize | None, option("Memory of the worker with the agent's whole tree over which it is ended.", "bytes")
    ] = None

    def __post_init__(self) -> None:
        force_setattr(self, "env", Environment(self.env))
        if self.kind in ("command", "acp") and not self.command:
            raise ValueError(f"an agent of the kind `{self.kind}` needs a `command`")
        if self.kind == "input" and self.command:
            raise ValueError("an agent of the kind `input` has no `command`: it acts through Aurora's own gate")
        try:
            re.compile(self.version_pattern or "")
        except (re.error, OverflowError, RecursionError, Warning) as error:
            raise ValueError(f"`version_pattern` is no regular expression: {error}") from error
        for key in (*self.env, *(self.pass_environment or ())):
            if not key or "=" in key or "\0" in key:
                raise ValueError("names of environment variables cannot be empty or contain `=` or NUL")
        if any("\0" in value for value in self.env.values()):
            raise ValueError("values of environment variables cannot contain NUL")

    @property
    def program(self) -> tuple[str, ...]:
        """Program and first arguments; empty for `input`."""
        return tuple(self.command or PROGRAMS.get(self.kind, ()))


class Role(Section, frozen=True):
    """A part in the work: an agent with words of its own, and so many workers."""

    agent: Annotated[Name, option("Who does it.")] = "claude"
    prompt: Annotated[
        Annotated[str, Meta(min_length=1, max_length=100_000)],
        option("Template of the prompt: `{prompt}` is the task, `{result}` the result of the step before."),
    ] = "{prompt}"
    count: Annotated[Annotated[int, Meta(ge=0, le=64)], option("Workers.", "workers")] = 1
    warm: Annotated[bool, option("Keep its workers running while there is nothing to do.")] = False
    env: Annotated[dict[str, str], option("Environment variables beside the agent's; never logged.")] = {}
    model: Annotated[Annotated[str, Meta(min_length=1)] | None, option("Model instead of the agent's.")] = None
    permissions: Annotated[Permissions | None, option("Permissions instead of the agent's.")] = None

    def __post_init__(self) -> None:
        force_setattr(self, "env", Environment(self.env))
        if "{prompt}" not in self.prompt and "{result}" not in self.prompt:
            raise ValueError("`prompt` holds neither `{prompt}` nor `{result}`: the task would never reach the agent")


class Pipeline(Section, frozen=True):
    """Roles one after another, each with the result of the one before."""

    steps: Annotated[Annotated[list[Name], Meta(min_length=1, max_length=20)], option("The roles, in order.")]
    accept: Annotated[
        Annotated[str, Meta(max_length=500)] | None,
        option("Regular expression, searched in the last result: a match ends the rounds. Default: one round."),
    ] = None
    repeat_from: Annotated[Name | None, option("Step with which another round begins. Default: the first.")] = None
    max_rounds: Annotated[Annotated[int, Meta(ge=1, le=20)], option("Most rounds.", "rounds")] = 3

    def __post_init__(self) -> None:
        if self.repeat_from is not None and self.repeat_from not in self.steps:
            raise ValueError(f"`repeat_from` names `{self.repeat_from}`, which is no step of it")
        try:
            re.compile(self.accept or "")
        except (re.error, OverflowError, RecursionError, Warning) as error:
            raise ValueError(f"`accept` is no regular expression: {error}") from error


def _shipped_roles() -> dict[str, Role]:
    review = "Review what was done for the task below. Begin your answer with APPROVED if nothing must be changed."
    return {
        "architect": Role(prompt="Plan the following, step by step. Change no file.\n\n{prompt}"),
        "coder": Role(prompt="Do the following.\n\n{prompt}\n\n{result}"),
        "executor": Role(prompt="Carry out the following and report what came of it.\n\n{prompt}\n\n{result}"),
        "critic": Role(prompt=f"{review}\n\nTask: {{prompt}}\n\nDone: {{result}}"),
        "deployer": Role(prompt="Deploy the following, and check that it runs.\n\n{prompt}\n\n{result}"),
    }


# Made once: the queue looks them up many times for each task.
_SHIPPED_AGENTS = {
    "claude": CliAgent(kind="claude"),
    "codex": CliAgent(kind="codex"),
    "input": CliAgent(kind="input"),
}
_SHIPPED_ROLES = _shipped_roles()


class TaskSettings(Section, frozen=True):
    """Tasks for agents, and the workers that have them done. What loosens limits waits for your confirmation."""

    agents: Annotated[
        dict[Name, CliAgent], option("Agents by name. `claude`, `codex` and `input` are there without being named.")
    ] = {}
    roles: Annotated[
        dict[Name, Role],
        option("Roles by name. architect, coder, executor, critic and deployer are there without being named."),
    ] = {}
    pipelines: Annotated[dict[Name, Pipeline], option("Pipelines by name.")] = {}
    folders: Annotated[
        list[str], option("If not empty, tasks may run in these folders and below alone; `~` is understood.")
    ] = []
    concurrency: Annotated[Count, option("Tasks of all agents at the same time.", "tasks")] = 8
    max_attempts: Annotated[Count, option("Lost attempts before a task is given up as `dead`.", "attempts")] = 3
    lease_s: Annotated[
        Seconds, option("A worker that is silent, or does not begin its task, for so long loses it; at least 6 s.")
    ] = 30.0
    result_ttl_s: Annotated[Seconds, option("How long the result of a finished task is kept in the queue.")] = 300.0
    idle_exit_s: Annotated[Seconds, option("A worker without work ends after this, unless its role is `warm`.")] = 300.0
    queue_limit: Annotated[Annotated[int, Meta(ge=1, le=100_000)], option("Tasks that may wait.", "tasks")] = 10_000
    output_max_bytes: Annotated[
        ByteSize, option("Output of one task that is kept; of more, the first and the last part.", "bytes")
    ] = ByteSize(64_000_000)
    keep_max_bytes: Annotated[
        ByteSize, option("Output of all finished tasks: the oldest is removed above this.", "bytes")
    ] = ByteSize(1_000_000_000)
    keep_max_days: Annotated[Annotated[float, Meta(gt=0)], option("Output of older tasks is removed.", "days")] = 30.0

    def __post_init__(self) -> None:
        agents, roles = self.all_agents, self.all_roles
        for name, role in roles.items():
            if role.agent not in agents:
                there = ", ".join(sorted(agents))
                raise ValueError(f"role `{name}`: there is no agent `{role.agent}`; there are {there}")
            if name in agents:
                raise ValueError(f"role `{name}` has the name of an agent: give one of them another name")
        for name, pipeline in self.pipelines.items():
            if unknown := [step for step in pipeline.steps if step not in roles]:
                there = ", ".join(sorted(roles))
                raise ValueError(f"pipeline `{name}`: there is no role `{unknown[0]}`; there are {there}")

    @property
    def all_agents(self) -> dict[str, CliAgent]:
        """Those that are always there, and the operator's own, which win."""
        return {**_SHIPPED_AGENTS, **self.agents}

    @property
    def all_roles(self) -> dict[str, Role]:
        """Those that are always there, and the operator's own, which win."""
        return {**_SHIPPED_ROLES, **self.roles}
