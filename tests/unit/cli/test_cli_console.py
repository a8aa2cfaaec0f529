"""What is written to a terminal cannot act on it."""

import io
import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aurora_desktop.cli.console import Column, Console, duration, harmless, size

COLOUR = re.compile(r"\x1b\[[0-9;:]*m")


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain é 漢\ttab\nline", "plain é 漢\ttab\nline"),
        ("\x1b[2J\x1b[Hclear", "clear"),
        ("\x1b]0;title\x07after", "after"),
        ("\x1b]52;c;c2VjcmV0\x1b\\after", "after"),
        ("\x1b]0;never ended\nnext", "\nnext"),
        ("\x1bP1$r\x1b\\dcs", "dcs"),
        ("\x1bcreset", "reset"),
        ("\x1b(0line drawing", "line drawing"),
        ("bell\x07 back\b\b over\rwrite", "bell back overwrite"),
        ("\x9b2J c1", "2J c1"),
        ("\x1b", ""),
        ("\x1b\x1b[2J[2J", "[2J"),
        ("\x1b[31mred\x1b[0m", "red"),
    ],
)
def test_escapes_are_taken_out(text: str, shown: str) -> None:
    assert harmless(text) == shown


def test_colours_stay_where_they_may() -> None:
    assert harmless("\x1b[1;31mred\x1b[0m\x1b[2J", keep_colours=True) == "\x1b[1;31mred\x1b[0m"


@given(st.text(alphabet=st.sampled_from("\x1b[]()m0;?\x07\\PJ\n\r\x9b\x00é"), max_size=40))
def test_nothing_but_colours_is_left(text: str) -> None:
    left = COLOUR.sub("", harmless(text, keep_colours=True))
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]", left)


def test_colour_on_a_terminal_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("WT_SESSION", "1")
    monkeypatch.delenv("NO_COLOR", raising=False)
    assert Console(Terminal(), io.StringIO()).styled("x", "red") == "\x1b[31mx\x1b[0m"
    assert Console(io.StringIO(), io.StringIO()).styled("x", "red") == "x"
    monkeypatch.setenv("NO_COLOR", "1")
    assert Console(Terminal(), io.StringIO()).styled("x", "red") == "x"


@pytest.mark.parametrize("name", ["dumb"])
def test_no_colour_on_a_dumb_terminal(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv("TERM", name)
    monkeypatch.delenv("WT_SESSION", raising=False)
    monkeypatch.delenv("ANSICON", raising=False)
    assert not Console(Terminal(), io.StringIO()).has_colour


def test_a_table_fits_the_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "30")
    monkeypatch.setenv("NO_COLOR", "1")
    out = Terminal()
    Console(out, io.StringIO()).table([Column("NAME"), Column("CAUSE")], [("web", "x" * 100)])
    assert out.getvalue().splitlines() == ["NAME  CAUSE", "web   " + "x" * 21 + "..."]


def test_json_is_harmless_too() -> None:
    out = Terminal()
    Console(out, io.StringIO()).json({"text": "\x1b[2J\x9b é"})
    assert json.loads(out.getvalue()) == {"text": "\x1b[2J\x9b é"}
    assert out.getvalue().isascii()
    assert "\x1b" not in out.getvalue()


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(None, "-"), (0.0, "0.0 s"), (59.94, "59.9 s"), (60, "1 min 0 s"), (3661, "1 h 1 min"), (90_000, "1 d 1 h")],
)
def test_durations(seconds: float | None, words: str) -> None:
    assert duration(seconds) == words


@pytest.mark.parametrize(
    ("amount", "words"),
    [(None, "-"), (0, "0 B"), (999, "999 B"), (1500, "1.5 kB"), (31_400_000, "31.4 MB"), (5 * 10**15, "5000.0 TB")],
)
def test_sizes(amount: int | None, words: str) -> None:
    assert size(amount) == words
