"""The settings in force: what is held back, over restarts too, until the operator says so."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from core.clocks import FakeClock

from aurora_desktop.backups.rebuilding import SAFETY_UNKNOWN
from aurora_desktop.core.errors import AuroraError
from aurora_desktop.core.settings.schema import InputSettings, Service, Settings
from aurora_desktop.core.settings.schema_tasks import CliAgent, TaskSettings
from aurora_desktop.core.settings.values import Command
from aurora_desktop.core.storage.database import Database
from aurora_desktop.safety.in_force import InForce
from aurora_desktop.safety.messages import HOLD_S
from aurora_desktop.safety.store import MIGRATIONS, SafetyStore

SECRET = "the value of a variable"
Start = Callable[[Settings], InForce]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """A start of Aurora with the file as given; the state is that of the start before."""
    database = Database.open(tmp_path / "state.db", MIGRATIONS, 1)

    def begin(settings: Settings) -> InForce:
        database.submit(lambda _: None).result()
        in_force = InForce(SafetyStore(database), FakeClock(), settings)
        database.submit(lambda _: None).result()  # what it writes is there before another connection changes it
        return in_force

    yield begin
    database.close()


def working(on_estop: Any = "freeze", **fields: Any) -> Settings:
    """With an agent `bot` and a service `web`."""
    bot = CliAgent(kind="command", command=Command(("bot",)), **fields)
    web = Service(command=Command(("web",)), on_estop=on_estop)
    return Settings(tasks=TaskSettings(agents={"bot": bot}), services={"web": web})


def test_what_the_first_start_finds_is_in_force(start: Start) -> None:
    in_force = start(working(permissions="full"))
    assert (in_force.settings, in_force.pending()) == (working(permissions="full"), ())


def test_of_a_changed_file_what_tightens_acts_and_what_loosens_waits(start: Start) -> None:
    in_force = start(working())
    assert in_force.want(working("ignore", permissions="full", concurrency=1)) == working()
    assert len(in_force.pending()) == 2
    assert in_force.want(working("stop", permissions="read-only")) == working("stop", permissions="read-only")
    assert in_force.pending() == ()


@pytest.mark.parametrize("was_there", [True, False])
def test_after_a_repair_that_does_not_know_what_was_confirmed_all_that_is_looser_waits(
    start: Start, tmp_path: Path, was_there: bool
) -> None:
    """Be it that the backup has an older yes, or that there was none: else to spoil the state would be a way around."""
    loose = working(permissions="full")
    if was_there:
        start(loose)
    repaired = Database.open(tmp_path / "state.db", MIGRATIONS, 1)
    repaired.submit(lambda db: db.execute(SAFETY_UNKNOWN).fetchall()).result()
    repaired.close()
    in_force = start(loose)
    assert "bot" not in in_force.settings.tasks.agents
    assert in_force.pending() == ("`tasks.agents.bot`: a new agent of the kind `command` with the permissions `full`",)


def test_what_waits_is_in_force_once_the_operator_says_so(start: Start) -> None:
    loose = working("ignore", permissions="full")
    in_force = start(working())
    in_force.want(loose)
    assert in_force.is_fresh()
    in_force.confirm(loose, was_fresh=False)
    assert (in_force.settings, in_force.pending()) == (loose, ())
    again = start(loose)
    assert (again.settings, again.pending()) == (loose, ())


def test_what_was_not_read_is_not_confirmed(start: Start) -> None:
    in_force = start(working())
    in_force.want(working(permissions="edit"))
    for shown, was_fresh in ((working(permissions="full"), False), (working(permissions="edit"), True)):
        with pytest.raises(AuroraError, match="changed while you pressed"):
            in_force.confirm(shown, was_fresh=was_fresh)
    assert in_force.settings == working()


def test_settings_loosened_while_aurora_did_not_run_wait_too(start: Start) -> None:
    start(working(env={"KEY": SECRET}))
    again = start(working("ignore", permissions="full", env={"KEY": SECRET}))
    assert again.settings == working(env={"KEY": SECRET})
    assert len(again.pending()) == 2


def test_of_an_environment_that_changed_while_aurora_did_not_run_nothing_is_used(start: Start) -> None:
    start(working(env={"KEY": SECRET}))
    again = start(working(env={"KEY": "another"}))
    assert again.settings == working(env={})
    assert again.pending() == ("`tasks.agents.bot`: it is run otherwise (`env`)",)


def test_no_value_of_a_variable_is_kept(start: Start, tmp_path: Path) -> None:
    start(working(env={"KEY": SECRET}))
    start(working(env={"KEY": SECRET}))
    kept = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert b"confirmed_work" in kept
    assert SECRET.encode() not in kept


def test_a_service_that_is_taken_out_and_put_back_is_held_as_before(start: Start) -> None:
    in_force = start(working())
    in_force.want(Settings())
    assert start(Settings()).want(working("ignore")).services == working().services


def test_a_start_after_an_update_takes_work_as_it_is_and_holds_back_the_input(start: Start, tmp_path: Path) -> None:
    """An earlier version kept the settings of mouse and keyboard alone."""
    start(Settings())
    database = Database.open(tmp_path / "state.db", MIGRATIONS, 1)
    database.submit(lambda db: db.execute("DELETE FROM safety WHERE key = 'confirmed_work'")).result()
    again = InForce(SafetyStore(database), FakeClock(), working(permissions="full"))
    assert (again.settings, again.pending()) == (working(permissions="full"), ())
    database.close()


def test_work_that_is_not_understood_lets_no_agent_in(
    start: Start, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    start(working())
    database = Database.open(tmp_path / "state.db", MIGRATIONS, 1)
    database.submit(lambda db: db.execute("UPDATE safety SET value = '[]' WHERE key = 'confirmed_work'")).result()
    again = InForce(SafetyStore(database), FakeClock(), working())
    database.close()
    assert again.settings.tasks == TaskSettings()
    assert again.pending()
    assert "not understood" in caplog.text


def test_a_file_that_nobody_can_have_read_yet_is_fresh(start: Start) -> None:
    in_force = start(Settings())
    assert not in_force.is_fresh()
    in_force.want(Settings(input=InputSettings(arm_minutes=30)))
    assert in_force.is_fresh()
    clock = in_force._clock
    assert isinstance(clock, FakeClock)
    clock.advance(HOLD_S)
    assert not in_force.is_fresh()
