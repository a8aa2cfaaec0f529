"""Searching with expressions that somebody else wrote: in a process of its own, which is killed when one explodes.

Python's `re` can neither be interrupted nor lets others run meanwhile, and the libraries that can cost the tray 10 MB.
A failure is rare enough for the 20 ms that a bare interpreter takes.
"""

import asyncio
import subprocess
import sys
from collections.abc import Mapping, Sequence

import msgspec
from msgspec import Struct

PATIENCE_S = 2.0
"""For all expressions together; a thousand ordinary ones take a tenth of it."""

_PROGRAM = """
import json, re, sys
asked = json.load(sys.stdin)
for name, pattern in asked["patterns"].items():
    print(json.dumps(name), flush=True)
    compiled = re.compile(pattern)
    found = next((match for text in asked["texts"] if (match := compiled.search(text))), None)
    facts = {key: value for key, value in found.groupdict().items() if value is not None} if found else None
    print(json.dumps({"text": found.string, "facts": facts} if found else None), flush=True)
"""


class Match(Struct, frozen=True):
    """The text in which the expression was found, and its named groups."""

    text: str
    facts: dict[str, str]


class Matches(Struct, frozen=True):
    """What was found by name; `exploded`: the one that took too long, after which nothing more was searched."""

    found: dict[str, Match] = {}
    exploded: str = ""


async def search(patterns: Mapping[str, str], texts: Sequence[str], patience_s: float = PATIENCE_S) -> Matches:
    """The first of `texts` in which each pattern is found. Raises OSError when no process can be started."""
    if not patterns or not texts:
        return Matches()
    return await asyncio.to_thread(search_blocking, patterns, texts, patience_s)


def search_blocking(patterns: Mapping[str, str], texts: Sequence[str], patience_s: float = PATIENCE_S) -> Matches:
    """The same, for who is in a thread already."""
    asked = msgspec.json.encode({"patterns": patterns, "texts": texts})
    command = [sys.executable, "-ISs", "-c", _PROGRAM]
    try:
        said = subprocess.run(command, input=asked, capture_output=True, timeout=patience_s, check=False).stdout
    except subprocess.TimeoutExpired as late:
        said = late.stdout or b""
    lines = said.splitlines()
    answers = {
        msgspec.json.decode(name, type=str): msgspec.json.decode(answer, type=Match | None)
        for name, answer in zip(lines[::2], lines[1::2], strict=False)
    }
    exploded = msgspec.json.decode(lines[-1], type=str) if len(lines) % 2 else ""
    return Matches({name: match for name, match in answers.items() if match is not None}, exploded)
