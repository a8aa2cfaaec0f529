"""The commands of healing: `heal`, `failures`, `stats` and `remedies`. None accepts, clears or answers anything."""

import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

from aurora_desktop.cli.call import OK, Call
from aurora_desktop.cli.console import Column, duration
from aurora_desktop.core.errors import AuroraError

HEAL_WAIT_S = 300.0
# Below the door's limit of 64 KiB, with the lines escaped once more.
BATCH_BYTES = 48 * 1024
BATCH_LINES = 500
MAX_TEXT = 50_000
_INVASIVENESS = ("looks", "tidies", "restarts", "changes files", "installs", "does more")
_GROUP_COLUMNS = (Column("TIMES", right=True), Column("LAST"), Column("WHERE"), Column("WORKED"), Column("WHAT"))
_REMEDY_COLUMNS = (Column("NAME"), Column("TAKES"), Column("ASKS"), Column("WORKED"), Column("WHAT IT DOES"))
_COMPONENT_COLUMNS = (
    Column("COMPONENT"),
    Column("FAILURES", right=True),
    Column("BETWEEN THEM", right=True),
    Column("TO RECOVER", right=True),
)
_SUCCESS_COLUMNS = (Column("REMEDY"), Column("WORKED"), Column("RATE", right=True), Column("TOOK", right=True))


# --- heal ---------------------------------------------------------------------------------------------------------


def heal(call: Call) -> int:
    """Have everything, or one service or agent, looked at now; and healed, unless `--check-now` was said."""
    given = call.given
    if given.interval is not None or given.threshold is not None:
        raise AuroraError("`--interval` and `--threshold` go with `--daemon`", "", "Or write them into the settings")
    body = {"name": given.name, "check_now": given.check_now}
    reply = call.client.post("/v1/heal", body, wait_s=HEAL_WAIT_S)
    if given.json:
        call.console.json(reply)
    else:
        for finding in reply["findings"] or ["nothing to heal"]:
            call.console.line(finding)
    return OK


# --- failures -----------------------------------------------------------------------------------------------------


def failures(call: Call) -> int:
    """What is remembered of failures like these, in words and one line for each kind; or take in earlier logs."""
    if call.given.files:
        return _import(call)
    query = " ".join(call.given.query) or None
    found = call.client.get("/v1/failures", q=query, limit=call.given.limit)
    if call.given.json:
        call.console.json(found)
        return OK
    call.console.line(found["sentence"])
    if found["groups"]:
        call.console.line()
        call.console.table(_GROUP_COLUMNS, [_group_cells(group) for group in found["groups"]])
    return OK


def _group_cells(group: dict[str, Any]) -> list[str]:
    places = [name.partition(":")[2] or name for name in group["components"]]
    more = f" +{len(places) - 2}" if len(places) > 2 else ""
    return [
        str(group["count"]),
        _day(group["last_at"]),
        ", ".join(places[:2]) + more,
        _worked(group) or "-",
        group["sentence"],
    ]


def _worked(group: dict[str, Any]) -> str:
    """`next_free_port 9/10, restart 0/3`, the best first."""
    names = dict.fromkeys((*group["worked"], *group["failed"]))
    counts = {name: (group["worked"].get(name, 0), group["failed"].get(name, 0)) for name in names}
    ordered = sorted(counts.items(), key=lambda item: -item[1][0] / max(1, sum(item[1])))
    return ", ".join(f"{name} {good}/{good + bad}" for name, (good, bad) in ordered[:3])


def _import(call: Call) -> int:
    told = [_import_file(call, Path(name)) for name in call.given.files]
    if call.given.json:
        call.console.json({"files": told})
        return OK
    for one in told:
        reasons = ", ".join(f"{count} {reason}" for reason, count in sorted(one["skipped"].items()))
        skipped = f"; skipped: {reasons}" if reasons else ""
        call.console.line(
            f"{one['file']}: {one['read']} records read, {one['imported']} new, {one['known']} known before{skipped}"
        )
    return OK


def _import_file(call: Call, path: Path) -> dict[str, Any]:
    from aurora_desktop.healing.memory.earlier_logs import EarlierLog

    log = EarlierLog(path)
    whole: dict[str, Any] = {"file": str(path), "read": 0, "imported": 0, "known": 0, "skipped": {}}
    for lines in _batches(log):
        part = call.client.post("/v1/failures/import", {"source": path.name[:100], "lines": lines})
        for name in ("read", "imported", "known"):
            whole[name] += part[name]
        _add(whole["skipped"], part["skipped"])
    whole["read"] += sum(log.skipped.values())
    _add(whole["skipped"], log.skipped)
    return whole


def _add(sums: dict[str, int], more: dict[str, int]) -> None:
    for name, count in more.items():
        sums[name] = sums.get(name, 0) + count


def _batches(lines: Iterator[str] | Any) -> Iterator[list[str]]:
    """Such as the door takes; a line is ASCII, and its quotes and backslashes are escaped once more on the way."""
    batch: list[str] = []
    size = 0
    for line in lines:
        length = len(line) + line.count('"') + line.count("\\") + 4
        if batch and (size + length > BATCH_BYTES or len(batch) == BATCH_LINES):
            yield batch
            batch, size = [], 0
        batch.append(line)
        size += length
    if batch:
        yield batch


# --- stats --------------------------------------------------------------------------------------------------------


def stats(call: Call) -> int:
    """What healing did and how it went; how often what fails, and how long it takes to be well again."""
    told = call.client.get("/v1/healing/statistics")
    if call.given.json:
        call.console.json(told)
        return OK
    line, table = call.console.line, call.console.table
    line(f"{told['total_actions']} remedies tried: {told['successful']} worked ({told['success_rate']:.1f} %)")
    if told["remedies"]:
        line()
        table(_SUCCESS_COLUMNS, [_success_cells(remedy) for remedy in told["remedies"]])
    if told["components"]:
        line()
        table(_COMPONENT_COLUMNS, [_component_cells(component) for component in told["components"]])
    for words in filter(None, (_kinds(told["kinds"]), _hours(told["by_hour"]), _together(told["together"]))):
        line()
        line(words)
    return OK


def _success_cells(remedy: dict[str, Any]) -> list[str]:
    worked = f"{remedy['successful']} of {remedy['total']}"
    return [remedy["remedy"], worked, f"{remedy['success_rate']:.1f} %", duration(remedy["median_s"])]


def _component_cells(component: dict[str, Any]) -> list[str]:
    mtbf, mttr = duration(component["mtbf_s"]), duration(component["mttr_s"])
    return [component["component"], str(component["failures"]), mtbf, mttr]


def _kinds(kinds: dict[str, int]) -> str:
    shown = [f"{kind.replace('_', ' ')} {count}" for kind, count in list(kinds.items())[:8]]
    return f"kinds: {', '.join(shown)}" if shown else ""


def _hours(by_hour: list[int]) -> str:
    """`most at 03:00 (12), 04:00 (9) and 14:00 (4)`, where an hour stands out."""
    busiest = sorted(range(len(by_hour)), key=lambda hour: -by_hour[hour])[:3]
    shown = [f"{hour:02}:00 ({by_hour[hour]})" for hour in busiest if by_hour[hour]]
    return f"most in the hours from {', '.join(shown)}" if shown else ""


def _together(pairs: list[dict[str, Any]]) -> str:
    shown = [
        f"{pair['first']} and {pair['second']} ({pair['count']} times, {pair['lift']:g} times what chance would bring)"
        for pair in pairs[:5]
    ]
    return f"within a minute of each other: {'; '.join(shown)}" if shown else ""


# --- remedies -----------------------------------------------------------------------------------------------------


def remedies(call: Call) -> int:
    """All that Aurora knows to do."""
    known = call.client.get("/v1/remedies")
    if call.given.json:
        call.console.json(known)
    else:
        call.console.table(_REMEDY_COLUMNS, [_remedy_cells(remedy) for remedy in known])
    return OK


def _remedy_cells(remedy: dict[str, Any]) -> list[str]:
    worked = f"{remedy['worked']} of {remedy['tried']}" if remedy["tried"] else "-"
    what = remedy["summary"] if remedy["enabled"] else f"off: {remedy['summary']}"
    return [remedy["name"], _takes(remedy), "yes" if remedy["asks"] else "no", worked, what]


def _takes(remedy: dict[str, Any]) -> str:
    return _INVASIVENESS[min(remedy["invasiveness"], len(_INVASIVENESS) - 1)]


def remedy(call: Call) -> int:
    """One remedy: what it recognises, does, verifies and undoes."""
    known = call.client.get(f"/v1/remedies/{quote(call.given.name, safe='')}")
    if call.given.json:
        call.console.json(known)
        return OK
    told = {
        "what it does": known["summary"],
        "for": ", ".join(kind.replace("_", " ") for kind in known["kinds"]),
        "recognises": "\n    ".join(("", *known["recognises"])),
        "helped when": known["verifies"],
        "undone by": known["undoes"],
        "takes upon itself": _takes(known),
        "asks first": "yes" if known["asks"] else "no",
        "worked": f"{known['worked']} of {known['tried']} times" if known["tried"] else "never tried",
    }
    state = "" if known["enabled"] else " (off)"
    call.console.line(f"{known['name']}{' (yours)' if known['own'] else ''}{state}")
    for what, words in told.items():
        if words:
            call.console.line(f"  {what}: {words}".replace(": \n", ":\n"))
    return OK


def try_text(call: Call) -> int:
    """What a message or the end of a log would be recognised as, and what would be tried; nothing is done."""
    text = sys.stdin.read() if call.given.text == ["-"] else " ".join(call.given.text)
    if not text.strip():
        raise AuroraError("There is no text to recognise", "", "aurora remedies test 'Address already in use'")
    # The end of a log tells most.
    found = call.client.post(
        "/v1/remedies/test", {"text": text[-MAX_TEXT:], "service": call.given.service}, scope="read"
    )
    if call.given.json:
        call.console.json(found)
        return OK
    call.console.line(f"{found['kind'].replace('_', ' ')}: {found['sentence']}")
    for name, value in found["facts"].items():
        call.console.line(f"  {name}: {value}")
    call.console.line(f"would try: {', '.join(found['remedies']) or 'nothing'}")
    if found["next_step"]:
        call.console.line(f"next step: {found['next_step']}")
    return OK


def _day(at: float) -> str:
    try:
        return time.strftime("%Y-%m-%d %H:%M", time.localtime(at))
    except (OverflowError, OSError, ValueError):  # an imported time that no calendar has
        return "-"
