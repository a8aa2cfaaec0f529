"""Backups in the running house: when one is due, what is told, and what damage leads to."""

import asyncio
from typing import Any

import pytest
from core.clocks import FakeClock

from aurora_desktop.backups import keeper as module
from aurora_desktop.backups.keeper import Keeper, due_in_s
from aurora_desktop.backups.messages import Failed, Made, Request
from aurora_desktop.core.events import AnyEvent
from aurora_desktop.core.paths import StatePaths
from aurora_desktop.core.settings.schema_backups import BackupSettings
from aurora_desktop.core.storage.database import Database
from aurora_desktop.core.storage.opening import found_damaged
from aurora_desktop.core.storage_events import BackupFailed, BackupMade, DamageFound
from aurora_desktop.heartbeat.part_problems import of_backups

from .conftest import FILLING, flip_in, open_state

GOOD = Made("20250615T150640Z", 1000, 0.1)
BAD = Failed("There is no room for a backup", "the disk is full", "Free some space")


class House:
    """A keeper, and what it told and asked for; `answers` are what the process answers in turn."""

    def __init__(
        self, paths: StatePaths, monkeypatch: pytest.MonkeyPatch, settings: BackupSettings | None = None
    ) -> None:
        self.clock = FakeClock()
        self.told: list[AnyEvent] = []
        self.restarts: list[str] = []
        self.asked: list[Request] = []
        self.checkpoints = 0
        self.answers: list[Any] = []
        self.keeper = Keeper(
            paths,
            settings or BackupSettings(),
            clock=self.clock,
            publish=self.told.append,
            restart=self.restarts.append,
            checkpoint=self.checkpoint,
        )

        async def ask(request: Request, timeout_s: float) -> Made | Failed:
            self.asked.append(request)
            answer: Made | Failed = self.answers.pop(0)
            return answer

        monkeypatch.setattr(module, "ask", ask)

    async def checkpoint(self) -> None:
        self.checkpoints += 1

    def make(self, *answers: Made | Failed) -> None:
        for answer in answers:
            self.answers.append(answer)
            asyncio.run(self.keeper.make("by interval"))

    def problems(self) -> list[str]:
        return [problem.sentence for problem in of_backups(self.keeper.view())]


@pytest.fixture
def house(paths: StatePaths, monkeypatch: pytest.MonkeyPatch) -> House:
    return House(paths, monkeypatch)


@pytest.mark.parametrize(
    ("last_at", "due"), [(None, 0.0), (1000.0, 0.0), (9_000.0, 2600.0), (10_000.0, 3600.0), (10_001.0, 0.0)]
)
def test_when_one_is_due(last_at: float | None, due: float) -> None:
    """One that lies in the future counts as never made: a clock was wrong then, or is now."""
    assert due_in_s(10_000.0, last_at, 3600.0) == due


def test_a_failure_is_told_once_until_one_is_made(house: House) -> None:
    house.make(BAD, BAD, BAD, GOOD, BAD)
    assert [type(event) for event in house.told] == [BackupFailed, BackupMade, BackupFailed]


def test_a_failure_is_a_remark_and_a_long_time_without_one_a_problem(house: House) -> None:
    house.make(GOOD)
    assert house.problems() == []
    house.make(BAD)
    assert house.problems() == ["no backup can be made: the disk is full"]
    house.clock.advance(4 * 3600)
    assert house.problems() == ["there has been no good backup, for 1 h over its time: the disk is full"]


def test_a_state_without_any_is_no_problem_before_its_time(house: House) -> None:
    assert house.problems() == []
    house.clock.advance(3 * 3600 + 60)
    assert len(house.problems()) == 1


def test_a_second_folder_that_fails_is_a_remark(house: House) -> None:
    house.make(Made("20250615T150640Z", 1000, 0.1, trouble="/mnt/stick: No such file or directory"))
    (problem,) = house.problems()
    assert problem == "the second folder has no new backup: /mnt/stick: No such file or directory"


def test_switched_off_nothing_is_asked_and_nothing_wrong(paths: StatePaths, monkeypatch: pytest.MonkeyPatch) -> None:
    house = House(paths, monkeypatch, BackupSettings(enabled=False))
    asyncio.run(house.keeper.make_last("at quit", 1.0))
    house.clock.advance(10**6)
    assert (house.asked, house.problems()) == ([], [])


def test_damage_that_a_backup_meets_leads_to_a_new_start_that_repairs_it(house: House, paths: StatePaths) -> None:
    house.make(Failed("A database is damaged", "state.db: page 7", "", damaged="state.db"))
    assert [type(event) for event in house.told] == [BackupFailed, DamageFound]
    assert found_damaged(paths.state_db).read_text() == "damaged: state.db: page 7, found while it was in use"
    assert house.restarts == ["state.db is damaged: state.db: page 7"]


def test_a_scrub_finds_a_broken_page_of_a_file_in_use(house: House, paths: StatePaths, state: Database) -> None:
    state.close()
    flip_in(paths.state_db, FILLING.encode())
    in_use = open_state_unchecked(paths)
    asyncio.run(house.keeper._follow(module.scrub.pages(paths.state_db), 0.0))
    in_use.close()
    assert house.restarts
    assert isinstance(house.told[-1], DamageFound)


def open_state_unchecked(paths: StatePaths) -> Database:
    """Damage that came while it was open: begun sound, and broken below it."""
    broken = paths.state_db.read_bytes()
    paths.state_db.unlink()
    database = open_state(paths)
    paths.state_db.write_bytes(broken)
    return database


def test_in_a_hurry_the_one_under_way_is_broken_off(paths: StatePaths, monkeypatch: pytest.MonkeyPatch) -> None:
    house = House(paths, monkeypatch)

    async def hang(request: Request, timeout_s: float) -> Made | Failed:
        await asyncio.Event().wait()
        return GOOD

    monkeypatch.setattr(module, "ask", hang)

    async def quit_twice() -> None:
        making = asyncio.ensure_future(house.keeper.make("at quit"))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        house.keeper.hurry()
        outcome = await making
        assert isinstance(outcome, Failed)

    asyncio.run(quit_twice())


def test_the_last_one_is_younger_than_one_that_is_under_way(paths: StatePaths, monkeypatch: pytest.MonkeyPatch) -> None:
    house = House(paths, monkeypatch)
    house.answers = [GOOD, GOOD]

    async def end() -> None:
        under_way = asyncio.ensure_future(house.keeper.make("by interval"))
        await asyncio.sleep(0)
        await house.keeper.make_last("at quit", 5.0)
        await under_way

    asyncio.run(end())
    assert [request.reason for request in house.asked] == ["by interval", "at quit"]
    assert house.checkpoints == 2


def test_the_one_under_way_and_the_last_one_share_the_time_of_the_end(
    paths: StatePaths, monkeypatch: pytest.MonkeyPatch
) -> None:
    house = House(paths, monkeypatch)
    given: list[float] = []

    async def ask(request: Request, timeout_s: float) -> Made | Failed:
        await asyncio.sleep(0)
        given.append(timeout_s)
        house.clock.advance(14.0)
        return GOOD

    monkeypatch.setattr(module, "ask", ask)

    async def end() -> None:
        under_way = asyncio.ensure_future(house.keeper.make("by interval"))
        await asyncio.sleep(0)
        await house.keeper.make_last("at quit", 20.0)
        await under_way

    asyncio.run(end())
    assert given == [module.LONGEST_S, 6.0]


def test_an_end_while_one_is_made_ends_that_one_and_makes_its_own(
    paths: StatePaths, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The rounds are cancelled at the end, and must not swallow that."""
    house = House(paths, monkeypatch)
    reasons: list[str] = []
    asked = asyncio.Event()

    async def ask(request: Request, timeout_s: float) -> Made | Failed:
        reasons.append(request.reason)
        asked.set()
        if request.reason == "by interval":
            await asyncio.Event().wait()
        return GOOD

    monkeypatch.setattr(module, "ask", ask)

    async def end() -> bool:
        rounds = asyncio.ensure_future(house.keeper.make("by interval"))
        await asked.wait()
        rounds.cancel()
        await house.keeper.make_last("at quit", 5.0)
        await asyncio.wait((rounds,))
        return rounds.cancelled()

    assert asyncio.run(end())
    assert reasons == ["by interval", "at quit"]
    assert [type(event) for event in house.told] == [BackupMade]


def test_two_that_ask_get_the_same(house: House) -> None:
    async def both() -> list[Made | Failed]:
        house.answers.append(GOOD)
        return list(await asyncio.gather(house.keeper.make("one"), house.keeper.make("two")))

    assert asyncio.run(both()) == [GOOD, GOOD]
    assert len(house.asked) == 1
