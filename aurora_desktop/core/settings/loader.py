"""Reads a settings file: bytes to text, text to tree, tree to structs, and the whole against itself."""

import stat
from pathlib import Path

from aurora_desktop.core import paths
from aurora_desktop.core.settings.parse_json import read_json
from aurora_desktop.core.settings.parse_yaml import read_yaml
from aurora_desktop.core.settings.problems import Findings, Problem, SettingsError
from aurora_desktop.core.settings.schema import Settings
from aurora_desktop.core.settings.semantics import check_whole
from aurora_desktop.core.settings.tree import Lines, Mapping, Tree, Unreadable
from aurora_desktop.core.settings.validate import BAD, build

MAX_BYTES = 1024 * 1024


def load(path: Path) -> Settings:
    """The settings of a file. Blocks on the disk: call it in a thread. Raises SettingsError."""
    return parse(decode(read_bytes(path), path), path)


def check(path: Path) -> list[Problem]:
    """Every problem of a file; none if it can be used."""
    try:
        load(path)
    except SettingsError as error:
        return list(error.problems)
    return []


def remark(settings: Settings) -> str:
    """What a person who checks a right file may still want to know, or ""."""
    return "" if settings.services else "no services: everything is at its default"


def parse(text: str, path: Path) -> Settings:
    """The settings of a text; `path` names it in the problems, and `.json` asks for JSON. Raises SettingsError."""
    return parse_tree(text, path)[1]


def parse_tree(text: str, path: Path) -> tuple[Tree | None, Settings]:
    """The settings together with the tree that they were made from. Raises SettingsError."""
    findings = Findings(path)
    tree = _read(text, path, findings)
    if tree is None:
        return None, Settings()
    if isinstance(tree, Unreadable):
        raise findings.error()
    if not isinstance(tree, Mapping):
        findings.stop(tree, "", "expected keys and values at the top of the file", "begin with `services:`")
    settings = build(tree, Settings, findings)
    check_whole(tree, findings)
    findings.raise_if_any()
    if settings is BAD:
        raise AssertionError("settings were refused without a problem")
    return tree, settings


def _read(text: str, path: Path, findings: Findings) -> Tree | None:
    return read_json(text, findings) if is_json(text, path) else read_yaml(text, findings)


def is_json(text: str, path: Path) -> bool:
    """Whether to read it as JSON: by its suffix, or a YAML file that is JSON throughout.

    JSON is YAML, but PyYAML stumbles over its tabs, and a generated file may have them.
    """
    if path.suffix.lower() == ".json":
        return True
    if text.lstrip()[:1] != "{":
        return False
    findings = Findings(path)
    try:
        read_json(text, findings)
        findings.raise_if_any()
    except SettingsError:
        return False
    return True


def read_bytes(path: Path) -> bytes:
    """The content of the file, at most `MAX_BYTES`. Raises SettingsError."""
    findings = Findings(path)
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            kind = "a directory" if path.is_dir() else "not an ordinary file"
            findings.stop(None, "", f"this is {kind}", "name a settings file, like `aurora.yaml`")
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        sample = paths.shipped("config/aurora.yaml")
        findings.stop(None, "", "there is no such file", f"begin with a copy of {sample}")
    except PermissionError:
        findings.stop(None, "", "this file may not be read", "give yourself the permission (chmod u+r)")
    except (OSError, ValueError) as error:
        findings.stop(None, "", f"this file cannot be read: {getattr(error, 'strerror', None) or 'bad name'}")
    if len(content) > MAX_BYTES:
        findings.stop(None, "", "this file is larger than 1 MiB", "settings are small: is this another file?")
    return content


def decode(content: bytes, path: Path) -> str:
    """The text of the bytes, which are UTF-8 with or without a BOM; the BOM is left out. Raises SettingsError."""
    findings = Findings(path)
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        findings.stop(None, "", "the text is UTF-16", "save the file as UTF-8")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = error.object[: error.start].decode("utf-8", "replace")
        findings.stop(Lines(before).spot(len(before)), "", "the text is not UTF-8", "save the file as UTF-8")
    if "\0" in text:
        spot = Lines(text).spot(text.index("\0"))
        findings.stop(spot, "", "a NUL character: this is not a text file", "name a settings file")
    return text
