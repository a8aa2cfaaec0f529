"""Reads the file that a service's `env_file` names."""

import re
import shlex
from pathlib import Path

from aurora_desktop.core.settings.loader import decode, read_bytes
from aurora_desktop.core.settings.problems import Findings
from aurora_desktop.core.settings.tree import Spot
from aurora_desktop.core.settings.values import Environment

_LINE = re.compile(r"\s*(?:export\s+)?(?P<name>[^=\s#]+)\s*=[ \t]*(?P<value>.*)", re.DOTALL)


def read_env_file(path: Path) -> dict[str, str]:
    """The variables of a file of `NAME=value` lines; blocks on the disk.

    `export ` before a name, lines that begin with `#`, and a comment after a blank are allowed. A value in
    single quotes is taken as it is; in double quotes a backslash stands before `"` and `\\`. Nothing is expanded.
    Raises SettingsError, which names the line and never the value.
    """
    findings = Findings(path)
    variables = Environment()
    for number, line in enumerate(decode(read_bytes(path), path).split("\n"), start=1):
        if line.strip() and not line.lstrip().startswith("#"):
            _read_line(line.rstrip("\r"), Spot(line=number, column=1), variables, findings)
    findings.raise_if_any()
    return variables


def _read_line(line: str, at: Spot, variables: dict[str, str], findings: Findings) -> None:
    match = _LINE.fullmatch(line)
    if match is None:
        findings.add(at, "", "a line that is no `NAME=value`", "begin a comment with `#`")
        return
    value = _unquoted(match["value"].strip())
    if value is None:
        findings.add(at, "", "a quotation mark is not closed, or something follows it", "quote the whole value")
    else:
        variables[match["name"]] = value


def _unquoted(value: str) -> str | None:
    if value[:1] not in ("'", '"'):
        return re.split(r"(?:^|\s)#", value, maxsplit=1)[0].rstrip()
    lexer = shlex.shlex(value, posix=True, punctuation_chars=False)
    lexer.whitespace_split = True
    try:
        words = list(lexer)
    except ValueError:
        return None
    return words[0] if len(words) == 1 else None
