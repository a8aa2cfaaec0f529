"""Which backups stay: the rule alone."""

from hypothesis import given
from hypothesis import strategies as st

from aurora_desktop.backups.keeping import DAY_S, HOUR_S, RECENT, Kept, Rule, to_remove

RULE = Rule(hourly=6, daily=7, weekly=4, max_bytes=10**9)


def hourly(count: int, bytes_each: int = 1) -> list[Kept]:
    return [Kept(f"b{number}", number, number * HOUR_S, bytes_each) for number in range(1, count + 1)]


def kept(backups: list[Kept], rule: Rule = RULE) -> list[str]:
    gone = set(to_remove(backups, rule))
    return [backup.id for backup in backups if backup.id not in gone]


def test_of_three_weeks_of_hours_some_of_each_are_kept() -> None:
    backups = hourly(21 * 24)
    ids = kept(backups)
    assert ids[-6:] == [f"b{number}" for number in range(499, 505)]
    assert ids[:7] == ["b167", "b335", "b383", "b407", "b431", "b455", "b479"]


def test_the_last_few_of_one_hour_stay() -> None:
    backups = [Kept(f"b{number}", number, 1000.0 + number, 1) for number in range(1, 10)]
    assert kept(backups) == ["b7", "b8", "b9"]


def test_after_a_long_absence_the_old_ones_are_still_there() -> None:
    backups = [*hourly(3), Kept("new", 9, 400 * DAY_S, 1)]
    assert kept(backups) == ["b1", "b2", "b3", "new"]


def test_the_size_takes_the_oldest_first_and_never_the_newest() -> None:
    assert kept(hourly(5, 400_000_000)) == ["b4", "b5"]
    assert kept(hourly(5, 4_000_000_000)) == ["b5"]


def test_with_nothing_to_keep_the_last_few_stay() -> None:
    assert len(kept(hourly(50), Rule(0, 0, 0, 10**9))) == RECENT


@given(
    st.lists(st.tuples(st.floats(0, 3e9), st.integers(1, 10**6)), max_size=60),
    st.builds(Rule, st.integers(0, 30), st.integers(0, 30), st.integers(0, 30), st.integers(1, 10**7)),
)
def test_whatever_there_is(found: list[tuple[float, int]], rule: Rule) -> None:
    """The newest stays, the rest is within the size, and what stays once stays when nothing is new."""
    backups = [Kept(f"b{number}", number, at, size) for number, (at, size) in enumerate(found, 1)]
    gone = to_remove(backups, rule)
    left = [backup for backup in backups if backup.id not in gone]
    assert len(gone) + len(left) == len(backups)
    if backups:
        assert left[-1] == backups[-1]
        assert sum(backup.bytes for backup in left) <= max(rule.max_bytes, left[-1].bytes)
        assert len(left) <= RECENT + rule.hourly + rule.daily + rule.weekly
    assert to_remove(left, rule) == []
