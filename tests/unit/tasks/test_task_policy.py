"""The rules of the queue: nobody gets two, no limit is passed, nothing is done twice that must not be."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from aurora_desktop.core.settings.schema_tasks import AgentKind
from aurora_desktop.tasks.messages import Ended, Ending
from aurora_desktop.tasks.policy import (
    LONGEST_REFUSAL_DELAY_S,
    MOST_REFUSALS,
    REFUSAL_DELAY_S,
    TRANSITIONS,
    Assignment,
    Lane,
    Loss,
    Room,
    Slot,
    after_end,
    after_loss,
    assign,
    is_stale,
    turn,
)
from aurora_desktop.tasks.task import AT_WORK, FINISHED, Task

AGENTS = ("claude", "codex", "tool")
POOLS = ("claude", "coder", "critic")
NOW = 1000.0
KINDS: tuple[AgentKind | None, ...] = ("claude", "codex", "acp", "command", "input", None)

names = st.sampled_from([f"{pool}-{number}" for pool in POOLS for number in (1, 2, 3)])


@st.composite
def queued(draw: st.DrawFn, number: int) -> Task:
    pool = draw(st.sampled_from(POOLS))
    return Task(
        id=f"task_{number}",
        number=number,
        agent=draw(st.sampled_from(AGENTS)),
        role="" if pool == "claude" else pool,
        priority=draw(st.integers(-2, 2)),
        avoid_worker=draw(st.just("") | names),
    )


@st.composite
def queues(draw: st.DrawFn) -> dict[Lane, list[Task]]:
    tasks = [draw(queued(number)) for number in range(draw(st.integers(0, 12)))]
    lanes: dict[Lane, list[Task]] = {}
    for task in sorted(tasks, key=turn):
        lanes.setdefault((task.pool, task.agent), []).append(task)
    return lanes


slots = st.lists(
    st.builds(
        lambda name, readiness: Slot(name, name.rpartition("-")[0], readiness),
        names,
        st.sampled_from(["idle", "starting", "asleep"]),
    ),
    unique_by=lambda slot: slot.worker,
)
rooms = st.builds(Room, st.integers(0, 5), st.dictionaries(st.sampled_from(AGENTS), st.integers(-1, 3)))
crowds = st.dictionaries(st.sampled_from(POOLS), st.integers(1, 3))


def may_take(task: Task, slot: Slot, crowd: int) -> bool:
    return slot.pool == task.pool and (crowd <= 1 or slot.worker != task.avoid_worker)


@given(queues(), slots, rooms, crowds)
def test_no_limit_is_passed_and_nobody_gets_two(
    lanes: dict[Lane, list[Task]], free: list[Slot], room: Room, crowd: dict[str, int]
) -> None:
    chosen = assign(lanes, free, room, crowd, NOW)
    assert len(chosen) <= room.total
    for agent, count in Counter(task.agent for task, _ in chosen).items():
        assert count <= room.agents.get(agent, 0)
    assert len({slot.worker for _, slot in chosen}) == len({task.id for task, _ in chosen}) == len(chosen)
    assert all(may_take(task, slot, crowd.get(task.pool, 0)) for task, slot in chosen)


@given(queues(), slots, rooms, crowds)
def test_nothing_that_could_be_given_out_is_left(
    lanes: dict[Lane, list[Task]], free: list[Slot], room: Room, crowd: dict[str, int]
) -> None:
    chosen = assign(lanes, free, room, crowd, NOW)
    if len(chosen) >= room.total:
        return
    used = {slot.worker for _, slot in chosen}
    spent = Counter(task.agent for task, _ in chosen)
    given_out = {task.id for task, _ in chosen}
    for task in (task for lane in lanes.values() for task in lane if task.id not in given_out):
        has_room = room.agents.get(task.agent, 0) > spent[task.agent]
        left = [slot for slot in free if slot.worker not in used and may_take(task, slot, crowd.get(task.pool, 0))]
        assert not (has_room and left)


@given(queues(), slots, rooms, crowds)
def test_nobody_is_passed_over_by_one_whose_turn_is_later(
    lanes: dict[Lane, list[Task]], free: list[Slot], room: Room, crowd: dict[str, int]
) -> None:
    chosen = assign(lanes, free, room, crowd, NOW)
    given_out = {task.id for task, _ in chosen}
    for (pool, agent), lane in lanes.items():
        for place, task in enumerate(lane):
            if task.id not in given_out and not task.avoid_worker:
                assert not any(later.id in given_out for later in lane[place + 1 :]), (pool, agent)


def of(chosen: list[Assignment]) -> list[tuple[str, str]]:
    return [(task.id, slot.worker) for task, slot in chosen]


def test_the_higher_priority_goes_first_then_the_lower_number() -> None:
    first, second, urgent = (Task(id=name, number=n, agent="a") for n, name in enumerate(("one", "two", "three")))
    urgent = replace(urgent, priority=1)
    lanes = {("a", "a"): sorted([first, second, urgent], key=turn)}
    slots = [Slot("a-1", "a"), Slot("a-2", "a")]
    assert of(assign(lanes, slots, Room(9, {"a": 9}), {"a": 2}, NOW)) == [("three", "a-1"), ("one", "a-2")]


def test_who_is_ready_goes_before_who_must_be_started() -> None:
    lanes = {("a", "a"): [Task(id="one", number=1, agent="a")]}
    slots = [Slot("a-1", "a", "asleep"), Slot("a-2", "a", "starting"), Slot("a-3", "a", "idle")]
    assert of(assign(lanes, slots, Room(9, {"a": 9}), {"a": 3}, NOW)) == [("one", "a-3")]


# --- what becomes of an attempt -----------------------------------------------------------------------------------

tasks_at_work = st.builds(
    Task,
    id=st.just("task_1"),
    number=st.just(1),
    agent=st.just("claude"),
    status=st.sampled_from(sorted(AT_WORK)),
    worker=st.just("claude-1"),
    attempt=st.integers(1, 5),
    lost=st.integers(0, 3),
    max_attempts=st.integers(1, 5),
    retry=st.sampled_from(["resume", "safe", "never"]),
    session_id=st.sampled_from([None, "session"]),
    cancelling=st.sampled_from(["", "window"]),
    stopping=st.sampled_from(["", "the budget is spent"]),
    resumes=st.booleans(),
)
losses = st.builds(Loss, began=st.booleans(), cause=st.just("it died"), counts=st.booleans())


@given(tasks_at_work, losses, st.sampled_from(KINDS))
def test_what_was_begun_is_only_repeated_where_that_is_allowed(task: Task, loss: Loss, kind: AgentKind | None) -> None:
    after = after_loss(task, loss, kind)
    if after.status == "queued" and loss.began:
        resumes = task.session_id is not None and kind in ("claude", "codex", "acp") and task.retry != "never"
        assert after.resumes == resumes
        assert resumes or (task.retry == "safe" and kind != "input")
    if not loss.began and after.status == "queued":
        assert after.resumes == task.resumes, "what was never begun is as it was"


@given(tasks_at_work, losses, st.sampled_from(KINDS))
def test_a_lost_attempt_leads_where_it_may(task: Task, loss: Loss, kind: AgentKind | None) -> None:
    after = after_loss(task, loss, kind)
    assert after.status in TRANSITIONS[task.status]
    if task.cancelling:
        assert after.status == "cancelled"
    elif task.stopping:
        assert after.status == "error"
    elif task.lost + loss.counts >= task.max_attempts:
        assert after.status == "dead"
    else:
        assert after.status in ("queued", "uncertain")
    assert after.lost == task.lost + loss.counts


@given(tasks_at_work)
def test_lost_attempts_come_to_an_end(task: Task) -> None:
    task = replace(task, retry="safe", cancelling="", stopping="")
    for _ in range(task.max_attempts + 1):
        after = after_loss(task, Loss(began=True, cause="it died"), "claude")
        if after.status == "dead":
            return
        task = replace(task, lost=after.lost, session_id="session")
    raise AssertionError("it would go on for ever")


endings: st.SearchStrategy[Ending] = st.sampled_from(
    ["completed", "error", "timeout", "cancelled", "interrupted", "crashed", "refused"]
)


@given(tasks_at_work, endings, st.booleans(), st.booleans(), st.sampled_from(KINDS), st.sampled_from(["silence", None]))
def test_every_end_leads_where_it_may(
    task: Task, ending: Ending, began: bool, has_others: bool, kind: AgentKind | None, limit: str | None
) -> None:
    ended = Ended(task_id=task.id, attempt=task.attempt, ending=ending, began=began, facts={"limit": limit})
    after = after_end(task, ended, kind, now=NOW, has_others=has_others)
    assert after.status in TRANSITIONS[task.status]
    if ending in ("completed", "error"):
        assert after.status == ending, "what the agent told is the end of it"
    if ending == "timeout":
        assert after.status in ("timeout", "queued", "dead", "cancelled")
        assert after.status == "timeout" or (has_others and limit == "silence")


def silent(**facts: str) -> Ended:
    return Ended(task_id="task_1", attempt=1, ending="timeout", began=True, facts=dict(facts), error="it said nothing")


def test_a_silent_agents_task_is_anothers_where_it_may_be_repeated() -> None:
    task = Task(id="task_1", number=1, agent="a", status="running", worker="a-1", attempt=1, retry="safe")
    after = after_end(task, silent(limit="silence"), "command", now=NOW, has_others=True)
    assert (after.status, after.avoid_worker, after.lost) == ("queued", "a-1", 1)
    assert after_end(task, silent(limit="silence"), "command", now=NOW, has_others=False).status == "timeout"
    assert after_end(task, silent(limit="total"), "command", now=NOW, has_others=True).status == "timeout"
    never = replace(task, retry="never")
    assert after_end(never, silent(limit="silence"), "command", now=NOW, has_others=True).status == "timeout"


def test_a_task_that_the_machine_could_not_start_is_tried_again_later_each_time_and_not_for_ever() -> None:
    task = Task(id="task_1", number=1, agent="a", status="leased", attempt=1, max_attempts=1, resumes=True)
    waits = []
    for _ in range(MOST_REFUSALS - 1):
        ended = Ended(task_id=task.id, attempt=task.attempt, ending="refused", error="cannot be started", passes=True)
        after = after_end(task, ended, "command", now=NOW, has_others=False)
        assert (after.status, after.lost, after.resumes) == ("queued", 0, True)
        waits.append(after.not_before - NOW)
        task = replace(task, refusals=after.refusals)
    assert (waits[0], waits[-1]) == (REFUSAL_DELAY_S, LONGEST_REFUSAL_DELAY_S)
    assert waits == sorted(waits)
    after = after_end(task, ended, "command", now=NOW, has_others=False)
    assert (after.status, after.refusals) == ("error", 0)
    assert f"tried {MOST_REFUSALS} times" in after.cause


def test_what_waits_for_its_time_is_passed_over_and_keeps_nobody_else_waiting() -> None:
    first, second = (Task(id=f"task_{n}", number=n, agent="a", not_before=NOW + 5 * (n == 1)) for n in (1, 2))
    lanes, slots = {("a", "a"): [first, second]}, [Slot("a-1", "a")]
    assert of(assign(lanes, slots, Room(9, {"a": 9}), {"a": 1}, NOW)) == [("task_2", "a-1")]
    assert of(assign(lanes, slots, Room(9, {"a": 9}), {"a": 1}, NOW + 5)) == [("task_1", "a-1")]


def test_a_clock_that_is_set_back_keeps_nobody_waiting() -> None:
    task = Task(id="task_1", number=1, agent="a", not_before=NOW + REFUSAL_DELAY_S)
    an_hour_ago = NOW - 3600
    lanes = {("a", "a"): [task]}
    assert of(assign(lanes, [Slot("a-1", "a")], Room(9, {"a": 9}), {"a": 1}, an_hour_ago)) == [("task_1", "a-1")]


def test_an_end_that_aurora_brought_about_is_not_counted() -> None:
    task = Task(id="task_1", number=1, agent="a", status="running", max_attempts=1, retry="safe")
    ended = Ended(task_id="task_1", attempt=1, ending="interrupted", began=True)
    assert after_end(task, ended, "command", by_us=True, now=NOW, has_others=False).status == "queued"
    assert after_end(task, ended, "command", now=NOW, has_others=False).status == "dead"


@given(st.floats(0, 1e6), st.floats(0, 1e6), st.floats(1, 1000))
def test_a_frozen_worker_is_never_stale(heard_at: float, now: float, patience_s: float) -> None:
    assert not is_stale(heard_at, now, patience_s, frozen=True)
    assert is_stale(heard_at, heard_at + patience_s * 2, patience_s, frozen=False)


def test_every_status_has_its_transitions() -> None:
    assert set(TRANSITIONS) == {"queued", "uncertain", *AT_WORK, *FINISHED}
    assert all(TRANSITIONS[status] == {"queued"} for status in FINISHED)
