"""A question in words, as queries of the full-text index: whatever is asked, they are valid. Pure."""

import re

MAX_READ = 1000
"""Characters of a question that are read."""
MAX_WORDS = 8

# What a question says beside what it is about.
_FILLER_WORDS = """
a about again all an and any are as at before by did do does error errors ever every failure failures find fix fixed
fixes for from get give had happen happened happens has have how i in is issue issues it its last list long many me my
of often on or past please problem problems recover remedies remedy search show solution solutions solve solved tell
that the their them there this to tried us was we were what when where which why with worked works you
"""
_FILLER = frozenset(_FILLER_WORDS.split())

# Each line: different words for the same thing, as programs and people say it. The first is the name of the kind; of
# two lines that have the same words the first decides.
SYNONYMS: tuple[tuple[str, ...], ...] = (
    ("port conflict", "address already in use", "already in use", "eaddrinuse", "port in use", "port taken"),
    ("refused connection", "connection refused", "econnrefused", "connect refused"),
    ("missing python module", "missing module", "module not found", "modulenotfounderror", "no module named"),
    ("missing npm package", "missing node module", "cannot find module", "module_not_found", "cannot find package"),
    ("circular import", "partially initialized module", "import cycle"),
    ("missing import", "cannot import name", "importerror", "no module named"),
    ("memory high", "memory max", "memory limit", "over its memory limit"),
    ("out of memory", "oom", "memoryerror", "cannot allocate memory", "heap out of memory"),
    ("disk full", "no space left", "enospc", "out of space", "quota exceeded"),
    ("file permission", "permission denied", "eacces", "permissionerror", "access denied", "not permitted"),
    ("too many open files", "emfile", "descriptor limit", "out of file descriptors"),
    ("database locked", "database is locked", "sqlite_busy"),
    ("stale lock", "stale pid", "stale socket", "stale file", "pid file", "lock file"),
    ("bad config", "invalid config", "config error", "configuration error"),
    ("crash loop", "keeps crashing", "start limit"),
    ("syntax error", "syntaxerror", "invalid syntax", "unexpected token"),
    ("type error", "typeerror", "is not a function"),
    ("stall", "stalled", "hang", "hung", "stuck", "no progress", "frozen"),
    ("timeout", "timed out", "etimedout", "deadline exceeded"),
    ("cors", "cross origin", "access control allow origin"),
    ("routing", "route not found", "404"),
)


def question(text: str) -> list[str]:
    """A query for each thing that is asked for, under all its names; the filler is left out.

    Words match by their stem and as beginnings: `conflicts` finds `conflict`, `postg` finds `postgres`.
    """
    words = re.findall(r"\w+", text[:MAX_READ].encode("utf-8", "replace").decode().casefold().replace("_", " "))
    return _asked([word for word in words if word not in _FILLER][:MAX_WORDS])


def names_of(text: str) -> str:
    """The kind that a message is of by its words alone, as `port_conflict`; "unknown" where none is said."""
    words = re.findall(r"[^\W_]+", text[:MAX_READ].casefold())
    said = f" {' '.join(words)} "
    for names in SYNONYMS:
        if any(f" {name.replace('_', ' ')} " in said for name in names):
            return names[0].replace(" ", "_")
    return "unknown"


def _asked(words: list[str]) -> list[str]:
    """One part of a query for each thing that is asked for."""
    found: list[str] = []
    at = 0
    while at < len(words):
        names, length = _thing(words[at:])
        found.append(f"({' OR '.join(_phrase(name) for name in names)})" if names else f"{_phrase(words[at])}*")
        at += length
    return found


def _thing(words: list[str]) -> tuple[tuple[str, ...], int]:
    """The names of the thing that these words begin with, and of how many words that is; none: (), 1."""
    longest: tuple[tuple[str, ...], int] = ((), 1)
    for names in SYNONYMS:
        for name in names:
            parts = [part for part in name.replace("_", " ").split() if part not in _FILLER]
            is_better = len(parts) > longest[1] or not longest[0]
            if is_better and parts and _same(words[: len(parts)], parts):
                longest = (names, len(parts))
    return longest


def _same(words: list[str], parts: list[str]) -> bool:
    """Word by word, one in the plural or not."""
    return len(words) == len(parts) and all(a.rstrip("s") == b.rstrip("s") for a, b in zip(words, parts, strict=True))


def _phrase(words: str) -> str:
    """Quoted, so that nothing in it is an operator."""
    return '"' + words.replace('"', '""').replace("_", " ") + '"'
