"""The database of a version that is known costs no import; an older one is brought up by everybody's migrations."""

import subprocess
import sys

from aurora_desktop.migrations import STATE_VERSION, StateMigrations, state_migrations

ROOMS = ("aurora_desktop.healing.healer", "aurora_desktop.input.audit.log", "aurora_desktop.backups.keeper")


def test_the_version_is_that_of_the_rooms() -> None:
    assert len(state_migrations()) == STATE_VERSION == len(StateMigrations())


def test_an_older_database_gets_what_it_lacks() -> None:
    assert tuple(StateMigrations()[2:]) == state_migrations()[2:]
    assert tuple(StateMigrations()) == state_migrations()


def test_a_start_imports_no_room_that_the_services_need_not_wait_for() -> None:
    program = (
        "import sys; import aurora_desktop.start; from aurora_desktop.migrations import STATE_VERSION, StateMigrations;"
        f"assert not list(StateMigrations()[STATE_VERSION:]); sys.exit(any(r in sys.modules for r in {ROOMS!r}))"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
