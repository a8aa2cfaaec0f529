"""What the command line says of stall checking holds for every rule, and over a change of the file."""

import asyncio
from pathlib import Path

from aurora_desktop.core.settings.loader import parse
from aurora_desktop.core.settings.override import stall_checking
from aurora_desktop.core.settings.schema import Settings
from aurora_desktop.core.settings.schema_healing import StallRule
from aurora_desktop.core.settings.watch import SettingsSource

TEXT = """
agents:
  watch: {one: {workspace: w, stall: {threshold_sec: 900, proactive_threshold_sec: 600}}}
services:
  web: {command: x, stall: {check_interval_sec: 5}}
  db: {command: y}
"""


def rules(settings: Settings) -> list[StallRule]:
    web = settings.services["web"].stall
    assert web is not None
    return [settings.agents.stall, settings.agents.watch["one"].stall, web]


def test_every_rule_gets_the_values(tmp_path: Path) -> None:
    settings = stall_checking(10.0, 60.0)(parse(TEXT, tmp_path / "a.yaml"))
    assert {(r.check_interval_sec, r.threshold_sec, r.proactive_threshold_sec) for r in rules(settings)} == {
        (10, 60, 60)
    }
    assert settings.services["db"].stall is None


def test_what_is_not_given_stays(tmp_path: Path) -> None:
    settings = parse(TEXT, tmp_path / "a.yaml")
    assert stall_checking(None, None)(settings) == settings
    assert [rule.threshold_sec for rule in rules(stall_checking(10.0, None)(settings))] == [300, 900, 300]
    assert [rule.check_interval_sec for rule in rules(stall_checking(None, 700.0)(settings))] == [30, 30, 5]


def test_a_changed_file_does_not_take_them_back(tmp_path: Path) -> None:
    path = tmp_path / "aurora.yaml"
    path.write_text(TEXT)
    source = SettingsSource.load(path)
    source.override(stall_checking(10.0, None))
    path.write_text(TEXT + "  more: {command: z}\n")

    async def polled() -> None:
        for _ in range(2):
            await source.poll()

    asyncio.run(polled())
    assert "more" in source.current().services
    assert {rule.check_interval_sec for rule in rules(source.current())} == {10}
