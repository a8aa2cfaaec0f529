"""The command `audit`: reads the audit log from its files, whether Aurora runs or not."""

from typing import Any

import msgspec

from aurora_desktop.cli.call import FAILED, OK, Call
from aurora_desktop.cli.console import Column
from aurora_desktop.core.errors import AuroraError
from aurora_desktop.core.paths import StatePaths
from aurora_desktop.input.audit.reading import last_records, verify_log
from aurora_desktop.input.audit.verify import Verdict

_COLUMNS = (
    Column("SEQ", right=True),
    Column("TIME"),
    Column("WHAT"),
    Column("PHASE"),
    Column("OUTCOME", style=lambda outcome: "" if outcome in ("", "done") else "yellow"),
    Column("AGENT"),
    Column("TASK"),
    Column("REMARK"),
)


def audit(call: Call) -> int:
    """`verify`: 0 if the log is as it was written, else 1; `show`: its last records."""
    return _verify(call) if call.given.what == "verify" else _show(call)


def _verify(call: Call) -> int:
    verdict = verify_log(StatePaths(call.state_dir))
    if call.given.json:
        call.console.json({"good": verdict.is_good, "sentence": verdict.sentence, **_plain(verdict)})
    else:
        call.console.line(call.console.styled(verdict.sentence, "green" if verdict.is_good else "red"))
        if verdict.more:
            call.console.line(f"and {verdict.more} more bad places after it")
        for note in verdict.notes:
            call.console.line(f"note: {note}")
    return OK if verdict.is_good else FAILED


def _plain(verdict: Verdict) -> dict[str, Any]:
    plain: dict[str, Any] = msgspec.to_builtins(verdict)
    return plain


def _show(call: Call) -> int:
    log = StatePaths(call.state_dir).input_log
    try:
        records = last_records(log, call.given.limit)
    except OSError as error:
        raise AuroraError("the audit log cannot be read", f"{log}: {error.strerror or error}") from error
    if call.given.json:
        call.console.json(records)
    elif records:
        call.console.table(_COLUMNS, [_cells(record) for record in records])
    else:
        call.console.line("the audit log is empty: no agent has used mouse or keyboard yet")
    return OK


def _cells(record: dict[str, Any]) -> list[str]:
    def told(name: str) -> str:
        return "" if record.get(name) is None else str(record[name])

    what = told("event") or told("sentence") or told("action")
    remark = told("error") or told("detail")
    names = ("phase", "outcome", "agent", "task_id")
    return [told("seq"), told("timestamp"), what, *(told(name) for name in names), remark]
