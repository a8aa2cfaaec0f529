"""Every event has words, and those of healing say how it went."""

import time
from typing import Any

import msgspec
import pytest

from aurora_desktop.cli.event_words import in_words
from aurora_desktop.core import events
from aurora_desktop.core.event import Event
from aurora_desktop.core.events import AnyEvent

AT = time.mktime((2026, 5, 1, 12, 0, 0, 0, 0, -1))


def words(event: AnyEvent) -> str:
    return in_words(msgspec.to_builtins(event))


def made(struct: type[Event], /, **fields: Any) -> str:
    return words(struct(at=AT, component="service:web", **fields))  # type: ignore[arg-type]  # one of the union


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (
            made(events.StorageQuarantined, path="state.db", moved_to="aside", reason="damaged"),
            "set aside (damaged), kept as aside; begun anew",
        ),
        (
            made(events.StorageQuarantined, path="a", moved_to="b", reason="damaged", restored_from="c", lost="d"),
            "set aside (damaged), kept as b; restored out of c; lost: d",
        ),
        (
            made(events.BackupMade, backup_id="x", reason="at quit", size_bytes=2_500_000, duration_s=1, trouble="no"),
            "x, 2.5 MB, at quit; not in the second folder: no",
        ),
        (made(events.BackupFailed, detail="no room", hint="Free some"), "no room. Free some"),
        (made(events.DamageFound, path="a", detail="page 9", remedy="repaired"), "a: page 9; repaired"),
        (
            made(
                events.FaultDiagnosed,
                failure_id=1,
                kind="port_conflict",
                cause="taken",
                signature="",
                remedies=("a", "b"),
            ),
            "port conflict: taken; may help: a, b",
        ),
        (
            made(events.FaultDiagnosed, failure_id=1, kind="unknown", cause="it ended", signature="", next_step="look"),
            "unknown: it ended; next step: look",
        ),
        (made(events.RemedyStarted, failure_id=1, remedy="a", attempt=2, cause="c"), "a, attempt 2: c"),
        (
            made(events.RemedyFinished, failure_id=1, remedy="a", outcome="undo_failed", cause="c", duration_s=1.25),
            "a undo failed after 1.2 s: c",
        ),
        (
            made(events.RemedyOffered, offer_id=4, failure_id=1, remedy="a", cause="c", command=("pip", "x")),
            "a waits for your word in the window: c (pip x)",
        ),
        (made(events.OfferClosed, offer_id=4, answer="declined"), "offer 4 declined"),
        (made(events.Escalated, cause="c", attempts=3, hint="h"), "c; next step: h"),
        (made(events.EscalationCleared, by="the operator"), "cleared by the operator"),
        (
            made(events.Predicted, kind="disk_full", due=AT, confidence=0.9, cause="c", advice="tidy up"),
            "c (2026-05-01 12:00, 90% sure); tidy up",
        ),
        (made(events.PredictionWithdrawn, kind="disk_full", cause="c"), "disk full: c"),
        (
            made(events.TuningProposed, proposal_id=2, setting="s", old="1", new="2", cause="c"),
            "s: 1 -> 2: c",
        ),
        (
            made(events.TuningEnded, proposal_id=2, setting="s", result="taken_back", cause="c"),
            "proposal 2 taken back: c",
        ),
        (made(events.AlertSent, channel="mail", kind="errors", cause="c"), "by mail: c"),
        (made(events.AlertFailed, channel="mail", kind="errors", cause="c", tries=5), "not by mail, after 5 tries: c"),
        (made(events.AuroraStarted, version="0.1.0", pid=7, mode="desktop"), "version 0.1.0 (desktop), pid 7"),
        (made(events.ServiceAdopted, pid=7, uptime_s=490.7), "pid 7, up 8 min 10 s"),
        (made(events.ProbeFailing, probe="readiness", detail="timed out"), "readiness probe: timed out"),
        (made(events.ProbeFailing, probe="readiness", detail="", recovered=True), "the readiness probe succeeds again"),
        (made(events.Stalled, stall_s=3.4), "Aurora itself stood still for 3.4 s"),
        (made(events.ClockJumped, delta_s=-90.0), "the clock went back by 1 min 30 s"),
        (made(events.SettingsApplied, path="a"), "no service changed"),
        (
            made(events.SettingsApplied, path="a", added=("b", "c"), removed=("d",), waiting=("looser",)),
            "added b, c; removed d; not in force until you confirm it in the window: looser",
        ),
        (made(events.StorageRecovered, path="a.db", kept=3, dropped=1), "a.db is written again; 3 kept, 1 lost"),
        (made(events.SettingsRefused, path="a", problems=("a:3: no",)), "the last good ones stay in force: a:3: no"),
        (made(events.SpaceFreed, freed_bytes=1, files=1, cause="c"), "c"),
        (made(events.OperatorCommand, command="pause", source="api"), "command pause, source api"),
    ],
)  # fmt: skip
def test_an_event_in_words(said: str, expected: str) -> None:
    assert said == expected
