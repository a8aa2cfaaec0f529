"""What alerts remember over restarts: who is snoozed until when, how the last delivery to each channel went, and what
was still to be told."""

import logging
from concurrent.futures import Future
from typing import Any, TypeVar

import apsw
import msgspec
from msgspec import Struct

from aurora_desktop.core.storage.database import GROUP_COMMIT_S, Database
from aurora_desktop.healing.alerts.alert import Alert
from aurora_desktop.healing.alerts.view import Delivered, Snooze

MIGRATIONS = ("CREATE TABLE alerts (key TEXT PRIMARY KEY, value TEXT NOT NULL)",)
_SNOOZE, _CHANNEL, _WAITING, _HELD = "snooze:", "channel:", "waiting:", "held:"

log = logging.getLogger(__name__)


class Waiting(Struct, frozen=True, kw_only=True):
    """One message that is not sent yet: see `outbox.Delivery`."""

    channel: str
    alerts: tuple[Alert, ...]
    beyond: int = 0


T = TypeVar("T", Snooze, Delivered, Waiting, Alert)


class AlertStore:
    """A few values in `state.db`; read once at the start, written without being waited for."""

    def __init__(self, database: Database) -> None:
        """Blocking: reads."""
        self._database = database
        rows = dict(database.read("SELECT key, value FROM alerts"))
        self._snoozes: dict[str, Snooze] = _decoded(rows, _SNOOZE, Snooze)
        self._delivered: dict[str, Delivered] = _decoded(rows, _CHANNEL, Delivered)
        self._waiting = _decoded(rows, _WAITING, Waiting)
        self._held = _decoded(rows, _HELD, Alert)

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

    def wait(self, name: str, waiting: Waiting) -> None:
        """To be sent later, if not by this Aurora then by the next."""
        self._write(_WAITING + name, waiting)

    def over(self, name: str) -> None:
        self._submit("DELETE FROM alerts WHERE key = ?", _WAITING + name)

    def left_waiting(self) -> dict[str, Waiting]:
        """What an earlier Aurora had still to send, by its name. Once."""
        found, self._waiting = self._waiting, {}
        return found

    def hold(self, alert: Alert) -> None:
        """It was held back, and is to be told once it may."""
        self._write(_HELD + ":".join(alert.key), alert)

    def left_held(self) -> tuple[Alert, ...]:
        """What an earlier Aurora had held back. Once: it is forgotten here."""
        found, self._held = self._held, {}
        for key in found:
            self._submit("DELETE FROM alerts WHERE key = ?", _HELD + key)
        return tuple(found.values())

    def _drop(self, component: str) -> None:
        del self._snoozes[component]
        self._submit("DELETE FROM alerts WHERE key = ?", _SNOOZE + component)

    def _write(self, key: str, value: Struct) -> None:
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
