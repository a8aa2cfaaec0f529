"""`orchestration.yml`: it fills in what the settings leave at their default; a broken one is told and left out."""

import asyncio
from pathlib import Path

import pytest

from aurora_desktop.core.healing_events import RemedyFinished, WatchTrouble
from aurora_desktop.core.settings.problems import SettingsError
from aurora_desktop.core.settings.schema_healing import AgentsSettings, StallRule
from aurora_desktop.healing.stalls.orchestration import (
    NOTHING,
    Orchestration,
    OrchestrationFile,
    filled_in,
    most_attempts,
    understood,
)
from healing.flock import flocking

WHOLE = """
overnight:
  enabled: true
  self_healing: {enabled: true, check_interval: 20, max_attempts: 5, auto_reset: false}
  monitoring: {check_interval: 60, stall_timeout: 200, colour: red}
  cycles: 7
other: {}
"""


def file(folder: Path, text: str) -> Path:
    path = folder / "orchestration.yml"
    path.write_text(text)
    return path


def test_the_shape_of_the_earlier_system_is_read_and_what_is_others_is_not_minded(tmp_path: Path) -> None:
    assert understood(file(tmp_path, WHOLE)) == Orchestration(
        check_interval_s=20, stall_timeout_s=200, max_attempts=5, heals=True, may_reset=False
    )


@pytest.mark.parametrize(
    "text", ["", "{}", "overnight:", "overnight: {enabled: false, self_healing: {max_attempts: 9}}"]
)
def test_what_says_nothing_or_is_switched_off_changes_nothing(tmp_path: Path, text: str) -> None:
    assert understood(file(tmp_path, text)) == NOTHING


def test_settings_that_differ_from_their_default_win() -> None:
    said = Orchestration(check_interval_s=20, stall_timeout_s=200, max_attempts=5)
    filled = filled_in(StallRule(), said)
    assert (filled.check_interval_sec, filled.threshold_sec, filled.proactive_threshold_sec) == (20, 200, 120)
    own = StallRule(check_interval_sec=10, threshold_sec=500)
    assert filled_in(own, said) == own
    assert most_attempts(AgentsSettings(), said) == 5
    assert most_attempts(AgentsSettings(max_attempts=2), said) == 2


def test_a_threshold_below_the_proactive_one_lowers_both() -> None:
    filled = filled_in(StallRule(), Orchestration(stall_timeout_s=50))
    assert (filled.threshold_sec, filled.proactive_threshold_sec) == (50, 50)


@pytest.mark.parametrize(
    ("text", "field"),
    [
        ("overnight: [1]", "overnight: expected a mapping"),
        ("overnight: {self_healing: 3}", "overnight.self_healing: expected a mapping"),
        (
            "overnight: {self_healing: {max_attempts: 0}}",
            "overnight.self_healing.max_attempts: expected a whole number",
        ),
        ("overnight: {self_healing: {enabled: 'yes'}}", "overnight.self_healing.enabled: expected true or false"),
        ("overnight: {monitoring: {stall_timeout: -1}}", "overnight.monitoring.stall_timeout: expected a number"),
        ("overnight: {monitoring: {check_interval: true}}", "overnight.monitoring.check_interval: expected a number"),
        ("overnight: {enabled: 1}", "overnight.enabled: expected true or false"),
        ("overnight: {", "orchestration.yml:1"),
    ],
)
def test_each_mistake_is_told_with_its_place(tmp_path: Path, text: str, field: str) -> None:
    with pytest.raises(SettingsError) as refused:
        understood(file(tmp_path, text))
    assert field in refused.value.detail


def test_it_is_read_again_when_it_changed_and_forgotten_when_it_is_gone(tmp_path: Path) -> None:
    watched = OrchestrationFile(file(tmp_path, WHOLE))
    watched.look()
    assert watched.said.max_attempts == 5
    watched.path.write_text("overnight: {self_healing: {max_attempts: 12}}")
    watched.look()
    assert watched.said.max_attempts == 12
    watched.path.unlink()
    watched.look()
    assert (watched.said, watched.problem) == (NOTHING, "")


def test_a_broken_one_is_told_once_and_its_mending_too(tmp_path: Path) -> None:
    async def story() -> None:
        async with flocking(tmp_path) as flock:
            flock.agent()
            file(tmp_path, "overnight: {self_healing: {max_attempts: many}}")
            await flock.look()
            await flock.later(90.0)
            (trouble,) = flock.told(WatchTrouble)
            assert (trouble.component, trouble.recovered) == ("aurora", False)
            assert "max_attempts" in trouble.detail
            file(tmp_path, "overnight: {self_healing: {max_attempts: 1}, monitoring: {stall_timeout: 100}}")
            await flock.later(120.0)
            assert [event.recovered for event in flock.told(WatchTrouble)] == [False, True]
            await flock.later(300.0)
            assert len(flock.told(RemedyFinished)) == 1

    asyncio.run(story())


def test_it_can_switch_healing_off(tmp_path: Path) -> None:
    async def story() -> None:
        async with flocking(tmp_path) as flock:
            flock.agent()
            file(tmp_path, "overnight: {self_healing: {enabled: false}}")
            await flock.look()
            await flock.later(900.0)
            assert flock.rungs() == []

    asyncio.run(story())
