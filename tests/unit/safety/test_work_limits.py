"""What a change of the settings of agents at work loosens, and what of it acts at once."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aurora_desktop.core.settings.schema import Service
from aurora_desktop.core.settings.schema_tasks import Budget, CliAgent, Pipeline, Role, TaskSettings
from aurora_desktop.core.settings.values import ByteSize, Command
from aurora_desktop.safety.work_limits import (
    NO_FOLDER,
    loosened,
    loosened_services,
    marks_of,
    tightened,
    tightened_services,
)


def bot(**fields: Any) -> TaskSettings:
    """With one agent, `bot`."""
    return TaskSettings(agents={"bot": CliAgent(kind="command", command=Command(("bot",)), **fields)})


def coder(**fields: Any) -> TaskSettings:
    """With an own `coder`."""
    return TaskSettings(roles={"coder": Role(**fields)})


EDITS = CliAgent(kind="claude", permissions="edit")

# From the first to the second loosens, back tightens.
LIMITS: list[tuple[str, TaskSettings, TaskSettings]] = [
    ("tasks.agents.bot.permissions", bot(permissions="ask"), bot(permissions="full")),
    ("tasks.agents.bot.permissions", bot(permissions="read-only"), bot(permissions="ask")),
    ("tasks.agents.bot.on_estop", bot(), bot(on_estop="ignore")),
    ("tasks.agents.bot.concurrency", bot(), bot(concurrency=9)),
    ("tasks.agents.bot.memory_max", bot(memory_max=ByteSize(9)), bot()),
    ("tasks.agents.bot.budget.task_usd", bot(budget=Budget(task_usd=1)), bot(budget=Budget(task_usd=1.5))),
    ("tasks.agents.bot.budget.task_tokens", bot(budget=Budget(task_tokens=1)), bot()),
    ("tasks.agents.bot.budget.day_usd", bot(budget=Budget(day_usd=5)), bot()),
    ("tasks.agents.bot.budget.day_tokens", bot(budget=Budget(day_tokens=5)), bot(budget=Budget(day_tokens=6))),
    ("tasks.agents.bot.budget.on_limit", bot(), bot(budget=Budget(on_limit="ask"))),
    ("tasks.agents.claude.permissions", TaskSettings(), TaskSettings(agents={"claude": EDITS})),
    ("tasks.roles.coder.permissions", coder(permissions="read-only"), coder()),
    ("tasks.roles.coder.count", coder(), coder(count=5)),
    ("tasks.folders", TaskSettings(folders=["/a"]), TaskSettings()),
    ("tasks.folders", TaskSettings(folders=["/a"]), TaskSettings(folders=["/a", "/b"])),
    ("tasks.folders", TaskSettings(folders=["/a/b"]), TaskSettings(folders=["/a"])),
    ("tasks.concurrency", TaskSettings(), TaskSettings(concurrency=9)),
    ("tasks.queue_limit", TaskSettings(), TaskSettings(queue_limit=20_000)),
    ("tasks.output_max_bytes", TaskSettings(), TaskSettings(output_max_bytes=ByteSize(1))),
    ("tasks.keep_max_bytes", TaskSettings(), TaskSettings(keep_max_bytes=ByteSize(1))),
    ("tasks.keep_max_days", TaskSettings(), TaskSettings(keep_max_days=1)),
]  # fmt: skip


@pytest.mark.parametrize(("field", "strict", "loose"), LIMITS)
def test_a_limit_that_loosens_is_named_and_waits(field: str, strict: TaskSettings, loose: TaskSettings) -> None:
    (sentence,) = loosened(strict, loose)
    assert sentence.startswith(f"`{field}`: ")
    assert tightened(strict, loose).all_agents == strict.all_agents
    assert loosened(strict, tightened(strict, loose)) == ()


@pytest.mark.parametrize(("field", "strict", "loose"), LIMITS)
def test_a_limit_that_tightens_acts_at_once(field: str, strict: TaskSettings, loose: TaskSettings) -> None:
    assert loosened(loose, strict) == (), field
    acting = tightened(loose, strict)
    assert (acting.all_agents, acting.all_roles) == (strict.all_agents, strict.all_roles)
    assert (acting.folders, acting.concurrency) == (strict.folders, strict.concurrency)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("command", Command(("sh",))), ("args", ["-x"]), ("env", {"LD_PRELOAD": "x"}), ("env_file", "x"),
        ("pass_environment", ["X"]), ("prompt", "stdin"), ("events", "json"), ("version_args", ["-V"]),
    ],
)  # fmt: skip
def test_an_agent_that_is_run_otherwise_runs_as_before_until_the_operator_says_so(key: str, value: Any) -> None:
    old = bot()
    other = {"kind": "command", "command": Command(("bot",)), key: value}
    new = TaskSettings(agents={"bot": CliAgent(**other)})
    assert loosened(old, new) == (f"`tasks.agents.bot`: it is run otherwise (`{key}`)",)
    assert tightened(old, new) == old


def test_what_an_agent_gets_by_its_environment_is_not_told() -> None:
    told = loosened(bot(env={"TOKEN": "abcdef-secret"}), bot(env={"TOKEN": "uvwxyz-secret"}))
    told += loosened(coder(), coder(env={"TOKEN": "uvwxyz-secret"}))
    assert len(told) == 2
    assert "secret" not in str(told)


def test_a_new_agent_waits_with_the_roles_and_pipelines_that_need_it() -> None:
    new = TaskSettings(
        agents=bot(permissions="full").agents,
        roles={"tester": Role(agent="bot"), "coder": Role(agent="bot")},
        pipelines={"all": Pipeline(steps=["coder", "tester"]), "plan": Pipeline(steps=["architect", "coder"])},
    )
    acting = tightened(TaskSettings(), new)
    assert acting.all_agents == TaskSettings().all_agents
    assert acting.all_roles == TaskSettings().all_roles
    assert list(acting.pipelines) == ["plan"]
    assert loosened(TaskSettings(), new) == (
        "`tasks.agents.bot`: a new agent of the kind `command` with the permissions `full`",
        "`tasks.roles.coder.agent`: claude becomes bot",
        "`tasks.roles.tester`: a new role, which `bot` does",
    )


def test_an_agent_that_is_taken_out_goes_at_once_and_comes_back_as_a_new_one() -> None:
    acting = tightened(bot(), TaskSettings())
    assert "bot" not in acting.all_agents
    assert loosened(acting, bot()) != ()


def test_a_new_role_acts_at_once_with_what_its_agent_has() -> None:
    new = TaskSettings(roles={"tester": Role(prompt="Test {prompt}", count=2)})
    assert (loosened(TaskSettings(), new), tightened(TaskSettings(), new)) == ((), new)
    more = TaskSettings(roles={"tester": Role(permissions="full", env={"A": "1"})})
    assert tightened(TaskSettings(), more).roles == {"tester": Role(permissions="ask")}
    assert len(loosened(TaskSettings(), more)) == 2


def test_a_role_of_another_agent_keeps_the_stricter_permissions() -> None:
    agents = {"bot": CliAgent(kind="command", command=Command(("bot",)), permissions="full")}
    old = TaskSettings(agents=agents, roles={"coder": Role(agent="claude")})
    new = TaskSettings(agents=agents, roles={"coder": Role(agent="bot")})
    assert tightened(old, new).all_roles["coder"] == Role(agent="bot", permissions="ask")
    assert loosened(old, new) == ("`tasks.roles.coder.permissions`: ask becomes none",)


def test_models_times_and_prompts_are_no_limits() -> None:
    new = bot(model="m", timeout_s=9999, silence_s=9999, cwd="/x")
    assert loosened(bot(), new) == ()
    assert tightened(bot(), new) == new


def test_folders_that_do_not_meet_leave_none() -> None:
    assert tightened(TaskSettings(folders=["/a"]), TaskSettings(folders=["/b"])).folders == [NO_FOLDER]


def test_a_service_that_the_emergency_stop_would_leave_alone_is_still_held() -> None:
    held, free = Service(command=Command(("x",)), on_estop="freeze"), Service(command=Command(("x",)))
    marks = marks_of({"web": held, "db": free})
    assert loosened_services(marks, {"web": free, "db": held}) == ("`services.web.on_estop`: freeze becomes ignore",)
    assert tightened_services(marks, {"web": free, "db": held}) == {"web": held, "db": held}
    assert tightened_services(marks, {"new": free}) == {"new": free}


ORDER = ("read-only", "ask", "edit", "full")
permissions = st.sampled_from(["read-only", "ask", "edit", "full"])
budgets = st.builds(
    Budget, task_usd=st.sampled_from([None, 1.0, 2.0]), day_tokens=st.sampled_from([None, 1, 2]),
    on_limit=st.sampled_from(["stop", "ask"]),
)  # fmt: skip
agents = st.builds(
    CliAgent,
    kind=st.just("command"),
    command=st.sampled_from([Command(("a",)), Command(("b",))]),
    env=st.sampled_from([{}, {"A": "1"}]),
    model=st.sampled_from([None, "m"]),
    permissions=permissions,
    concurrency=st.integers(1, 3),
    budget=budgets,
    on_estop=st.sampled_from(["freeze", "stop", "ignore"]),
)
names = ["claude", "bot", "other"]


@st.composite
def whole(draw: st.DrawFn) -> TaskSettings:
    own = draw(st.dictionaries(st.sampled_from(names), agents, max_size=3))
    there = sorted({"claude", *own})
    roles = st.builds(
        Role, agent=st.sampled_from(there), permissions=st.none() | permissions, count=st.integers(0, 2),
        env=st.sampled_from([{}, {"B": "1"}]),
    )  # fmt: skip
    chosen = draw(st.dictionaries(st.sampled_from(["coder", "critic", "tester"]), roles, max_size=3))
    steps = st.lists(st.sampled_from(sorted({"coder", "critic", *chosen})), min_size=1, max_size=2)
    return TaskSettings(
        agents=own,
        roles=chosen,
        pipelines=draw(st.dictionaries(st.just("p"), steps.map(lambda s: Pipeline(steps=s)))),
        folders=draw(st.lists(st.sampled_from(["/a", "/a/b", "/c"]), max_size=2, unique=True)),
        concurrency=draw(st.integers(1, 3)),
    )


@settings(max_examples=60)
@given(whole(), whole())
def test_what_acts_at_once_loosens_neither_the_old_nor_the_new(old: TaskSettings, new: TaskSettings) -> None:
    acting = tightened(old, new)
    assert loosened(old, acting) == ()
    assert tightened(acting, new) == acting
    assert loosened(acting, new) != () or acting == new
    for name, agent in acting.all_agents.items():
        before, after = old.all_agents[name], new.all_agents[name]
        assert (agent.command, agent.env) == (before.command, before.env)
        assert agent.concurrency == min(before.concurrency, after.concurrency)
    for name in acting.all_roles:
        assert may(acting, name) <= (may(old, name) if name in old.all_roles else of_agent(old, acting, name))


@settings(max_examples=20)
@given(whole())
def test_no_change_loosens_nothing(same: TaskSettings) -> None:
    assert loosened(same, same) == ()
    assert tightened(same, same) == same


def may(settings: TaskSettings, role_name: str) -> int:
    """How much the role allows."""
    role = settings.all_roles[role_name]
    return ORDER.index(role.permissions or settings.all_agents[role.agent].permissions)


def of_agent(old: TaskSettings, acting: TaskSettings, role_name: str) -> int:
    """How much the agent of a new role was allowed before."""
    return ORDER.index(old.all_agents[acting.all_roles[role_name].agent].permissions)
