"""What an agent said and did as lines of text: what is read first stands there, the rest is folded. Pure."""

import time
from collections.abc import Iterable
from typing import Literal, NamedTuple

from aurora_desktop.tasks.view import Entry

Style = Literal[
    "time", "who", "own", "text", "thought", "tool", "code", "faint", "added", "removed", "hunk", "fold", "warn",
    "bad", "note", "gap",
]  # fmt: skip
Ground = Literal["", "code", "added", "removed", "own"]

SHOWN_LINES, SHOWN_DIFF_LINES = 3, 30
MOST_CHARACTERS = 20_000
MOST_FOLDED_LINES = 400
_FOLDED, _OPEN = "\N{BLACK RIGHT-POINTING SMALL TRIANGLE}", "\N{BLACK DOWN-POINTING SMALL TRIANGLE}"
OWN_WORDS = "You"


class Span(NamedTuple):
    style: Style
    text: str


class Folded(NamedTuple):
    """What comes to light on demand, as plain text until then: most is never looked at."""

    text: str
    style: Style = "code"
    ground: Ground = "code"
    is_diff: bool = False


class TextLine(NamedTuple):
    """One line; without spans it is a narrow gap."""

    spans: tuple[Span, ...]
    ground: Ground = ""
    folded: Folded | None = None


def lines_of(entry: Entry, agent: str = "Agent", *, after: str = "") -> list[TextLine]:
    """The lines of one entry, an empty one before them; `agent` is who speaks, `after` the kind of the entry before.

    Who goes on speaking is not named again.
    """
    if entry.kind == "message" == after:
        return [_GAP, *_plain("text", entry.text), *_detail(entry)]
    lines = _lines_of(entry, agent)
    belongs_above = entry.kind == "diff" or (entry.kind == "tool_result" and not entry.failed)
    return lines if belongs_above else [_GAP, *lines]


def _lines_of(entry: Entry, agent: str) -> list[TextLine]:
    match entry.kind:
        case "message":
            return [_line(_at(entry), Span("who", agent)), *_plain("text", entry.text), *_detail(entry)]
        case "thinking":
            return [_line(_at(entry), Span("thought", "Thinking")), *_some("thought", entry.text, "of thought")]
        case "tool":
            return [
                _line(_at(entry), Span("tool", entry.tool or "Tool"), *_beside(entry.text, entry.tool)),
                *_detail(entry),
            ]
        case "tool_result":
            return _result(entry)
        case "diff":
            return _diff(entry)
        case "retry":
            return [_line(_at(entry), Span("warn", f"\N{CLOCKWISE OPEN CIRCLE ARROW} {_sentence(entry.text)}"))]
        case "asks":
            words = f"? Asks for your word: {entry.tool}".rstrip(": ")
            return [_line(_at(entry), Span("warn", words), *_beside(entry.text)), *_detail(entry)]
        case "answer":
            denied = entry.failed or entry.text.startswith("denied")
            return [_line(_at(entry), Span("bad" if denied else "tool", "Answered"), *_beside(entry.text))]
        case "note":
            return [_line(_at(entry), Span("note", _sentence(entry.text))), *_detail(entry)]
        case "error":
            return [_line(_at(entry), Span("bad", f"\N{BALLOT X} {_sentence(entry.text)}")), *_detail(entry)]


def own_words(text: str, at: float) -> list[TextLine]:
    """What the operator said."""
    body = [TextLine(line.spans, "own") for line in _plain("text", text)]
    return [_GAP, _line(_time(at), Span("own", OWN_WORDS), ground="own"), *body]


def fold_text(line: TextLine, *, is_open: bool) -> str:
    """The words of a line that folds, with the triangle that says which way."""
    words = "".join(span.text for span in line.spans)
    return f"{_OPEN if is_open else _FOLDED} {words}"


_GAP = TextLine(())


def _line(*spans: Span, ground: Ground = "") -> TextLine:
    return TextLine(spans, ground)


def _time(at: float) -> Span:
    if not at:  # nobody knows when
        return Span("time", "")
    return Span("time", f"{time.strftime('%H:%M:%S', time.localtime(at))}  ")


def _at(entry: Entry) -> Span:
    return _time(entry.at)


def _beside(text: str, tool: str = "") -> tuple[Span, ...]:
    """The first line of it, beside the name of a tool, unless it is that name again."""
    first = text.strip().partition("\n")[0]
    return (Span("code", f"  {_cut(first)}"),) if first and first != tool else ()


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]


def _cut(text: str) -> str:
    if len(text) <= MOST_CHARACTERS:
        return text
    return f"{text[:MOST_CHARACTERS]}\u2026 ({len(text):,} characters in all: the log has the rest)"


def _plain(style: Style, text: str, ground: Ground = "") -> list[TextLine]:
    return [_line(Span(style, line), ground=ground) for line in _cut(text).strip("\n").split("\n")]


def _some(style: Style, text: str, of: str, ground: Ground = "") -> list[TextLine]:
    """All of it where that is short, else the first lines and the rest folded."""
    lines = _plain(style, text, ground) if text.strip() else []
    if len(lines) <= SHOWN_LINES + 1:
        return lines
    rest = "\n".join(line.spans[0].text for line in lines[SHOWN_LINES:])
    fold = _fold(f"{len(lines) - SHOWN_LINES:,} more lines {of}", Folded(rest, style, ground))
    return [*lines[:SHOWN_LINES], fold]


def _fold(words: str, folded: Folded) -> TextLine:
    return TextLine((Span("fold", words),), "", folded)


def unfolded(folded: Folded) -> list[TextLine]:
    """The lines of what was folded, as many as are of use."""
    lines = folded.text.split("\n")
    shown = lines[:MOST_FOLDED_LINES]
    if folded.is_diff:
        made = [_diff_line(line) for line in shown]
    else:
        made = [_line(Span(folded.style, line), ground=folded.ground) for line in shown]
    if len(lines) > len(shown):
        made.append(_line(Span("note", f"\u2026 {len(lines) - len(shown):,} more lines: the log has them")))
    return made


def _detail(entry: Entry) -> list[TextLine]:
    """What is shown on demand."""
    if not entry.detail.strip() or entry.detail.strip() == entry.text.strip():
        return []
    text = _cut(entry.detail).strip("\n")
    return [_fold(f"all of it, {_lines(text.count(chr(10)) + 1)}", Folded(text))]


def _result(entry: Entry) -> list[TextLine]:
    """What a tool printed stands back; that it failed stands out."""
    text = entry.detail or entry.text
    head = [_line(_at(entry), Span("bad", f"\N{BALLOT X} {entry.tool or 'The tool'} failed"))] if entry.failed else []
    if not text.strip():
        return head or [_line(Span("faint", "(no output)"), ground="code")]
    text = _cut(text).strip("\n")
    count = text.count("\n") + 1
    if count <= SHOWN_LINES + 1:
        return [*head, *_plain("faint", text, "code")]
    return [*head, _fold(f"{_lines(count)} of output", Folded(text, "faint"))]


def _diff(entry: Entry) -> list[TextLine]:
    """How much changed and where, below the tool that did it; then each line with its plus or minus."""
    is_below = _is_diff(entry.detail)
    text = entry.detail if is_below else entry.text
    lines = [line for line in _cut(text).strip("\n").split("\n") if not _is_file_line(line)]
    added, removed = (sum(line.startswith(sign) for line in lines) for sign in "+-")
    name = "" if is_below else _file_of(text)
    counts = (Span("added", f"+{added}"), Span("removed", f" \N{MINUS SIGN}{removed}"))
    head = _line(*counts, *_beside(name, entry.tool))
    if len(lines) <= SHOWN_DIFF_LINES + 1:
        return [head, *map(_diff_line, lines)]
    rest = lines[SHOWN_DIFF_LINES:]
    fold = _fold(f"{len(rest):,} more lines of the change", Folded("\n".join(rest), is_diff=True))
    return [head, *map(_diff_line, lines[:SHOWN_DIFF_LINES]), fold]


def _diff_line(line: str) -> TextLine:
    if line.startswith("+"):
        return _line(Span("added", line), ground="added")
    if line.startswith("-"):
        return _line(Span("removed", line), ground="removed")
    if line.startswith("@@"):
        return _line(Span("hunk", line), ground="code")
    return _line(Span("code", line), ground="code")


def _is_file_line(line: str) -> bool:
    return line.startswith(("--- ", "+++ ", "diff --git ", "index "))


def _is_diff(text: str) -> bool:
    return any(line.startswith(("+", "-", "@@")) for line in text.split("\n"))


def _file_of(text: str) -> str:
    """The file that a unified diff is of, where it says so."""
    names = [line[4:].partition("\t")[0] for line in text.split("\n") if line.startswith("+++ ")]
    return names[0].removeprefix("b/") if names else ""


def _lines(count: int) -> str:
    return "1 line" if count == 1 else f"{count:,} lines"


def all_lines(entries: Iterable[Entry], agent: str, after: str = "") -> list[TextLine]:
    """The lines of several entries."""
    lines: list[TextLine] = []
    for entry in entries:
        lines += lines_of(entry, agent, after=after)
        after = entry.kind
    return lines
