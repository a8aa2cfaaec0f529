"""What the failure memory keeps, counts, finds and forgets, on a real database."""

import asyncio
import contextlib
import json
from collections.abc import Iterator
from pathlib import Path

import apsw
import pytest
from core.clocks import FakeClock
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aurora_desktop.core.errors import AuroraError
from aurora_desktop.core.settings.schema import Settings
from aurora_desktop.core.settings.schema_healing import HealingSettings
from aurora_desktop.core.storage_events import StorageFailing, StorageRecovered
from aurora_desktop.healing.memory import writing
from aurora_desktop.healing.view import FailurePlace, SearchAnswer
from healing.memories import OpenMemory, fault, opened

PORT = "port 8080 is already in use by node (pid 17)"


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def kept(tmp_path: Path, clock: FakeClock) -> Iterator[OpenMemory]:
    with opened(tmp_path / "state.db", clock) as made:
        yield made


def search(kept: OpenMemory, query: str, limit: int = 20) -> SearchAnswer:
    kept.settle()
    return asyncio.run(kept.memory.search(query, limit))


def test_a_fault_has_its_number_and_signature_at_once(kept: OpenMemory) -> None:
    first = kept.memory.remember(fault(PORT, "port_conflict"))
    second = kept.memory.remember(fault(PORT, "port_conflict"))
    assert (first.failure_id, second.failure_id) == (1, 2)
    assert first.signature == second.signature == "port <number> is already in use by node (pid <number>)"


def test_numbers_go_on_after_a_restart(tmp_path: Path, clock: FakeClock) -> None:
    with opened(tmp_path / "state.db", clock) as before:
        before.memory.remember(fault(PORT))
    with opened(tmp_path / "state.db", clock) as after:
        assert after.memory.remember(fault(PORT)).failure_id == 2


def test_the_question_of_the_mission_is_answered_in_words(kept: OpenMemory, clock: FakeClock) -> None:
    for number in range(3):
        known = kept.memory.remember(fault(f"port 80{number} is already in use", "port_conflict", at=clock.wall()))
        kept.memory.tried(known, "next_free_port", "worked" if number else "failed", "moved to 8081", 1.5)
        clock.advance(4)
        kept.memory.recovered("service:web", clock.wall(), 4.0)
    kept.memory.remember(fault("No module named 'requests'", "missing_python_module", "api"))
    found = search(kept, "show me past fixes for port conflict errors")
    assert found.total == 3
    [group] = found.groups
    assert (group.kind, group.count, group.components) == ("port_conflict", 3, ("service:web",))
    assert (group.worked, group.failed, group.median_downtime_s) == ({"next_free_port": 2}, {"next_free_port": 1}, 4.0)
    assert [past.tried[0].outcome for past in group.newest] == ["worked", "worked", "failed"]
    assert found.sentence.startswith("Seen 3 times, on web: first ")
    assert "next_free_port worked 2 of 3 times." in found.sentence
    assert found.sentence.endswith("It took 4.0 s to be well again (median).")


@pytest.mark.parametrize(
    "query", ["EADDRINUSE", "address already in use", "conflicts of ports", "next_free_port", "node"]
)
def test_a_failure_is_found_by_any_of_its_names(kept: OpenMemory, query: str) -> None:
    kept.memory.tried(kept.memory.remember(fault(PORT, "port_conflict")), "next_free_port", "worked", "moved", 1.0)
    assert search(kept, query).total == 1


def test_what_has_all_that_was_asked_comes_before_what_has_some(kept: OpenMemory) -> None:
    kept.memory.remember(fault("connection to postgres was refused", "refused_connection", "api"))
    kept.memory.remember(fault("connection to redis was refused", "refused_connection", "api"))
    assert [group.sentence for group in search(kept, "refused connection redis").groups] == [
        "connection to redis was refused"
    ]
    assert search(kept, "refused connection mysql").total == 2


def _pages(kept: OpenMemory, query: str, limit: int) -> list[list[str]]:
    """The sentences of all that is found, page by page."""
    pages, after = [], None
    while True:
        found = asyncio.run(kept.memory.search(query, limit, after))
        pages.append([group.sentence for group in found.groups])
        if not found.next_cursor:
            return pages
        after = FailurePlace.parse(found.next_cursor)


@pytest.mark.parametrize(
    "query", ["", "refused connection", "refused connection redis", "refused connection mysql", "redis"]
)
@pytest.mark.parametrize("limit", [1, 2, 3, 7, 8])
def test_what_is_found_comes_in_pages(kept: OpenMemory, clock: FakeClock, query: str, limit: int) -> None:
    for number, what in enumerate(["connection to redis refused", "redis lost its connection", "redis refused"] * 3):
        text = f"{what} by {'abcdefghi'[number] * 4}"
        kept.memory.remember(fault(text, "refused_connection" if number % 3 else "unknown", at=clock.wall()))
        clock.advance(number % 2)  # some at the same moment
    whole = [group.sentence for group in search(kept, query, 100).groups]
    pages = _pages(kept, query, limit)
    assert [sentence for page in pages for sentence in page] == whole
    assert {len(page) for page in pages[:-1]} <= {limit}
    assert len(pages[-1]) in range(1, limit + 1)


def test_a_failure_that_comes_again_between_two_pages_repeats_none(kept: OpenMemory, clock: FakeClock) -> None:
    for name in ("web", "db", "queue"):
        kept.memory.remember(fault(f"the {name} has crashed", at=clock.wall()))
        clock.advance(1)
    first = search(kept, "", 2)
    kept.memory.remember(fault("the db has crashed", at=clock.wall()))
    kept.settle()
    rest = asyncio.run(kept.memory.search("", 2, FailurePlace.parse(first.next_cursor)))
    assert [[g.sentence for g in page.groups] for page in (first, rest)] == [
        ["the queue has crashed", "the db has crashed"],
        ["the web has crashed"],
    ]
    assert (first.total, rest.total, rest.next_cursor) == (3, 4, "")


@pytest.mark.parametrize(
    "text",
    ["", "x", "1:2", "1:2:3:4", "1:x:3", "-1:1.0:1", "+1:1.0:1", "1:1:1", f"1:1.0:{2**63}", "1:1.0:" + "9" * 5000],
)
def test_what_is_no_place_is_none(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011  # of int, of float, or ours: all the same
        FailurePlace.parse(text)


@given(st.integers(0, 100), st.floats(allow_nan=False), st.integers(0, 2**63 - 1))
def test_a_place_is_read_as_it_was_written(parts: int, last_at: float, number: int) -> None:
    place = FailurePlace(parts, last_at, number)
    assert FailurePlace.parse(str(place)) == place


def test_nothing_found_is_said(kept: OpenMemory) -> None:
    assert search(kept, "").sentence == "No failure is remembered yet."
    kept.memory.remember(fault(PORT))
    assert search(kept, "zebra").sentence == "Nothing like “zebra” is remembered."
    assert search(kept, "show me all").total == 1


@given(st.text(max_size=60) | st.text(alphabet='"*()^:-+ANDORNEAR{}\x00_', max_size=30))
@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_any_text_is_a_valid_question(kept: OpenMemory, query: str) -> None:
    search(kept, query)


@pytest.mark.parametrize("query", ["x " * 500_000, "\0", "\ud800 port", '"' * 99, "a" * 1_000_000, "NEAR(a b, 2)"])
def test_an_odd_question_is_answered(kept: OpenMemory, query: str) -> None:
    assert search(kept, query).groups == ()


def test_odd_text_is_remembered(kept: OpenMemory) -> None:
    kept.memory.remember(fault("lone \ud800 and \0 nul " + "x" * 100_000))
    assert search(kept, "lone nul").total == 1


def test_a_recovery_ends_the_failures_of_its_outage_alone(kept: OpenMemory, clock: FakeClock) -> None:
    kept.memory.remember(fault("old", at=clock.wall() - 3600))
    kept.memory.remember(fault("first", at=clock.wall()))
    clock.advance(10)
    kept.memory.remember(fault("second", at=clock.wall()))
    kept.memory.remember(fault("elsewhere", service="db", at=clock.wall()))
    clock.advance(2)
    kept.memory.recovered("service:web", clock.wall(), 12.0)
    kept.memory.recovered("service:nobody", clock.wall(), 1.0)
    assert kept.rows("SELECT message, downtime_s FROM failure ORDER BY id") == [
        ("old", None), ("first", 12.0), ("second", 2.0), ("elsewhere", None),
    ]  # fmt: skip
    [web] = [row for row in asyncio.run(kept.memory.statistics()).components if row.component == "service:web"]
    assert web.mttr_s == 12.0


def test_what_worked_before_is_told_by_signature(kept: OpenMemory) -> None:
    one = kept.memory.remember(fault("port 1 is taken"))
    other = kept.memory.remember(fault("port 2 is taken", service="api"))
    kept.memory.tried(one, "restart", "failed", "", 1.0)
    kept.memory.tried(other, "restart", "worked", "", 1.0)
    kept.memory.tried(other, "ask", "refused", "", 1.0)
    kept.settle()
    told = asyncio.run(kept.memory.success_of(one.signature, ("restart", "ask", "never")))
    assert told == {"restart": (1, 1), "ask": (0, 0), "never": (0, 0)}


def test_each_remedy_is_counted_at_once_and_over_a_restart(tmp_path: Path, clock: FakeClock) -> None:
    with opened(tmp_path / "state.db", clock) as before:
        known = before.memory.remember(fault(PORT))
        for outcome in ("worked", "failed", "refused", "undone"):
            before.memory.tried(known, "restart", outcome, "", 1.0)  # type: ignore[arg-type]  # one of them
        assert before.memory.counts == {"restart": (3, 1)}
        line = json.dumps({"time": clock.wall(), "error": "x", "fix": "kill", "success": True})
        asyncio.run(before.memory.import_failures("log", [line]))
        assert before.memory.counts == {"restart": (3, 1), "kill": (1, 1)}
    with opened(tmp_path / "state.db", clock) as after:
        assert after.memory.counts == {"restart": (3, 1), "kill": (1, 1)}


def test_statistics_have_the_earlier_systems_shape(kept: OpenMemory, clock: FakeClock) -> None:
    for outcome in ("worked", "undone", "refused", "worked"):
        known = kept.memory.remember(fault("silent", "stall", at=clock.wall()))
        kept.memory.tried(known, "refresh_status", outcome, "did it", 2.0)  # type: ignore[arg-type]  # one of them
        clock.advance(100)
    kept.settle()
    told = asyncio.run(kept.memory.statistics())
    assert (told.total_actions, told.successful, told.failed, told.success_rate) == (3, 2, 1, 66.7)
    assert told.by_agent["service:web"].total == 3
    assert [action.outcome for action in told.recent_actions] == ["worked", "undone", "worked"]
    assert (told.components[0].failures, told.components[0].mtbf_s) == (4, 100.0)
    assert (told.remedies[0].median_s, told.kinds, sum(told.by_hour)) == (2.0, {"stall": 4}, 4)


def test_what_is_too_old_is_forgotten_with_all_that_was_counted(kept: OpenMemory, clock: FakeClock) -> None:
    old = kept.memory.remember(fault("gone", at=clock.wall()))
    kept.memory.tried(old, "restart", "worked", "", 1.0)
    clock.advance(20 * 86_400)
    kept.memory.remember(fault("stays 1", at=clock.wall()))
    kept.memory.remember(fault("stays 2", at=clock.wall()))
    kept.memory.apply(Settings(healing=HealingSettings(memory_max_days=10.0)))
    kept.settle()
    assert asyncio.run(kept.memory.prune()) == 2
    assert asyncio.run(kept.memory.prune()) == 0
    assert [group.sentence for group in search(kept, "").groups] == ["stays 1"]
    assert search(kept, "gone").total == 0
    told = asyncio.run(kept.memory.statistics())
    assert (told.total_actions, told.components[0].failures, sum(told.by_hour)) == (0, 2, 2)


def test_too_many_different_messages_are_counted_together(kept: OpenMemory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writing, "MAX_SIGNATURES", 3)
    for letter in "abcdef":
        kept.memory.remember(fault(f"never the same: {letter * 3}"))
    assert sorted(group.count for group in search(kept, "").groups) == [1, 1, 1, 3]


def test_a_write_that_fails_is_told_once_and_the_next_one_counts(kept: OpenMemory) -> None:
    def allow(pages: int) -> None:
        kept.database.submit(lambda db: db.pragma("max_page_count", pages)).result()

    allow(1)
    for number in range(20):
        kept.memory.remember(fault(f"a long message {'abcdefghijklmnopqrst'[number] * 400}"))
        with contextlib.suppress(apsw.FullError):
            kept.settle()
    lost = len(kept.told)
    allow(10_000_000)
    kept.memory.remember(fault("afterwards"))
    assert search(kept, "afterwards").total == 1
    assert lost == 1
    failing, recovered = kept.told
    assert isinstance(failing, StorageFailing)
    assert (failing.what, failing.detail) == ("the failure memory", "the disk is full")
    assert isinstance(recovered, StorageRecovered)


def test_an_outage_ends_by_itself_once_there_is_room(kept: OpenMemory) -> None:
    def allow(pages: int) -> None:
        kept.database.submit(lambda db: db.pragma("max_page_count", pages)).result()

    async def until_recovered() -> None:
        rounds = asyncio.ensure_future(kept.memory.run())
        while not isinstance(kept.told[-1], StorageRecovered):  # noqa: ASYNC110 - a few turns
            await asyncio.sleep(0)
        rounds.cancel()

    allow(1)
    for number in range(20):
        kept.memory.remember(fault(f"a long message {'abcdefghijklmnopqrst'[number] * 400}"))
        with contextlib.suppress(apsw.FullError):
            kept.settle()
    assert [type(event) for event in kept.told] == [StorageFailing]
    allow(10_000_000)
    asyncio.run(until_recovered())


def test_a_database_that_is_gone_disturbs_nobody(tmp_path: Path, clock: FakeClock) -> None:
    with opened(tmp_path / "state.db", clock) as kept:
        known = kept.memory.remember(fault(PORT))
    kept.memory.tried(kept.memory.remember(fault(PORT)), "restart", "worked", "", 1.0)
    kept.memory.recovered("service:web", clock.wall(), 1.0)
    assert len(kept.told) == 1
    assert asyncio.run(kept.memory.success_of(known.signature, ("restart",))) == {"restart": (0, 0)}
    with pytest.raises(AuroraError, match="cannot be read"):
        asyncio.run(kept.memory.search("port"))
    with pytest.raises(AuroraError, match="could not be remembered"):
        asyncio.run(kept.memory.import_failures("x", ["{}"]))


def test_an_import_may_be_repeated(kept: OpenMemory) -> None:
    records = [
        {
            "timestamp": "2025-05-01T10:00:00Z",
            "service": "api",
            "error": "port 80 already in use",
            "fix": "kill",
            "success": True,
        },
        {"service": "api", "error": "no time"},
    ]
    lines = [json.dumps(record) for record in records]
    first = asyncio.run(kept.memory.import_failures("autonomous_fixes", lines))
    assert (first.read, first.imported, first.known, first.skipped) == (2, 1, 0, {"says no time": 1})
    again = asyncio.run(kept.memory.import_failures("renamed", lines))
    assert (again.imported, again.known) == (0, 1)
    ours = kept.memory.remember(fault(PORT, "port_conflict"))
    kept.settle()
    assert ours.failure_id not in {row[0] for row in kept.rows("SELECT id FROM failure WHERE source <> 'aurora'")}
    found = search(kept, "port conflict")
    assert found.total == 2
    assert {past.source for group in found.groups for past in group.newest} == {"aurora", "autonomous_fixes"}


def test_failures_that_come_during_an_import_have_numbers_of_their_own(kept: OpenMemory) -> None:
    async def both() -> None:
        lines = [json.dumps({"time": 1_700_000_000 + n, "error": f"e{n}"}) for n in range(50)]
        importing = asyncio.ensure_future(kept.memory.import_failures("x", lines))
        for _ in range(200):
            kept.memory.remember(fault("meanwhile"))
            await asyncio.sleep(0)
        assert (await importing).imported == 50

    asyncio.run(both())
    [(count, highest)] = kept.rows("SELECT count(*), max(id) FROM failure")
    assert count == highest == kept.memory.remember(fault("last")).failure_id - 1
    assert not kept.told


def test_a_damaged_row_of_another_hand_is_told_as_unreadable(kept: OpenMemory) -> None:
    def drop(db: apsw.Connection) -> None:
        db.execute("DROP TABLE failure_place")

    kept.memory.remember(fault(PORT))
    kept.settle()
    kept.database.submit(drop).result()
    with pytest.raises(AuroraError, match="cannot be read"):
        search(kept, "port")
    kept.memory.remember(fault(PORT))
    kept.settle()
    assert len(kept.told) == 1
