"""Where every agent stands on the ladder, kept over restarts of Aurora: nobody is begun anew, nobody called twice."""

import logging
from concurrent.futures import Future
from typing import Any

import apsw
import msgspec
from msgspec import Struct

from aurora_desktop.core.storage.database import GROUP_COMMIT_S, Database
from aurora_desktop.healing.faults import Fault
from aurora_desktop.healing.ladder.ladder import Ladder
from aurora_desktop.healing.stalls.rule import Token

MIGRATIONS = ("CREATE TABLE agent_ladders (component TEXT PRIMARY KEY, standing TEXT NOT NULL)",)

log = logging.getLogger(__name__)


class Standing(Struct, frozen=True, kw_only=True):
    """`tokens`: what the lasting sources looked like after our last mark; `own_status`: the status.json that we wrote.

    `told`: the stall is told as `silent` or `stalled`, and its end is not; it was silent for `silent_s` seconds then.
    `stalled_at` and `escalated_at`: Unix time.
    `sentence`: why the operator was called; `has_marker`: the marker could be laid down, so that its removal means
    something.
    """

    ladder: Ladder = Ladder()
    tokens: dict[str, Token] = {}
    own_status: Token | None = None
    told: str = ""
    stalled_at: float = 0.0
    silent_s: float = 0.0
    escalated_at: float = 0.0
    fault: Fault | None = None
    sentence: str = ""
    has_marker: bool = False

    @property
    def is_open(self) -> bool:
        """Whether a stall of it was told, or is being healed."""
        return bool(self.told) or self.ladder != Ladder()

    @property
    def is_blank(self) -> bool:
        return not self.is_open and self.own_status is None


class LadderStore:
    """Rows of `state.db`; read once at the start, written without being waited for."""

    def __init__(self, database: Database) -> None:
        """Blocking: reads."""
        self._database = database
        self._rows: dict[str, str] = dict(database.read("SELECT component, standing FROM agent_ladders"))

    def components(self) -> set[str]:
        """Those of whom anything is kept."""
        return set(self._rows)

    def standing(self, component: str) -> Standing:
        """As it was kept; blank where there is nothing, or nothing that is understood."""
        try:
            return msgspec.json.decode(self._rows[component], type=Standing)
        except KeyError:
            return Standing()
        except msgspec.MsgspecError:
            log.warning("where %s stands on the ladder is not understood; it begins anew", component)
            return Standing()

    def keep(self, component: str, standing: Standing) -> None:
        """Blank is the same as not there."""
        if standing.is_blank:
            self.forget(component)
            return
        text = msgspec.json.encode(standing).decode()
        if self._rows.get(component) != text:
            self._rows[component] = text
            self._submit("INSERT OR REPLACE INTO agent_ladders VALUES (?, ?)", (component, text))

    def forget(self, component: str) -> None:
        if self._rows.pop(component, None) is not None:
            self._submit("DELETE FROM agent_ladders WHERE component = ?", (component,))

    def _submit(self, sql: str, arguments: tuple[str, ...]) -> None:
        def write(connection: apsw.Connection) -> None:
            connection.execute(sql, arguments)

        self._database.submit(write, GROUP_COMMIT_S).add_done_callback(_report)


def _report(future: "Future[Any]") -> None:
    if (error := future.exception()) is not None:
        log.warning("where agents stand on the ladder cannot be kept: %s", error)
