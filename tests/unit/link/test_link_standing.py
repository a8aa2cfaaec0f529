"""How the link stands: told when it changes, quiet in a long outage, with the last errors and what lasts."""

from core.clocks import FakeClock

from aurora_desktop.core.events import AnyEvent
from aurora_desktop.core.link_events import LinkStateChanged, LinkWarning
from aurora_desktop.heartbeat.part_problems import of_link
from aurora_desktop.link.backoff import QUIET_AFTER
from aurora_desktop.link.standing import Standing
from aurora_desktop.link.view import LinkView, OutgoingView, QueueView


def made() -> tuple[Standing, list[AnyEvent]]:
    events: list[AnyEvent] = []
    return Standing(FakeClock(), events.append), events


def test_each_change_is_told_once_with_what_comes_next() -> None:
    standing, events = made()
    standing.become("connecting", "to the server")
    standing.become("connecting", "to the server")
    standing.become("backing_off", "gone", "Look", next_in_s=2.5)
    told = [(e.previous, e.state, e.next_attempt_in_s) for e in events if isinstance(e, LinkStateChanged)]
    assert told == [("offline", "connecting", None), ("connecting", "backing_off", 2.5)]
    assert standing.next_attempt_at == FakeClock().wall() + 2.5


def test_an_outage_of_a_week_does_not_fill_the_journal_and_its_end_is_told() -> None:
    standing, events = made()
    for attempt in range(40_000):
        standing.attempt = attempt
        standing.become("connecting", "to the server")
        standing.become("backing_off", "gone", next_in_s=10)
    assert len(events) <= 2 * (QUIET_AFTER + 2)
    assert (standing.attempt, standing.state) == (39_999, "backing_off")
    standing.attempt = 0
    standing.become("online", "connected")
    assert events[-1].state == "online"  # type: ignore[union-attr]  # what was told last


def test_the_same_error_is_kept_once_and_few_of_all() -> None:
    standing, _ = made()
    for number in range(50):
        standing.went_wrong("gone" if number % 2 else f"error {number // 2}")
    assert len(standing.errors) == 20
    standing.went_wrong("gone")
    assert [what for _, what in standing.errors][:2] != ["gone", "gone"]


def test_a_warning_is_told_once_while_it_lasts() -> None:
    standing, events = made()
    standing.warn("tokens", "in a file")
    standing.warn("tokens", "in a file")
    standing.is_over("tokens")
    standing.warn("tokens", "in a file")
    assert len([e for e in events if isinstance(e, LinkWarning)]) == 2


def test_an_alarm_is_told_once_until_it_was_up_for_a_while() -> None:
    standing, events = made()
    for _ in range(3):
        standing.alarm("refused", "blocked", "Ask there")
    standing.alarm("down", "gone", "Look there")
    standing.calm()
    standing.alarm("refused", "blocked again", "Ask there")
    told = [(e.topic, e.detail, e.needs_operator) for e in events if isinstance(e, LinkWarning)]
    assert told == [("refused", "blocked", True), ("down", "gone", True), ("refused", "blocked again", True)]
    assert standing.warnings == {}  # state and cause show it


def test_what_of_it_is_a_problem_of_the_whole() -> None:
    dead = OutgoingView(
        key="k", recipient="9", subject="", status="dead", created_at=0, size=1, cause="it answered 404"
    )

    def told(**given: object) -> list[str]:
        return [p.sentence for p in of_link(LinkView(enabled=True, **given))]  # type: ignore[arg-type]  # by name

    assert of_link(LinkView()) == ()
    assert told(state="online") == told(state="connecting") == told(state="backing_off", attempt=1) == []
    assert told(state="backing_off", attempt=2, cause="gone") == ["the link is down: gone"]
    assert told(state="refused", cause="no") == ["the link is refused: no"]
    assert told(state="degraded", cause="no socket") == ["the link works in part: no socket"]
    assert told(state="online", outbox=QueueView(dead=(dead,), dead_count=1)) == [
        "1 message was not sent: it answered 404"
    ]
