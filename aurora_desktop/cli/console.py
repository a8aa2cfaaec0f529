"""Writes for people and for programs: tables, colours where they belong, JSON, errors in three parts."""

import json
import os
import re
import shutil
import sys
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple, TextIO

from aurora_desktop.core.errors import AuroraError

Style = Callable[[str], str]

_STYLES = {"green": "32", "yellow": "33", "red": "31", "dim": "2", "bold": "1"}
_RESET = "\x1b[0m"
# A colour; else any other escape sequence, also one that is never ended; else a lone control character.
_CONTROL = re.compile(
    r"(?P<colour>\x1b\[[0-9;:]*m)"
    r"|\x1b\[[0-?]*[ -/]*[@-~]|\x1b[\]PX^_][^\n]*?(?:\x07|\x1b\\|(?=\n)|\Z)|\x1b[ -/]*[0-~]"
    r"|[\x00-\x08\x0b-\x1f\x7f-\x9f]"
)


def harmless(text: str, *, keep_colours: bool = False) -> str:
    """The text without what would act on a terminal instead of showing on it; lines and tabs stay."""
    return _CONTROL.sub(lambda match: (match["colour"] or "") if keep_colours else "", text)


class Column(NamedTuple):
    """`style` names the style of a cell by its text."""

    title: str
    right: bool = False
    style: Callable[[str], str] = lambda _: ""


class Console:
    """One command's standard output and error."""

    def __init__(self, out: TextIO, err: TextIO) -> None:
        self.out = out
        self.err = err
        self.is_terminal = out.isatty()
        self.has_colour = self.is_terminal and not os.environ.get("NO_COLOR") and _shows_colour()

    def line(self, text: str = "") -> None:
        self.out.write(harmless(text, keep_colours=self.has_colour) + "\n")

    def note(self, text: str) -> None:
        """To standard error, beside what the command answers."""
        self.err.write(harmless(text) + "\n")
        self.err.flush()

    def text(self, text: str) -> None:
        """A piece of a text: to a pipe as it is, to a terminal without what would act on it."""
        self.out.write(harmless(text, keep_colours=self.has_colour) if self.is_terminal else text)

    def json(self, value: Any, *, compact: bool = False) -> None:
        """ASCII alone, so that nothing in it can act on a terminal or fail to be encoded."""
        self.out.write(json.dumps(value, indent=None if compact else 2) + "\n")

    def error(self, error: AuroraError) -> None:
        """The title, then the detail and the hint, indented."""
        self.err.write(f"aurora: {harmless(error.title)}\n")
        for part in filter(None, (error.detail, error.hint)):
            self.err.writelines(f"  {line}\n" for line in harmless(part).split("\n"))

    def styled(self, text: str, style: str) -> str:
        return f"\x1b[{_STYLES[style]}m{text}{_RESET}" if self.has_colour and style else text

    def table(self, columns: Sequence[Column], rows: Iterable[Sequence[str]]) -> None:
        """Aligned columns; on a terminal the last one is cut to its width."""
        for line in self.table_lines(columns, rows, shutil.get_terminal_size().columns if self.is_terminal else None):
            self.line(line)

    def table_lines(
        self, columns: Sequence[Column], rows: Iterable[Sequence[str]], width: int | None = None
    ) -> list[str]:
        """The title and a line for each row; the last column is cut to what is left of `width`."""
        cells = [[harmless(cell).replace("\n", " ").replace("\t", " ") for cell in row] for row in rows]
        titles = [column.title for column in columns]
        widths = [max(len(row[i]) for row in [titles, *cells]) for i in range(len(columns))]
        if width is not None:
            room = width - sum(widths[:-1]) - 2 * (len(widths) - 1)
            widths[-1] = min(widths[-1], max(room, 12))
        head = self.styled(_aligned(columns, titles, widths).rstrip(), "bold")
        return [head, *(_aligned(columns, row, widths, self.styled).rstrip() for row in cells)]

    def flush(self) -> None:
        self.out.flush()


def _aligned(
    columns: Sequence[Column],
    row: Sequence[str],
    widths: Sequence[int],
    styled: Callable[[str, str], str] = lambda text, _: text,
) -> str:
    parts = []
    for column, cell, width in zip(columns, row, widths, strict=True):
        shown = cell if len(cell) <= width else cell[: width - 3] + "..."
        padded = shown.rjust(width) if column.right else shown.ljust(width)
        parts.append(styled(padded, column.style(cell)))
    return "  ".join(parts)


def _shows_colour() -> bool:
    if sys.platform == "win32":
        return "WT_SESSION" in os.environ or "ANSICON" in os.environ
    return os.environ.get("TERM", "") != "dumb"


def state_style(state: str) -> str:
    """The style of a service state or a verdict."""
    if state in ("ready", "running", "healthy", "ok"):
        return "green"
    if state in ("failed", "degraded", "error") or state == "unhealthy":
        return "red"
    return "dim" if state == "stopped" else "yellow"


def control_style(state: str) -> str:
    """The style of a state of control: red once stopped, yellow while an agent could act."""
    return {"latched": "red", "armed": "yellow", "arming": "yellow", "closed": "dim"}.get(state, "")


def outcome_style(outcome: str) -> str:
    """The style of the outcome of an action."""
    return {"done": "green", "refused": "yellow", "not_started": "yellow"}.get(outcome, "red" if outcome else "")


def countdown(seconds: float) -> str:
    """`14:32`, `1:02:05`."""
    minutes, rest_s = divmod(max(0, int(seconds)), 60)
    hours, minutes_left = divmod(minutes, 60)
    return f"{hours}:{minutes_left:02}:{rest_s:02}" if hours else f"{minutes}:{rest_s:02}"


def duration(seconds: float | None) -> str:
    """`4.2 s`, `3 min 7 s`, `2 h 5 min`, `3 d 4 h`; `-` for None."""
    if seconds is None:
        return "-"
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest_s = divmod(int(seconds), 60)
    hours, minutes_left = divmod(minutes, 60)
    if not hours:
        return f"{minutes} min {rest_s} s"
    days, hours_left = divmod(hours, 24)
    return f"{days} d {hours_left} h" if days else f"{hours} h {minutes_left} min"


def size(amount: int | None) -> str:
    """`512 B`, `1.5 MB`, `2.1 GB`; `-` for None."""
    if amount is None:
        return "-"
    value, unit = float(amount), "B"
    for larger in ("kB", "MB", "GB", "TB"):
        if value < 1000:
            break
        value, unit = value / 1000, larger
    return f"{amount} B" if unit == "B" else f"{value:.1f} {unit}"
