"""Prediction, measured: false alarms first, detection second, beside a plain threshold and a plain linear trend.

    .venv/bin/python benchmarks/prediction.py [--seeds N] [--first SEED] [--record]

Made series are 72 hours of a sample a minute, from fixed seeds; the recorded ones are real programs
(`rig/growing.py`), half a second of whom stands for a minute. Each detector is asked every ten minutes and raises an
alarm when it says yes twice in a row; it is over once it says no three times. A leak counts as found when the alarm
that stands when it reaches its limit began an hour or more before.
"""

import sys
from argparse import ArgumentParser
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from statistics import median
from typing import NamedTuple

from rig import growing, shapes

from aurora_desktop.healing.machine.prediction import Forecast, Point, forecast, goes_on
from aurora_desktop.healing.machine.series import Series

HORIZON_S = 24 * 3600.0
ASKED_EVERY = 10
LEAST_RISE = 5_000_000.0
RECORDED = Path(__file__).parent / "data" / "memory.json"

Detector = Callable[[Sequence[Point], float, Forecast | None], Forecast | None]
"""Asked with the points, the limit, and what it said when its standing alarm began."""
YES = Forecast(0.0, 0.0, 0.0, 0.0, 0.0)


def ours(points: Sequence[Point], limit: float, standing: Forecast | None) -> Forecast | None:
    if standing is not None:
        return goes_on(points, standing, limit)
    return forecast(points, limit, LEAST_RISE, HORIZON_S)


def threshold(points: Sequence[Point], limit: float, _: Forecast | None) -> Forecast | None:
    """Over 80 % of the limit."""
    return YES if points[-1][1] > 0.8 * limit else None


def linear(hours: float) -> Detector:
    """Least squares over the last hours, drawn out by the horizon: `predict_linear` of Prometheus."""

    def ask(points: Sequence[Point], limit: float, _: Forecast | None) -> Forecast | None:
        end = points[-1][0]
        recent = [point for point in points if point[0] >= end - hours * 3600]
        if end - points[0][0] < hours * 3600 or len(recent) < 3:
            return None
        mean_at = sum(at for at, _ in recent) / len(recent)
        mean = sum(value for _, value in recent) / len(recent)
        spread = sum((at - mean_at) ** 2 for at, _ in recent)
        slope = sum((at - mean_at) * (value - mean) for at, value in recent) / spread
        return YES if mean + slope * (end - mean_at + HORIZON_S) > limit else None

    return ask


DETECTORS: dict[str, Detector] = {
    "Aurora": ours,
    "threshold 80 %": threshold,
    "linear 1 h": linear(1),
    "linear 6 h": linear(6),
}


class Alarm(NamedTuple):
    began: int
    ended: int | None


def alarms(values: Iterable[float], limit: float, detector: Detector) -> list[Alarm]:
    """In minutes; up to the minute in which the limit is reached."""
    series, found, began, yes, no = Series(), list[Alarm](), -1, 0, 0
    standing: Forecast | None = None
    for minute, value in enumerate(values):
        if value >= limit:
            break
        series.add(minute * shapes.STEP_S, value)
        if minute % ASKED_EVERY or minute < ASKED_EVERY:
            continue
        says = detector(series.points(), limit, standing)
        yes, no = (yes + 1, 0) if says else (0, no + 1)
        if standing is None and says and yes >= 2:
            began, standing = minute, says
        elif standing is not None and no >= 3:
            found.append(Alarm(began, minute))
            standing = None
    return [*found, *([Alarm(began, None)] if standing is not None else [])]


def reached(values: Sequence[float], limit: float) -> int | None:
    """The minute in which the limit is reached."""
    return next((minute for minute, value in enumerate(values) if value >= limit), None)


def measure_innocent(seeds: range) -> dict[str, dict[str, list[int]]]:
    """By kind and detector: the number of false alarms of each series."""
    counts: dict[str, dict[str, list[int]]] = {}
    for kind, values, limit in shapes.innocent(seeds):
        for name, detector in DETECTORS.items():
            counts.setdefault(kind, {}).setdefault(name, []).append(len(alarms(values, limit, detector)))
    return counts


class Found(NamedTuple):
    series: int
    found: int
    lead_h: float | None
    false: int


def measure_leaks(seeds: range) -> dict[int, dict[str, Found]]:
    """By rate and detector: how many were found in time, and the median lead in hours."""
    leads: dict[int, dict[str, list[float | None]]] = {}
    false: dict[tuple[int, str], int] = {}
    for rate, values, limit in shapes.leaks(seeds):
        end = reached(values, limit)
        assert end is not None
        for name, detector in DETECTORS.items():
            raised = alarms(values, limit, detector)
            standing = [alarm.began for alarm in raised if alarm.ended is None and end - alarm.began >= 60]
            false[rate, name] = false.get((rate, name), 0) + sum(alarm.ended is not None for alarm in raised)
            lead = (end - standing[0]) / 60 if standing else None
            leads.setdefault(rate, {}).setdefault(name, []).append(lead)
    return {
        rate: {
            name: Found(len(all_), sum(lead is not None for lead in all_), _middle(all_), false[rate, name])
            for name, all_ in by_name.items()
        }
        for rate, by_name in leads.items()
    }


def _middle(leads: Iterable[float | None]) -> float | None:
    known = [lead for lead in leads if lead is not None]
    return round(median(known), 1) if known else None


def measure_recorded(path: Path = RECORDED) -> dict[str, dict[str, list[Alarm]]]:
    """By program and detector: the alarms; limits are 1.5 times the peak, and for leaks what they reach in the end."""
    found: dict[str, dict[str, list[Alarm]]] = {}
    for name, kilobytes in growing.read(path).items():
        values = [1000.0 * size for size in kilobytes]
        limit = values[-1] if name.startswith("leak") else 1.5 * max(values)
        found[name] = {detector: alarms(values, limit, ask) for detector, ask in DETECTORS.items()}
    return found


def main() -> None:
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=20, help="series of each kind")
    parser.add_argument("--first", type=int, default=1000, help="the first seed; those below 100 were used for tuning")
    parser.add_argument("--record", action="store_true", help="record the real programs anew (6 minutes)")
    options = parser.parse_args()
    seeds = range(options.first, options.first + options.seeds)
    if options.record:
        growing.write(RECORDED, growing.record(720))
    _table(
        f"false alarms in {options.seeds} series of each kind (series with any / alarms)",
        {
            k: {n: f"{sum(c > 0 for c in cs)} / {sum(cs)}" for n, cs in d.items()}
            for k, d in measure_innocent(seeds).items()
        },
    )
    _table(
        "leaks found an hour or more ahead (of so many), median lead, withdrawn alarms",
        {
            f"{rate} MB/h": {n: f"{f.found}/{f.series}, {f.lead_h or '-'} h, {f.false}" for n, f in d.items()}
            for rate, d in measure_leaks(seeds).items()
        },
    )
    _table(
        "recorded programs: alarms in minutes of the series (began-ended)",
        {
            name: {n: " ".join(f"{a.began}-{a.ended or ''}" for a in found) or "none" for n, found in d.items()}
            for name, d in measure_recorded().items()
        },
    )


def _table(title: str, rows: dict[str, dict[str, str]]) -> None:
    print(f"\n{title}\n")
    print("| |", " | ".join(DETECTORS), "|")
    print("|---|" + "---|" * len(DETECTORS))
    for name, cells in rows.items():
        print(f"| {name} |", " | ".join(cells[detector] for detector in DETECTORS), "|")


if __name__ == "__main__":
    sys.exit(main())
