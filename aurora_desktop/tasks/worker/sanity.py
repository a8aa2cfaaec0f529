"""Whether a result can be one: not empty, not only an error, and what the task expects of it is there."""

import re
from collections.abc import Mapping, Sequence

from aurora_desktop.tasks.task import Expectation

_MOST_ERROR_LINES = 40
_MOST_SEARCHED = 1_000
"""Characters of a line, and of a page of HTML: a line of a million dots would take these expressions hours."""
_ERROR_LINE = re.compile(
    r"""^\W*(?:
      (?:fatal\ |internal\ |unhandled\ |uncaught\ |execution\ )?(?:error|exception|failure|panic)\b\s*[:\[(!]
    | [\w.]*(?:Error|Exception)\b(?::|$|\s\()
    | API\ Error\b
    | (?:HTTP|status)[/\s:]*(?:code\s*)?(?:\d\.\d\s+)?[45]\d\d\b
    | [45]\d\d\ (?:Bad\ Request|Unauthorized|Forbidden|Not\ Found|Request\ Timeout|Too\ Many\ Requests
        |Internal\ Server\ Error|Bad\ Gateway|Service\ Unavailable|Gateway\ Time-?out)\b
    | fatal:\s | panic:\s
    | (?:command\ not\ found|segmentation\ fault|killed|out\ of\ memory|connection\ refused)\W*$
    )""",
    re.IGNORECASE | re.VERBOSE,
)
_JSON_ERROR = re.compile(r'^\{\s*"(?:error|type"\s*:\s*"error)"\s*[:,]', re.IGNORECASE)
_HTML_ERROR = re.compile(r"^<(?:!doctype|html).*<title>[^<]*\b[45]\d\d\b", re.IGNORECASE | re.DOTALL)
_TRACEBACK = "Traceback (most recent call last):"


def is_only_error(text: str) -> bool:
    """Whether a text says nothing but that something failed; an error among other words is none of this."""
    text = text.strip()
    if _HTML_ERROR.match(text[:_MOST_SEARCHED]) or (_JSON_ERROR.match(text) and text.endswith("}")):
        return True
    lines = [line for line in text.splitlines() if line.strip()]
    if not lines or len(lines) > _MOST_ERROR_LINES:
        return False
    said = _without_tracebacks(lines)
    return all(_ERROR_LINE.match(line[:_MOST_SEARCHED]) for line in said)


def _without_tracebacks(lines: Sequence[str]) -> list[str]:
    """The lines that are in no traceback; its last one (`ValueError: ...`) is an error line itself."""
    left: list[str] = []
    inside = False
    for line in lines:
        inside = line.strip() == _TRACEBACK or (inside and line.startswith(" "))
        if not inside:
            left.append(line)
    return left


def what_is_wrong(result: str, expect: Expectation, files: Mapping[str, str]) -> str:
    """A sentence, or "" for a sane result. `files`: what is wrong with each expected file, "" if nothing.

    Blocking, for 2 s at the most: the pattern is searched for in a process of its own.
    """
    if not result.strip():
        return "its result is empty"
    if is_only_error(result):
        return f"its result is only an error: {_first_line(result)}"
    for name in expect.files:
        if trouble := files.get(name, ""):
            return f"the expected file {name} {trouble}"
    return _mismatch(expect.pattern, result) if expect.pattern is not None else ""


def _mismatch(pattern: str, result: str) -> str:
    """Somebody else wrote the pattern: it may take for ever, and that must not be our own time."""
    from aurora_desktop.healing.remedies.matcher import search_blocking  # late: few tasks have one

    try:
        matches = search_blocking({"pattern": pattern}, [result])
    except OSError as error:
        return f"its result cannot be searched for the expected pattern: {error}"
    if matches.exploded:
        return f"it takes too long to search its result for the expected pattern `{pattern}`"
    return "" if matches.found else f"its result does not match the expected pattern `{pattern}`"


def _first_line(text: str) -> str:
    return text.strip().splitlines()[0][:200]
