"""Figures: samples of each contender, with their median and spread, as a table and as JSON."""

import json
import math
import statistics
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from msgspec import Struct, to_builtins

COLUMNS = ("median", "p95", "p99", "min", "max")


def quantile(samples: Sequence[float], share: float) -> float:
    """The nearest-rank quantile: a sample that was really seen."""
    ordered = sorted(samples)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


class Series(Struct):
    """What was measured of one contender; `missing` is the reason when nothing was."""

    who: str
    samples: list[float] = []
    missing: str = ""

    def summary(self) -> dict[str, float]:
        if not self.samples:
            return {}
        return {
            "n": len(self.samples),
            "median": statistics.median(self.samples),
            "p95": quantile(self.samples, 0.95),
            "p99": quantile(self.samples, 0.99),
            "min": min(self.samples),
            "max": max(self.samples),
        }


class Figure(Struct):
    """One table: `unit` of all samples, `note` the conditions, in words."""

    name: str
    title: str
    unit: str
    note: str = ""
    series: list[Series] = []

    def of(self, who: str) -> Series:
        """The series of a contender, begun when it is not there yet."""
        for series in self.series:
            if series.who == who:
                return series
        self.series.append(Series(who))
        return self.series[-1]

    def add(self, who: str, *samples: float) -> None:
        self.of(who).samples.extend(samples)

    def miss(self, who: str, reason: str) -> None:
        series = self.of(who)
        if not series.samples:
            series.missing = reason


class Report:
    """All figures of one run."""

    def __init__(self, machine: dict[str, str]) -> None:
        self.machine = machine
        self.figures: list[Figure] = []

    def figure(self, name: str, title: str, unit: str, note: str = "") -> Figure:
        self.figures.append(Figure(name, title, unit, note))
        return self.figures[-1]

    def measure(self, figures: Sequence[Figure], who: str, measure: Callable[[], None]) -> None:
        """Let `measure` fill in the series of `who`; what stops it is the reason why they are missing."""
        print(f"  measuring {figures[0].name}: {who}", file=sys.stderr)
        try:
            measure()
        except Exception as error:  # noqa: BLE001 - one that cannot be measured is said, the others go on
            reason = str(error) or type(error).__name__
            print(f"    not measured: {reason}", file=sys.stderr)
            for figure in figures:
                figure.miss(who, reason)

    def print_machine(self) -> None:
        print("  ".join(f"{key}: {value}" for key, value in self.machine.items()), flush=True)

    def write(self, path: Path | None) -> None:
        if path is None:
            return
        figures = [
            {**to_builtins(f), "series": [{**to_builtins(s), **s.summary()} for s in f.series]} for f in self.figures
        ]
        path.write_text(json.dumps({"machine": self.machine, "figures": figures}, indent=1) + "\n", encoding="utf-8")


def show(*figures: Figure) -> None:
    """Print the tables."""
    for figure in figures:
        print(f"\n{figure.title} [{figure.unit}]")
        if figure.note:
            print(f"  {figure.note}")
        width = max((len(s.who) for s in figure.series), default=0)
        print(f"  {'':{width}}  {'n':>4}{''.join(f'{name:>10}' for name in COLUMNS)}")
        for series in figure.series:
            print(f"  {series.who:{width}}  {_row(series)}", flush=True)


def _row(series: Series) -> str:
    found = series.summary()
    if not found:
        return f"not measured: {series.missing or 'nothing came'}"
    return f"{found['n']:4.0f}" + "".join(f"{_short(found[key]):>10}" for key in COLUMNS)


def _short(value: float) -> str:
    """Three figures that matter, and no more digits than that."""
    return f"{value:.0f}" if value >= 1000 else f"{value:.3g}"
