"""The signature of a failure: its message with what varies from one time to the next folded out. Pure."""

import re

from aurora_desktop.healing.faults import Fault

MAX_READ = 2000
"""Characters of a message that are looked at."""
MAX_SIGNATURE = 240

_UNIT = r"(?:ms|sec|s|min|h|d)\b"
# The first that matches decides; what was folded already is passed over. None of them can backtrack over the whole
# text: each begins where a word does, and each of its parts ends where the next begins.
_VARYING = re.compile(
    r"(?P<kept><(?:url|time|id|address|path|number|text)>)"
    r"|(?P<url>(?<!\w)[A-Za-z][A-Za-z0-9+.-]{1,20}://[^\s'\"<>]+)"
    r"|(?P<time>(?<!\d)\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:[.,]\d{1,9})?)?(?:Z|[+-]\d\d:?\d\d)?)?"
    r"|(?<!\d)\d\d?:\d\d:\d\d(?:[.,]\d{1,9})?(?!\d)"
    r"|(?<![\w.])\d+(?:\.\d+)?\s?" + _UNIT + r"(?:\s\d+(?:\.\d+)?\s?" + _UNIT + r")*)"
    r"|(?P<id>(?<!\w)0[xX][0-9a-fA-F]+"
    r"|(?<![0-9a-fA-F])[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}"
    r"|(?<![A-Za-z0-9])(?=[A-Fa-f]*\d)(?=\d*[A-Fa-f])[0-9a-fA-F]{7,128}(?![A-Za-z0-9])"
    r"|(?<![A-Za-z0-9])(?=[A-Za-z]*\d+[A-Za-z]+\d)[A-Za-z0-9]{8,256}(?![A-Za-z0-9]))"
    r"|(?P<address>(?<![\w.])\d{1,3}(?:\.\d{1,3}){3}(?::\d{1,5})?(?![\w.])"
    r"|(?<![\w:])(?=[0-9a-fA-F:]*\d)(?:[0-9a-fA-F]{0,4}:){2,7}[0-9a-fA-F]{0,4}(?![\w:]))"
    r"|(?P<path>(?<![\w/\\~])(?:~|[A-Za-z]:)?(?:[\\/][\w.@~+-]+){1,64}[\\/]?"
    r"|(?<![\w.\-/\\])[\w.-]{1,80}(?:[\\/][\w.-]{1,80}){0,32}[\\/][\w-]{1,80}\.\w{1,8})"
    r"|(?P<text>(?<!\w)(?:'[^'\n]{0,200}[^\w'\n./\\:~<>-][^'\n]{0,200}'|\"[^\"\n]{0,200}[^\w\"\n./\\:~<>-][^\"\n]{0,200}\")(?!\w))"
    r"|(?P<number>\d+(?:[.,]\d+)*)"
)


def folded(message: str) -> str:
    """One line of at most MAX_SIGNATURE characters, without digits; folding it again changes nothing.

    What is quoted and a single word stays, for it names what it is about: `No module named 'requests'`.
    """
    text = _settled(" ".join(message[:MAX_READ].split()))
    return _settled(text[:MAX_SIGNATURE].strip())[:MAX_SIGNATURE]


def signature_of(fault: Fault) -> str:
    """Of what was recognised: the sentence; of what was not: the message and the line that tells most."""
    if fault.kind != "unknown":
        name = fault.component.partition(":")[2] or fault.component
        return folded(fault.sentence.removeprefix(f"{name}: "))
    return folded(message_of(fault))


def message_of(fault: Fault) -> str:
    """What was seen, in one line: the message of the sighting, and of its lines the one that tells most."""
    said = fault.sighting.message.strip() or fault.sentence.strip()
    line = _telling_line(fault.sighting.lines)
    return f"{said}: {line}" if line and line not in said else said


def _settled(text: str) -> str:
    """Folded until nothing more is found: each round leaves fewer characters that are not folded, so it ends."""
    while (once := _VARYING.sub(_fold, text)) != text:
        text = once
    return text


def _fold(match: re.Match[str]) -> str:
    what = match.lastgroup
    return match[0] if what == "kept" else f"<{what}>"


_TELLS = re.compile(r"(?i)error|exception|fatal|panic|fail|denied|refused|cannot|can't|no such|not found|in use|killed")


def _telling_line(lines: tuple[str, ...]) -> str:
    """The last line that speaks of an error, else the last that says anything."""
    said = [line.strip()[:MAX_READ] for line in lines if line.strip()]
    return next((line for line in reversed(said) if _TELLS.search(line)), said[-1] if said else "")
