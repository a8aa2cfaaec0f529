"""What is wrong with Aurora itself, told by the events."""

import pytest
from core.clocks import FakeClock

from aurora_desktop.core.events import AnyEvent, AuroraStopping, PartFailed, Record, SettingsApplied, SettingsRefused
from aurora_desktop.core.healing_events import WatchTrouble
from aurora_desktop.core.storage_events import StorageFailing, StorageQuarantined, StorageRecovered
from aurora_desktop.healing.alerts.view import AlertsView, ChannelView, Delivered
from aurora_desktop.healing.view import AgentView, EscalationView, HealingView, OfferView, ResourceView
from aurora_desktop.heartbeat.own_problems import QUARANTINE_SHOWN_S, OwnProblems, outcome
from aurora_desktop.heartbeat.part_problems import of_alerts, of_control, of_healing, of_tasks
from aurora_desktop.safety.view import ControlView
from aurora_desktop.supervisor.view import ServiceView
from aurora_desktop.tasks.view import ApprovalView, CliAgentView, TaskTroubles, TaskView, WorkerView


def after(*events: AnyEvent, clock: FakeClock | None = None) -> OwnProblems:
    problems = OwnProblems(clock or FakeClock())
    for place, event in enumerate(events):
        problems.read(Record(place, event))
    return problems


def refused(*problems: str) -> SettingsRefused:
    return SettingsRefused(at=1.0, component="aurora", path="aurora.yaml", problems=problems)


def failing(path: str, detail: str = "no space left") -> StorageFailing:
    return StorageFailing(at=1.0, component="aurora", path=path, detail=detail)


def sentences(problems: OwnProblems) -> list[str]:
    return [problem.sentence for problem in problems.current()]


def test_nothing_is_wrong_at_first() -> None:
    assert after(AuroraStopping(at=1.0, component="aurora", reason="test")).current() == ()


def test_storage_that_fails_is_a_problem_until_it_recovered() -> None:
    problems = after(failing("journal.db"))
    assert sentences(problems) == ["events cannot be written: no space left"]
    assert problems.current()[0].next_step == "Make room or give access: journal.db"
    assert problems.current()[0].severity == 1
    problems.read(Record(9, StorageRecovered(at=2.0, component="aurora", path="journal.db", kept=1, dropped=0)))
    assert problems.current() == ()


def test_each_file_recovers_by_itself() -> None:
    problems = after(failing("a", "first"), failing("b", "second"))
    problems.read(Record(9, StorageRecovered(at=2.0, component="aurora", path="a", kept=1, dropped=0)))
    assert sentences(problems) == ["events cannot be written: second"]


def test_a_file_that_never_failed_may_recover() -> None:
    assert after(StorageRecovered(at=2.0, component="aurora", path="a", kept=1, dropped=0)).current() == ()


def test_refused_settings_are_a_problem_until_settings_are_applied() -> None:
    problems = after(refused("line 3: unknown key", "line 9: wrong type"))
    assert sentences(problems) == ["changed settings are not in force: line 3: unknown key (and 1 more)"]
    problems.read(Record(9, SettingsApplied(at=2.0, component="aurora", path="aurora.yaml")))
    assert problems.current() == ()


def test_the_headline_of_refused_settings_names_the_file_and_the_next_step_its_whole_path() -> None:
    path = "/home/ada/.config/aurora-desktop/aurora.yaml"
    event = SettingsRefused(at=1.0, component="aurora", path=path, problems=(f"{path}:3: input: unknown key",))
    problem = after(event).current()[0]
    assert problem.sentence == "changed settings are not in force: aurora.yaml:3: input: unknown key"
    assert problem.next_step == f"Correct the settings file: {path}"


def test_settings_refused_again_are_one_problem() -> None:
    problems = after(refused("line 3: unknown key"), refused("line 4: wrong type"))
    assert sentences(problems) == ["changed settings are not in force: line 4: wrong type"]


def test_settings_refused_without_a_reason() -> None:
    assert sentences(after(refused())) == ["changed settings are not in force: the file cannot be read"]


def test_a_part_that_failed_stays_a_problem() -> None:
    problems = after(PartFailed(at=1.0, component="heartbeat", detail="it ended"))
    assert [(p.component, p.sentence, p.severity) for p in problems.current()] == [("heartbeat", "it ended", 1)]


def quarantined(path: str = "/state/journal.db") -> StorageQuarantined:
    return StorageQuarantined(
        at=1.0, component="aurora", path=path, moved_to=f"{path}.damaged", reason="its pages do not add up"
    )


def test_a_file_that_was_set_aside_is_a_problem_for_an_hour() -> None:
    clock = FakeClock()
    problems = after(quarantined(), clock=clock)
    (problem,) = problems.current()
    assert problem.sentence == "journal.db was set aside (its pages do not add up) and begun anew"
    assert problem.next_step == "The old file is kept: /state/journal.db.damaged"
    clock.advance(QUARANTINE_SHOWN_S - 1)
    assert problems.current() == (problem,)
    clock.advance(1)
    assert problems.current() == ()


def test_a_clock_that_is_set_hides_no_problem() -> None:
    clock = FakeClock()
    problems = after(quarantined(), clock=clock)
    clock.jump(86_400.0)
    assert len(problems.current()) == 1


def test_a_file_set_aside_again_is_shown_for_another_hour() -> None:
    clock = FakeClock()
    problems = after(quarantined(), clock=clock)
    clock.advance(QUARANTINE_SHOWN_S - 1)
    problems.read(Record(9, quarantined()))
    clock.advance(QUARANTINE_SHOWN_S - 1)
    assert len(problems.current()) == 1


def test_a_latched_stop_is_a_problem_that_says_how_to_go_on() -> None:
    view = ControlView(state="latched", stopped_by="hotkey", hint="Hold Ctrl+Shift+R")
    (problem,) = of_control(view)
    assert (problem.component, problem.next_step) == ("input_agent", "Hold Ctrl+Shift+R")
    assert "hotkey" in problem.sentence


def test_settings_that_wait_for_the_operator_are_a_problem() -> None:
    (problem,) = of_control(ControlView(state="disarmed", pending=("`tasks.folders`: /a becomes everywhere", "more")))
    assert problem.sentence.endswith("are not in force: `tasks.folders`: /a becomes everywhere (and 1 more)")
    assert "page Input" in problem.next_step


def test_a_broken_chain_is_a_problem_only_where_the_operator_opened_the_gate() -> None:
    (problem,) = of_control(ControlView(state="closed", reason="the guard does not run", broken=True))
    assert "the guard does not run" in problem.sentence
    assert of_control(ControlView(state="closed", reason="the gate's file is missing")) == ()
    assert of_control(ControlView(state="latched", reason="never cleared")) == ()
    assert of_control(ControlView(state="armed")) == ()


def test_a_channel_that_did_not_take_the_last_alert_is_a_problem() -> None:
    def channel(name: str, last: Delivered | None) -> ChannelView:
        return ChannelView(name=name, address="json://host", on=(), place="settings", last=last)

    well = Delivered(at=1.0, ok=True, title="web failed")
    ill = Delivered(at=1.0, ok=False, title="web failed", cause="it answered 500")
    view = AlertsView(channels=(channel("new", None), channel("good", well), channel("bad", ill)))
    (problem,) = of_alerts(view)
    assert problem.sentence == "alerts do not reach `bad`: it answered 500"
    assert problem.next_step == "Mend it, then run `aurora alerts test bad`"


def test_what_keeps_agents_from_being_watched_is_a_problem_until_it_is_mended() -> None:
    trouble = WatchTrouble(at=1.0, component="aurora", detail="`agents.root` cannot be read", hint="Mend it")
    of_one = WatchTrouble(at=1.0, component="agent:one", detail="its workspace is gone")
    problems = after(trouble, of_one)
    assert sentences(problems) == ["`agents.root` cannot be read"]
    problems.read(Record(9, WatchTrouble(at=2.0, component="aurora", detail="", recovered=True)))
    assert problems.current() == ()


def test_what_waits_for_the_operator_and_what_is_wrong_with_agents_and_the_machine_are_problems() -> None:
    troubles = HealingView(
        escalations=(EscalationView(at=1.0, component="service:web", sentence="the port is taken", hint="Free it"),),
        offers=(
            OfferView(id=1, at=1.0, component="service:api", remedy="install", sentence="x", fault="`rich` is missing"),
        ),
        agents=(AgentView(component="agent:clerk", state="stalled", sentence="silent for 6 min"),),
        machine=(
            ResourceView(resource="disk", percent=93.4, limit=90.0, breached_s=250.0, is_breached=True),
            ResourceView(resource="cpu", percent=99.0, limit=90.0, breached_s=250.0, is_breached=True),
        ),
    )
    assert [(p.component, p.sentence, p.next_step, p.severity) for p in of_healing(troubles)] == [
        ("healing", "web: the port is taken", "Free it", 1),
        ("healing", "api: `rich` is missing", "Look at the recovery page", 3),
        ("agent:clerk", "clerk: silent for 6 min", "Look at the recovery page", 2),
        ("machine", "disk at 93 % (limit 90 %) for 4 min 10 s", "Look at the recovery page", 3),
        ("machine", "CPU at 99 % (limit 90 %) for 4 min 10 s", "Look at the recovery page", 3),
    ]


def test_where_nothing_troubles_healing_nothing_is_a_problem() -> None:
    assert of_healing(HealingView()) == ()


def test_what_agents_at_work_wait_for_is_told_with_the_next_step() -> None:
    service = ServiceView(name="worker:coder-1", state="failed", cause="no such folder", since=0.0)
    troubles = TaskTroubles(
        uncertain=(
            TaskView(
                id="task_1", number=1, agent="claude", role="", status="uncertain", summary="x",
                cause="its worker died", hint="Retry it.", created_at=0.0,
            ),
        ),
        approvals=(
            ApprovalView(
                id="approval_1", task_id="task_2", agent="codex", kind="tool", tool="Bash", summary="ls", asked_at=0.0
            ),
        ),
        unavailable=(
            CliAgentView(
                name="tool", kind="command", program="tool", available=False, detail="not found", hint="Install it."
            ),
        ),
        workers=(
            WorkerView(
                name="coder-1", pool="coder", agent="claude", status="unhealthy", healthy=False, service=service
            ),
        ),
    )  # fmt: skip
    told = {problem.component: (problem.sentence, problem.next_step) for problem in of_tasks(troubles)}
    assert told == {
        "agent:tool": ("tool cannot be used, and tasks wait for it: not found", "Install it."),
        "worker:coder-1": ("the worker coder-1 does not come up, and tasks wait: no such folder", "Look at its log"),
        "agent:codex": ("codex waits for your word: ls", "Answer it in the window"),
        "agent:claude": ("it is not known how a task of claude ended: its worker died", "Retry it."),
    }
    assert of_tasks(TaskTroubles()) == ()


@pytest.mark.parametrize(
    ("restored_from", "lost", "words"),
    [
        ("", "", "begun anew"),
        ("the backup x", "", "restored out of the backup x; nothing is lost"),
        ("the backup x", "changes of tasks", "restored out of the backup x; lost: changes of tasks"),
    ],
)
def test_what_stands_in_the_place_of_a_file_that_was_set_aside(restored_from: str, lost: str, words: str) -> None:
    event = StorageQuarantined(
        at=1.0, component="aurora", path="a", moved_to="b", reason="c", restored_from=restored_from, lost=lost
    )
    assert outcome(event) == words
