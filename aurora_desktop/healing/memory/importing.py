"""Failures out of the logs of the earlier systems, whose fields go by many names. Pure.

`autonomous_fixes.jsonl`, `health_log.jsonl`, `recovery_events.log`, `healing_history`: a record that tells of no
failure, or does not say when, is left out and counted with its reason.
"""

import hashlib
import json
import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from msgspec import Struct

from aurora_desktop.core.healing_events import RemedyOutcome
from aurora_desktop.healing.memory.question import names_of
from aurora_desktop.healing.memory.signature import folded
from aurora_desktop.healing.memory.writing import Attempt, Failure

TIME = ("timestamp", "time", "at", "ts", "datetime", "date", "created_at", "occurred_at", "detected_at")
COMPONENT = ("component", "service", "service_name", "agent_id", "agent", "agent_name", "worker_id", "worker",
              "process", "process_name", "name", "target")  # fmt: skip
_MESSAGE = ("error_message", "error", "message", "issue", "reason", "problem", "exception", "description", "detail",
            "details", "cause")  # fmt: skip
_KIND = ("kind", "error_type", "issue_type", "failure_type", "event_type", "category", "type")
_REMEDY = ("fix", "remedy", "action", "fix_applied", "fix_type", "healing_action", "action_taken", "recovery_action")
_OUTCOME = ("success", "successful", "worked", "fixed", "healed", "resolved", "outcome", "result", "status")
_TOOK = ("duration_s", "duration_sec", "duration_seconds", "duration", "took_s", "elapsed", "elapsed_s")
_DOWNTIME = ("downtime_s", "downtime_seconds", "downtime", "recovery_time", "recovery_time_s", "time_to_recover")
_GOOD_WORDS = "true yes ok success succeeded successful worked fixed healed resolved done completed recovered"
_BAD_WORDS = "false no failed failure error unsuccessful timeout rejected unresolved"
_WELL_WORDS = "healthy ok up running ready online active alive"
_GOOD, _BAD, _WELL = (frozenset(words.split()) for words in (_GOOD_WORDS, _BAD_WORDS, _WELL_WORDS))
_FAILS = re.compile(
    r"crash|fail|error|stall|gave_up|degraded|unhealthy|timeout|timed_out|dead|down|stopped|killed|lost"
)
_PREFIX = {"agent": "agent", "worker": "agent", "service": "service", "process": "service"}
_LATEST = 4_102_444_800.0  # the year 2100
_MAX_TEXT = 2000

NO_TIME = "says no time"
NO_FAILURE = "tells of no failure"
IN_FUTURE = "lies in the future"
CLOCKS_DIFFER_S = 86_400.0
NO_OBJECT = "is no JSON object"


class Told(Struct, frozen=True):
    """What one record tells."""

    failure: Failure
    attempt: Attempt | None = None


def read_lines(source: str, lines: Sequence[str], now: float) -> tuple[list[Told], dict[str, int]]:
    """What the lines tell, and how many were left out for which reason."""
    told: list[Told] = []
    skipped: Counter[str] = Counter()
    for line in lines:
        found = _read_line(source, line)
        if isinstance(found, Told) and found.failure.at > now + CLOCKS_DIFFER_S:
            found = IN_FUTURE
        if isinstance(found, str):
            skipped[found] += 1
        else:
            told.append(found)
    return told, dict(skipped)


def _read_line(source: str, line: str) -> Told | str:
    try:
        record = json.loads(line)
    except (ValueError, RecursionError):
        return NO_OBJECT
    return read_record(source, record) if isinstance(record, dict) else NO_OBJECT


def read_record(source: str, record: Mapping[str, Any]) -> Told | str:
    """What a record tells, or why it is left out."""
    fields = {str(name).strip().lower(): value for name, value in record.items()}
    at = _moment(_first(fields, TIME))
    if at is None:
        return NO_TIME
    remedy = _word(_first(fields, _REMEDY))
    message = _message(fields)
    if not (_is_failure(fields, message) or remedy):
        return NO_FAILURE
    message = message or f"{_component(fields)}: {remedy}"
    kind = _kind(fields, message)
    failure = Failure(
        id=0,
        at=at,
        component=_component(fields),
        kind=kind,
        signature=folded(message),
        sentence=message,
        message=message,
        source=source,
        origin=_digest(record),
        downtime_s=_seconds(_first(fields, _DOWNTIME)),
    )
    outcome = _outcome(fields)
    if not remedy or outcome is None:
        return Told(failure)
    took_s = _seconds(_first(fields, _TOOK)) or 0.0
    return Told(failure, Attempt(remedy=remedy, at=at, outcome=outcome, sentence=message, duration_s=took_s))


# --- its fields ---------------------------------------------------------------------------------------------------


def _first(fields: Mapping[str, Any], names: Sequence[str]) -> Any:
    return next((fields[name] for name in names if fields.get(name) not in (None, "", [], {})), None)


def _word(value: object) -> str:
    return " ".join(value.split())[:100] if isinstance(value, str) else ""


def _message(fields: Mapping[str, Any]) -> str:
    """The words for what went wrong; those within `details` where there are no others."""
    for name in _MESSAGE:
        value = fields.get(name)
        if isinstance(value, str) and value.strip():
            return value.strip()[:_MAX_TEXT]
        if isinstance(value, Mapping) and (inner := _message({str(key).lower(): item for key, item in value.items()})):
            return inner
        if isinstance(value, list) and value and all(isinstance(item, str) for item in value):
            return "; ".join(value)[:_MAX_TEXT]
    return ""


def _is_failure(fields: Mapping[str, Any], message: str) -> bool:
    """By its type or status where it has one; else whether it says anything at all."""
    said = [str(fields[name]).lower() for name in ("event_type", "event", "status", "state") if fields.get(name)]
    if any(_FAILS.search(word) for word in said):
        return True
    if any(word in _WELL or "restarting" in word or "recovered" in word for word in said):
        return bool(fields.get("error"))
    return bool(message) and "event_type" not in fields


def _component(fields: Mapping[str, Any]) -> str:
    for name in COMPONENT:
        value = fields.get(name)
        if isinstance(value, str | int) and not isinstance(value, bool) and str(value).strip():
            return _named(name, " ".join(str(value).split())[:100])
    return "unknown"


def _named(field: str, value: str) -> str:
    prefix = _PREFIX.get(field.partition("_")[0])
    return value if ":" in value or prefix is None else f"{prefix}:{value}"


def _kind(fields: Mapping[str, Any], message: str) -> str:
    """As its words are known, else as the record calls it."""
    if (known := names_of(message)) != "unknown":
        return known
    given = _word(_first(fields, _KIND)).lower()
    return re.sub(r"[^a-z0-9]+", "_", given).strip("_")[:40] or "unknown"


def _outcome(fields: Mapping[str, Any]) -> RemedyOutcome | None:
    for name in _OUTCOME:
        value = fields.get(name)
        if isinstance(value, bool):
            return "worked" if value else "failed"
        word = value.strip().lower() if isinstance(value, str) else ""
        if word in _GOOD or word in _BAD:
            return "worked" if word in _GOOD else "failed"
    return None


def _seconds(value: object) -> float | None:
    try:
        seconds = float(value) if isinstance(value, int | float | str) else -1.0
    except (ValueError, OverflowError):
        return None
    return seconds if 0 <= seconds < _LATEST else None


def _moment(value: object) -> float | None:
    """Unix time, from ISO 8601 (local without an offset), seconds or milliseconds; None for what no clock has shown."""
    if isinstance(value, str):
        try:
            found = datetime.fromisoformat(value.strip()).timestamp()
        except (ValueError, OverflowError, OSError):
            found = _seconds(value) or 0.0
    else:
        found = _seconds(value if not isinstance(value, bool) else None) or _milliseconds(value)
    if not math.isfinite(found):
        return None
    found = found / 1000 if found > _LATEST else found
    return found if 0 < found <= _LATEST else None


def _milliseconds(value: object) -> float:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if is_number and 0 < value < 1000 * _LATEST else 0.0  # type: ignore[arg-type, operator]  # as just asked


def _digest(record: Mapping[str, Any]) -> bytes:
    """The same for the same record, whatever file it comes from and in which order its fields are."""
    text = json.dumps(record, sort_keys=True, default=str, ensure_ascii=True)
    return hashlib.blake2b(text.encode(), digest_size=12).digest()
