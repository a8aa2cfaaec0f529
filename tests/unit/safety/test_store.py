"""What the brake remembers over restarts."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from core.clocks import FakeClock

from aurora_desktop.core.settings.schema import EvidenceSettings, InputPolicy, InputSettings, Settings, WindowRule
from aurora_desktop.core.settings.values import ByteSize
from aurora_desktop.core.storage.database import Database
from aurora_desktop.safety.in_force import InForce
from aurora_desktop.safety.store import MIGRATIONS, LastStop, SafetyStore


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    database = Database.open(tmp_path / "state.db", MIGRATIONS, 1)
    yield database
    database.close()


def test_nothing_is_remembered_at_first(database: Database) -> None:
    store = SafetyStore(database)
    assert (store.confirmed, store.proven_hotkey, store.last_stop, store.was_cleared) == (None, "", None, False)
    assert not store.has("confirmed_settings")


def test_all_of_it_is_found_again(database: Database) -> None:
    settings = InputSettings(
        hotkey="ctrl+alt+q",
        evidence=EvidenceSettings(max_bytes=ByteSize(123_456)),
        policy=InputPolicy(deny_windows=[WindowRule(title="bank")]),
    )
    store = SafetyStore(database)
    store.confirm(settings)
    store.prove("ctrl+alt+q")
    store.stopped("hotkey", 12.5)
    store.cleared(13.0)
    database.submit(lambda _: None).result()
    again = SafetyStore(database)
    assert again.confirmed == settings
    assert (again.proven_hotkey, again.last_stop, again.was_cleared) == ("ctrl+alt+q", LastStop("hotkey", 12.5), True)


def test_what_is_not_understood_counts_as_not_there(database: Database, caplog: pytest.LogCaptureFixture) -> None:
    rows = [("confirmed_settings", '{"evidence": {"max_bytes": "lots"}}'), ("proven_hotkey", "7")]
    database.submit(lambda db: db.executemany("INSERT INTO safety VALUES (?, ?)", rows)).result()
    store = SafetyStore(database)
    assert (store.confirmed, store.proven_hotkey, store.has("confirmed_settings")) == (None, "", True)
    assert "not understood" in caplog.text


def test_confirmed_settings_that_are_not_understood_let_nothing_looser_in(
    database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    database.submit(lambda db: db.execute("INSERT INTO safety VALUES ('confirmed_settings', '[]')")).result()
    loose = InputSettings(policy=InputPolicy(max_actions_per_s=900))
    in_force = InForce(SafetyStore(database), FakeClock(), Settings(input=loose))
    assert in_force.settings.input == InputSettings()
    assert in_force.pending()
    assert "not understood" in caplog.text
