"""What the brake remembers over restarts: the settings that the operator confirmed, the proven key, the last stop."""

import logging
from concurrent.futures import Future
from typing import Any, TypeVar

import apsw
import msgspec
from msgspec import Struct

from aurora_desktop.core.settings.schema import InputSettings
from aurora_desktop.core.storage.database import Database

MIGRATIONS = ("CREATE TABLE safety (key TEXT PRIMARY KEY, value TEXT NOT NULL)",)

log = logging.getLogger(__name__)

T = TypeVar("T")


class LastStop(Struct, frozen=True):
    """Who stopped everything, and when (Unix time in seconds)."""

    source: str
    at: float


class SafetyStore:
    """A few values in `state.db`; read once at the start, written without being waited for."""

    def __init__(self, database: Database) -> None:
        """Blocking: reads."""
        self._database = database
        self._values: dict[str, str] = dict(database.read("SELECT key, value FROM safety"))

    @property
    def confirmed(self) -> InputSettings | None:
        """The safety settings in force when Aurora last ran; None at the first start."""
        return self._read("confirmed_settings", InputSettings)

    @property
    def was_confirmed(self) -> bool:
        """Whether any settings were confirmed before, be they not understood any more."""
        return "confirmed_settings" in self._values

    def confirm(self, settings: InputSettings) -> None:
        self._write("confirmed_settings", settings)

    @property
    def proven_hotkey(self) -> str:
        """The hotkey that the operator pressed in a stop drill; "" if none was."""
        return self._read("proven_hotkey", str) or ""

    def prove(self, hotkey: str) -> None:
        self._write("proven_hotkey", hotkey)

    @property
    def last_stop(self) -> LastStop | None:
        return self._read("last_stop", LastStop)

    @property
    def was_cleared(self) -> bool:
        """Whether the operator ever reset: from then on a missing clearance means a stop."""
        return "last_reset" in self._values

    def stopped(self, source: str, at: float) -> None:
        self._write("last_stop", LastStop(source, at))

    def cleared(self, at: float) -> None:
        self._write("last_reset", at)

    def _read(self, key: str, kind: type[T]) -> T | None:
        try:
            return _decoded(self._values[key], kind) if key in self._values else None
        except msgspec.MsgspecError:  # of another version: as if it were not there, which is the safer side
            log.warning("the value of `%s` in state.db is not understood", key)
            return None

    def _write(self, key: str, value: object) -> None:
        text = msgspec.json.encode(value, enc_hook=int).decode()  # a size in bytes is a number
        self._values[key] = text
        try:
            self._database.submit(lambda db: _put(db, key, text)).add_done_callback(_report)
        except RuntimeError as error:
            log.warning("the brake's state cannot be kept: %s", error)


def _decoded(text: str, kind: type[T]) -> T:
    """Raises MsgspecError."""
    return msgspec.json.decode(text, type=kind, dec_hook=lambda custom, value: custom(value))


def _put(connection: apsw.Connection, key: str, text: str) -> None:
    connection.execute(
        "INSERT INTO safety VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value", (key, text)
    )


def _report(future: "Future[Any]") -> None:
    if (error := future.exception()) is not None:
        log.warning("the brake's state cannot be kept: %s", error)
