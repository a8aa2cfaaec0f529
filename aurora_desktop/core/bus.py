"""The one stream: every part publishes events here, every reader subscribes here."""

import logging
from collections.abc import Callable

from aurora_desktop.core.events import AnyEvent, Record

Reader = Callable[[Record], None]

log = logging.getLogger(__name__)


class Bus:
    """Hands each event, numbered, to every reader in the order of subscription; used from the loop's thread.

    A reader that raises is logged once per reader and never keeps the event from the others. With `keeps_backlog` a
    reader that subscribes later is first handed what it missed, until `forget_backlog`.
    """

    def __init__(self, last_id: int = 0, *, keeps_backlog: bool = False) -> None:
        self._last_id = last_id
        self._backlog: list[Record] | None = [] if keeps_backlog else None
        self._readers: list[Reader] = []
        self._broken: set[Reader] = set()

    @property
    def last_id(self) -> int:
        """The id of the newest event; 0 before the first."""
        return self._last_id

    def subscribe(self, reader: Reader) -> Callable[[], None]:
        """Call `reader` for each event from now on; returns the function that ends it."""
        for record in self._backlog or ():
            self._hand(record, reader)
        self._readers.append(reader)

        def unsubscribe() -> None:
            if reader in self._readers:
                self._readers.remove(reader)

        return unsubscribe

    def publish(self, event: AnyEvent) -> int:
        """Give the event its id and hand it to the readers; returns the id."""
        self._last_id += 1
        record = Record(self._last_id, event)
        if self._backlog is not None:
            self._backlog.append(record)
        for reader in tuple(self._readers):
            self._hand(record, reader)
        return record.id

    def forget_backlog(self) -> None:
        """Everybody is there: who comes later reads the journal."""
        self._backlog = None

    def _hand(self, record: Record, reader: Reader) -> None:
        try:
            reader(record)
        except Exception:  # whatever it is: one reader's fault must not reach the others or the publisher
            if reader not in self._broken:
                self._broken.add(reader)
                log.exception("a reader of the event stream failed; it is kept and not reported again")
