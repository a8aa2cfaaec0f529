"""What the engine of remedies remembers over restarts: open offers and escalations."""

import logging
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

import msgspec
from msgspec import Struct

from aurora_desktop.core.storage.database import Database
from aurora_desktop.healing.faults import Fault
from aurora_desktop.healing.view import EscalationView, OfferView

MIGRATIONS = (
    """
    CREATE TABLE remedy_offers (id INTEGER PRIMARY KEY AUTOINCREMENT, component TEXT NOT NULL, offer TEXT NOT NULL);
    CREATE TABLE remedy_escalations (component TEXT PRIMARY KEY, escalation TEXT NOT NULL)
    """,
)

log = logging.getLogger(__name__)


class Offer(Struct, frozen=True, kw_only=True):
    """An offer with the fault that it is for: what is needed to apply it, also after a restart."""

    view: OfferView
    fault: Fault


class RemedyStore:
    """A few rows in `state.db`: read once at the start, written without being waited for."""

    def __init__(self, database: Database) -> None:
        """Blocking: reads."""
        self._database = database
        self._said = False
        rows = database.read("SELECT offer FROM remedy_offers ORDER BY id")
        self.offers: dict[int, Offer] = {offer.view.id: offer for (text,) in rows if (offer := _read(text, Offer))}
        rows = database.read("SELECT escalation FROM remedy_escalations")
        found = [view for (text,) in rows if (view := _read(text, EscalationView))]
        self.escalations: dict[str, EscalationView] = {view.component: view for view in found}
        sequence = database.read("SELECT seq FROM sqlite_sequence WHERE name = 'remedy_offers'")
        self._last_id = int(sequence[0][0]) if sequence else 0

    def next_id(self) -> int:
        """No number is given twice, so that no old window accepts another offer."""
        self._last_id += 1
        return self._last_id

    def add_offer(self, offer: Offer) -> None:
        self.offers[offer.view.id] = offer
        row = (offer.view.id, offer.view.component, _written(offer))
        self._write("INSERT INTO remedy_offers (id, component, offer) VALUES (?, ?, ?)", row)

    def close_offer(self, offer_id: int) -> None:
        self.offers.pop(offer_id, None)
        self._write("DELETE FROM remedy_offers WHERE id = ?", (offer_id,))

    def escalate(self, view: EscalationView) -> None:
        self.escalations[view.component] = view
        self._write("INSERT OR REPLACE INTO remedy_escalations VALUES (?, ?)", (view.component, _written(view)))

    def clear_escalation(self, component: str) -> None:
        self.escalations.pop(component, None)
        self._write("DELETE FROM remedy_escalations WHERE component = ?", (component,))

    def _write(self, sql: str, row: tuple[Any, ...]) -> None:
        try:
            self._database.submit(lambda db: db.execute(sql, row)).add_done_callback(self._report)
        except RuntimeError as error:
            self._say(error)

    def _report(self, future: "Future[Any]") -> None:
        if (error := future.exception()) is not None:
            self._say(error)
        else:
            self._said = False

    def _say(self, error: BaseException) -> None:
        """Once per outage: the journal, on the same disk, tells the operator."""
        if not self._said:
            self._said = True
            log.warning("offers and escalations cannot be written down: %s", error)


def _written(value: Struct) -> str:
    return msgspec.json.encode(value).decode()


def _read(text: str, kind: Callable[..., Any]) -> Any:
    try:
        return msgspec.json.decode(text, type=kind)
    except msgspec.MsgspecError:  # of another version: as if it were not there
        log.warning("an offer or escalation in state.db is not understood, and left out")
        return None
