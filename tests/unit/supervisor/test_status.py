"""What follows from a status alone."""

import pytest

from aurora_desktop.core.settings.schema import Probe, Service, TcpProbe
from aurora_desktop.core.settings.values import Command
from aurora_desktop.supervisor.status import (
    SETTLE_S,
    Blocker,
    Status,
    is_up,
    needs_signal_of_readiness,
    next_deadline,
    shift,
)

PROBE = Probe(tcp=TcpProbe(port=1))


def spec(**keys: object) -> Service:
    return Service(command=Command(["program"]), **keys)  # type: ignore[arg-type] # the keys of one test


SIMPLE = spec()
NOTIFY = spec(type="notify")
ONESHOT = spec(type="oneshot")
WITH_READINESS = spec(readiness_probe=PROBE)
WITH_STARTUP = spec(startup_probe=PROBE)


@pytest.mark.parametrize(
    ("service", "status", "expected"),
    [
        (SIMPLE, Status(state="running"), True),
        (SIMPLE, Status(state="starting"), False),
        (SIMPLE, Status(state="unhealthy"), False),
        (SIMPLE, Status(state="stopping"), False),
        (NOTIFY, Status(state="running"), False),
        (NOTIFY, Status(state="ready"), True),
        (WITH_READINESS, Status(state="running"), False),
        (WITH_READINESS, Status(state="ready"), True),
        (WITH_STARTUP, Status(state="starting"), False),
        (WITH_STARTUP, Status(state="running"), True),
        (ONESHOT, Status(state="running"), False),
        (ONESHOT, Status(state="stopped", finished=True), True),
        (ONESHOT, Status(state="stopped"), False),
    ],
)
def test_when_dependents_may_start(service: Service, status: Status, expected: bool) -> None:
    assert is_up(status, service) == expected


@pytest.mark.parametrize(
    ("service", "needed"),
    [(SIMPLE, False), (ONESHOT, False), (NOTIFY, True), (WITH_READINESS, True), (WITH_STARTUP, True)],
)
def test_when_being_spawned_is_not_enough(service: Service, needed: bool) -> None:
    assert needs_signal_of_readiness(service) == needed


@pytest.mark.parametrize(
    ("status", "deadline"),
    [
        (Status(state="waiting", retry_at=5.0), 5.0),
        (Status(state="degraded", retry_at=6.0), 6.0),
        (Status(state="starting", start_deadline=7.0), 7.0),
        (Status(state="running", start_deadline=8.0), 8.0),
        (Status(state="stopping", kill_at=9.0), 9.0),
        (Status(state="ready", start_deadline=8.0), None),
        (Status(state="stopped", kill_at=9.0, retry_at=5.0), None),
        (Status(state="waiting"), None),
    ],
)
def test_the_deadline_of_each_state(status: Status, deadline: float | None) -> None:
    assert next_deadline(status, SIMPLE) == deadline


def test_recovery_is_told_once_it_has_settled() -> None:
    came_back = Status(state="running", up_since=10.0, attempts=1, down_since=9.0)
    assert next_deadline(came_back, SIMPLE) == 10.0 + SETTLE_S
    assert next_deadline(came_back, WITH_READINESS) == 10.0


def test_lasting_health_ends_the_count() -> None:
    lasting = Status(state="ready", up_since=10.0, attempts=2)
    assert next_deadline(lasting, spec(restart_reset_after_sec=30.0)) == 40.0


def test_the_earlier_of_two_deadlines_comes_first() -> None:
    both = Status(state="running", start_deadline=12.0, up_since=10.0, attempts=1, down_since=9.0)
    assert next_deadline(both, SIMPLE) == 11.0


def test_a_stall_moves_on_what_is_held_against_the_child_alone() -> None:
    before = Status(state="stopping", start_deadline=1.0, kill_at=2.0, retry_at=3.0, up_since=4.0)
    after = shift(before, 10.0)
    assert (after.start_deadline, after.kill_at, after.retry_at, after.up_since) == (11.0, 12.0, 3.0, 4.0)
    assert shift(Status(), 10.0) == Status()


@pytest.mark.parametrize(
    ("state", "is_down"),
    [
        ("stopped", True),
        ("failed", True),
        ("degraded", True),
        ("frozen", True),
        ("waiting", False),
        ("starting", False),
    ],
)
def test_which_dependencies_will_not_come_up_by_themselves(state: str, is_down: bool) -> None:
    assert Blocker("db", state).is_down == is_down  # type: ignore[arg-type] # one of State


def test_what_is_frozen_is_still_alive() -> None:
    assert Status(state="frozen").is_alive
    assert not Status(state="degraded").is_alive
