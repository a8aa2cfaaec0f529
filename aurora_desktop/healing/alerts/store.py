"""What alerts remember over restarts: who is snoozed until when, and how the last delivery to each channel went."""

import logging
from concurrent.futures import Future
from typing import Any, TypeVar

import apsw
import msgspec

from aurora_desktop.core.storage.database import GROUP_COMMIT_S, Database
from aurora_desktop.healing.alerts.view import Delivered, Snooze

MIGRATIONS = ("CREATE TABLE alerts (key TEXT PRIMARY KEY, value TEXT NOT NULL)",)
_SNOOZE, _CHANNEL = "snooze:", "channel:"

log = logging.getLogger(__name__)

T = TypeVar("T", Snooze, Delivered)


class AlertStore:
    """A few values in `state.db`; read once at the start, written without being waited for."""

    def __init__(self, database: Database) -> None:
        """Blocking: reads."""
        self._database = database
        rows = dict(database.read("SELECT key, value FROM alerts"))
        self._snoozes: dict[str, Snooze] = _decoded(rows, _SNOOZE, Snooze)
        self._delivered: dict[str, Delivered] = _decoded(rows, _CHANNEL, Delivered)

    def snoozes(self, now: float) -> tuple[Snooze, ...]:
        """Those that last yet, at Unix time `now`."""
        return tuple(snooze for snooze in self._snoozes.values() if snooze.until > now)

    def is_snoozed(self, component: str, now: float) -> bool:
        own, all_ = self._snoozes.get(component), self._snoozes.get("")
        return any(snooze is not None and snooze.until > now for snooze in (own, all_))

    def snooze(self, snooze: Snooze, now: float) -> None:
        for component in [c for c, old in self._snoozes.items() if old.until <= now]:
            self._drop(component)
        if snooze.until > now:
            self._snoozes[snooze.component] = snooze
            self._write(_SNOOZE + snooze.component, snooze)
        elif snooze.component in self._snoozes:
            self._drop(snooze.component)

    def last(self, channel: str) -> Delivered | None:
        return self._delivered.get(channel)

    def delivered(self, channel: str, how: Delivered) -> None:
        self._delivered[channel] = how
        self._write(_CHANNEL + channel, how)

    def _drop(self, component: str) -> None:
        del self._snoozes[component]
        self._submit("DELETE FROM alerts WHERE key = ?", _SNOOZE + component)

    def _write(self, key: str, value: Snooze | Delivered) -> None:
        text = msgspec.json.encode(value).decode()
        self._submit(
            "INSERT INTO alerts VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value", key, text
        )

    def _submit(self, sql: str, *values: str) -> None:
        def work(connection: apsw.Connection) -> None:
            connection.execute(sql, values)

        try:
            self._database.submit(work, GROUP_COMMIT_S).add_done_callback(_report)
        except RuntimeError as error:
            log.warning("what alerts remember cannot be kept: %s", error)


def _decoded(rows: dict[str, str], prefix: str, kind: type[T]) -> dict[str, T]:
    """What is not understood is of another version, and as if it were not there."""
    found: dict[str, T] = {}
    for key, text in rows.items():
        if key.startswith(prefix):
            try:
                found[key.removeprefix(prefix)] = msgspec.json.decode(text, type=kind)
            except msgspec.MsgspecError:
                log.warning("the value of `%s` in state.db is not understood", key)
    return found


def _report(future: "Future[Any]") -> None:
    if (error := future.exception()) is not None:
        log.warning("what alerts remember cannot be kept: %s", error)
