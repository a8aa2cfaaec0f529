"""Every version of `state.db`, in order. Whose database is of the newest version need not import the rooms for it."""

from collections.abc import Sequence
from typing import overload

STATE_APPLICATION_ID = 0x41555253
STATE_VERSION = 15
"""How many there are; a test compares it with what the rooms say."""

API_KEYS = (
    """
    CREATE TABLE api_keys (
        key TEXT PRIMARY KEY,
        made TEXT NOT NULL,
        at REAL NOT NULL
    ) STRICT;
    CREATE INDEX api_keys_at ON api_keys (at);
    """,
)
"""Of `api/key_store.py`: here, since the command reads this list too, and it knows nothing of the API's room."""


def state_migrations() -> tuple[str, ...]:
    """Only ever appended to: a version is a place in this list."""
    from aurora_desktop.healing import healer
    from aurora_desktop.healing.alerts import store as alerts_store
    from aurora_desktop.input import audit
    from aurora_desktop.link import store as link_store
    from aurora_desktop.safety import store as safety_store
    from aurora_desktop.supervisor import ledger
    from aurora_desktop.tasks import coordinator

    return (
        *ledger.MIGRATIONS,
        *safety_store.MIGRATIONS,
        *audit.MIGRATIONS,
        *alerts_store.MIGRATIONS,
        *healer.MIGRATIONS,
        *coordinator.MIGRATIONS,
        *API_KEYS,
        *link_store.MIGRATIONS,
    )


class StateMigrations(Sequence[str]):
    """The migrations of `state.db`, imported once the first of them is asked for."""

    def __len__(self) -> int:
        return STATE_VERSION

    @overload
    def __getitem__(self, place: int) -> str: ...

    @overload
    def __getitem__(self, place: slice) -> Sequence[str]: ...

    def __getitem__(self, place: int | slice) -> str | Sequence[str]:
        if isinstance(place, slice) and place.start == STATE_VERSION and place.stop is None:
            return ()
        return state_migrations()[place]
