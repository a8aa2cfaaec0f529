"""Sentences of faults, filled with what was found; what was not found is left out, or called what it is."""

import re
from collections.abc import Mapping

_FIELD = re.compile(r"\{(\w+)\}")
_LINE = re.compile(r"(?: at)? line \{line\}")
_ASIDE = re.compile(r" \([^()]*\)")
_AT = re.compile(r"\{host\}:\{port\}")
_PORT = re.compile(r"\bport \{port\}")
_IN_WORDS = {
    "error": "an error",
    "file": "one of its files",
    "host": "its host",
    "line": "one of its lines",
    "module": "one of its modules",
    "origin": "the page's origin",
    "path": "a file",
    "pid": "its process",
    "port": "its port",
    "symbol": "what is imported",
    "variable": "a variable",
}


def in_words(template: str, known: Mapping[str, str]) -> str:
    """The template with its fields filled in.

    Where a fact is not known, a remark in parentheses that needs it goes, and so does the number of a line; elsewhere
    it is called by what it is: `port {port} is in use` reads as `its port is in use`.
    """
    if "line" not in known:
        template = _LINE.sub("", template)
    template = _ASIDE.sub(lambda aside: aside[0] if _fields(aside[0]) <= known.keys() else "", template)
    if "host" not in known or "port" not in known:
        template = _AT.sub(_address(known), template)
    if "port" not in known:
        template = _PORT.sub("{port}", template)
    return template.format_map(_Known(known))


def _fields(text: str) -> set[str]:
    return set(_FIELD.findall(text))


def _address(known: Mapping[str, str]) -> str:
    if "port" in known:
        return "port {port}"
    return "{host}" if "host" in known else "the address that it asks"


class _Known(dict[str, str]):
    def __missing__(self, name: str) -> str:
        return _IN_WORDS.get(name, f"its {name}")
