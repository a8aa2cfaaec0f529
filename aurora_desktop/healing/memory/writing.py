"""What is written to the failure memory: functions for the database's writer thread."""

import time

import apsw
from msgspec import Struct

from aurora_desktop.core.healing_events import RemedyOutcome

MAX_SIGNATURES = 10_000
"""More different ones than this are counted together by kind: then what varies was not folded out."""
MAX_MESSAGE = 500
PRUNED_AT_ONCE = 500
SLACK_S = 5.0


class Attempt(Struct, frozen=True, kw_only=True):
    remedy: str
    at: float
    outcome: RemedyOutcome
    sentence: str
    duration_s: float


class Failure(Struct, frozen=True, kw_only=True):
    """A failure to be remembered. `id` 0: none yet; `origin`: digest of the record that it was imported from."""

    id: int
    at: float
    component: str
    kind: str
    signature: str
    sentence: str
    message: str
    source: str = "aurora"
    origin: bytes | None = None
    downtime_s: float | None = None


def add_failure(db: apsw.Connection, failure: Failure) -> bool:
    """False for a record that was imported before."""
    if failure.origin is not None and db.execute("SELECT 1 FROM failure WHERE origin = ?", (failure.origin,)).get:
        return False
    signature = _signature(db, failure.signature, failure.kind, failure.sentence, failure.at)
    component = _component(db, failure.component, failure.at)
    is_new_place = not db.execute(
        "SELECT 1 FROM failure_place WHERE signature = ? AND component = ?", (signature, component)
    ).get
    db.execute(
        "INSERT INTO failure VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            failure.id,
            signature,
            component,
            failure.at,
            local_hour(failure.at),
            clean(failure.message)[:MAX_MESSAGE],
            failure.downtime_s,
            clean(failure.source),
            failure.origin,
        ),
    )
    if failure.downtime_s is not None:
        _count_recovery(db, component, failure.downtime_s)
    if is_new_place:
        _index(db, signature)
    return True


def add_attempt(db: apsw.Connection, failure: Failure, attempt: Attempt) -> None:
    """The failure itself need not be in the memory: its row may have been lost to a full disk."""
    signature = _signature(db, failure.signature, failure.kind, failure.sentence, failure.at)
    component = _component(db, failure.component, failure.at)
    is_new = not db.execute(
        "SELECT 1 FROM failure_remedy WHERE signature = ? AND remedy = ?", (signature, attempt.remedy)
    ).get
    db.execute(
        "INSERT INTO failure_attempt(failure, signature, component, remedy, at, outcome, sentence, duration_s)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (
            failure.id,
            signature,
            component,
            clean(attempt.remedy),
            attempt.at,
            attempt.outcome,
            clean(attempt.sentence)[:MAX_MESSAGE],
            attempt.duration_s,
        ),
    )
    if is_new:
        _index(db, signature)


def end_failures(db: apsw.Connection, component: str, at: float, downtime_s: float) -> None:
    """Those of this outage: no older than it, give or take SLACK_S."""
    found = db.execute("SELECT id FROM failure_component WHERE name = ?", (clean(component),)).get
    if found is None:
        return
    db.execute(
        "UPDATE failure SET downtime_s = min(?, max(0, ? - at))"
        " WHERE component = ? AND at BETWEEN ? AND ? AND downtime_s IS NULL",
        (downtime_s, at, found, at - downtime_s - SLACK_S, at + SLACK_S),
    )
    if db.changes():
        _count_recovery(db, found, downtime_s)


def prune(db: apsw.Connection, before: float) -> int:
    """Forget some of what is older, PRUNED_AT_ONCE at the most, so that others need not wait; how many went."""
    gone = 0
    for table in ("failure_attempt", "failure"):
        db.execute(
            f"DELETE FROM {table} WHERE id IN (SELECT id FROM {table} WHERE at < ? ORDER BY at LIMIT ?)",  # noqa: S608 - constant names
            (before, PRUNED_AT_ONCE),
        )
        gone += db.changes()
    if gone < PRUNED_AT_ONCE:
        _sweep(db)
    return gone


def _sweep(db: apsw.Connection) -> None:
    """Remove what nothing refers to any more."""
    db.execute("DELETE FROM failure_place WHERE count <= 0")
    db.execute("DELETE FROM failure_remedy WHERE worked <= 0 AND failed <= 0")
    db.execute("DELETE FROM failure_success WHERE worked <= 0 AND failed <= 0")
    unused = "count <= 0 AND NOT EXISTS (SELECT 1 FROM failure_remedy r WHERE r.signature = s.id)"
    db.execute(f"DELETE FROM failure_words WHERE rowid IN (SELECT id FROM failure_signature s WHERE {unused})")  # noqa: S608 - constant
    db.execute(f"DELETE FROM failure_signature AS s WHERE {unused}")  # noqa: S608 - constant


def _signature(db: apsw.Connection, text: str, kind: str, sentence: str, at: float) -> int:
    text, kind, sentence = clean(text), clean(kind), clean(sentence)[:MAX_MESSAGE]
    find = "SELECT id FROM failure_signature WHERE text = ? AND kind = ?"
    found = db.execute(find, (text, kind)).get
    if found is None and db.execute("SELECT count(*) FROM failure_signature").get >= MAX_SIGNATURES:
        text, sentence = "<text>", f"{kind.replace('_', ' ')}, in words that were never the same"
        found = db.execute(find, (text, kind)).get
    if found is not None:
        return int(found)
    db.execute(
        "INSERT INTO failure_signature(text, kind, sentence, first_at, last_at) VALUES (?, ?, ?, ?, ?)",
        (text, kind, sentence, at, at),
    )
    return db.last_insert_rowid()


def _component(db: apsw.Connection, name: str, at: float) -> int:
    name = clean(name)
    found = db.execute("SELECT id FROM failure_component WHERE name = ?", (name,)).get
    if found is not None:
        return int(found)
    db.execute("INSERT INTO failure_component(name, first_at, last_at) VALUES (?, ?, ?)", (name, at, at))
    return db.last_insert_rowid()


def _count_recovery(db: apsw.Connection, component: int, downtime_s: float) -> None:
    db.execute(
        "UPDATE failure_component SET recoveries = recoveries + 1, downtime_s = downtime_s + ? WHERE id = ?",
        (downtime_s, component),
    )


def _index(db: apsw.Connection, signature: int) -> None:
    """The words that the signature is found by, anew."""
    db.execute("DELETE FROM failure_words WHERE rowid = ?", (signature,))
    db.execute(
        "INSERT INTO failure_words(rowid, signature, kind, sentence, remedies, components)"
        " SELECT id, text, kind, sentence,"
        "  (SELECT group_concat(DISTINCT remedy) FROM failure_remedy WHERE signature = s.id),"
        "  (SELECT group_concat(name, ' ') FROM (SELECT c.name FROM failure_place p JOIN failure_component c"
        "   ON c.id = p.component WHERE p.signature = s.id LIMIT 20))"
        " FROM failure_signature s WHERE id = ?",
        (signature,),
    )


def clean(text: str) -> str:
    """Text that SQLite takes: no lone surrogates, no NUL."""
    return text.encode("utf-8", "replace").decode().replace("\0", "")


def local_hour(at: float) -> int:
    try:
        return time.localtime(at).tm_hour
    except (OverflowError, OSError, ValueError):  # a time that no calendar has
        return 0
