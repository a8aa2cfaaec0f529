"""How what agents tell is put into words: one line to show, the whole on demand, diffs."""

import difflib
from collections.abc import Iterable
from typing import Any

import msgspec

from aurora_desktop.tasks.adapters.adapter import Exit

MOST_LINE = 200
MOST_DETAIL = 19_900
"""Characters of a summary, and of what is shown on demand: with the word on what is left out less than the 20,000 that
a question may have, for whoever allows something must know that there is more of it."""


def one_line(text: str, most: int = MOST_LINE) -> str:
    """All white space single, cut with an ellipsis."""
    line = " ".join(text[: 4 * most].split())
    return line if len(line) <= most else line[: most - 1] + "…"


def cut(text: str, most: int = MOST_DETAIL) -> str:
    """The beginning of a long text, with a word on how much is left out."""
    if len(text) <= most:
        return text
    return f"{text[:most]}\n… {len(text) - most:,} characters more"


def readable(value: Any) -> str:
    """A value of JSON with indentation; "" for nothing."""
    if value is None or value == {} or value == []:
        return ""
    if isinstance(value, str):
        return value
    try:
        return msgspec.json.format(msgspec.json.encode(value)).decode()
    except (RecursionError, OverflowError):
        return "(too deeply nested to be shown)"


def whole_file_diff(path: str, text: str, sign: str) -> str:
    """The diff of a file that is new (`+`) or goes (`-`)."""
    old, new = ("/dev/null", path) if sign == "+" else (path, "/dev/null")
    lines = text.splitlines()
    span = f"-0,0 +1,{len(lines)}" if sign == "+" else f"-1,{len(lines)} +0,0"
    return "\n".join([f"--- {old}", f"+++ {new}", f"@@ {span} @@", *(sign + line for line in lines), ""])


def text_diff(path: str, old: str | None, new: str) -> str:
    """The unified diff of a text; `old` None: the file is new. Of texts that take long to compare both in whole."""
    if old is None:
        return whole_file_diff(path, new, "+")
    before, after = old.splitlines(), new.splitlines()
    if len(before) * len(after) > _MOST_COMPARED:
        return whole_file_diff(path, old, "-") + whole_file_diff(path, new, "+")
    return "\n".join([*difflib.unified_diff(before, after, path, path, lineterm=""), ""])


_MOST_COMPARED = 1_000_000
"""Pairs of lines: difflib takes up to half a second for so many, in lines of few kinds."""


def how_it_ended(ended: Exit) -> str:
    """`ended with exit code 1: <last line of its errors>`."""
    how = f"was killed by {ended.signal}" if ended.signal else f"ended with exit code {ended.code}"
    lines = ended.stderr_tail.strip().splitlines()
    return f"{how} ({one_line(lines[-1])})" if lines else how


def checklist(steps: Iterable[tuple[str, str]]) -> str:
    """Steps of a plan with what became of each: `[x]` done, `[>]` being done, `[ ]` to be done."""
    marks = {"completed": "x", "inProgress": ">", "in_progress": ">"}
    return "\n".join(f"[{marks.get(status, ' ')}] {step}" for step, status in steps)
