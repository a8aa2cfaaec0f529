"""The outer gate: two flags in a file of the operator's. Whatever is not plainly `true` keeps it closed."""

import os
import stat
import sys
import time
from pathlib import Path

from msgspec import Struct

from aurora_desktop.core.settings.loader import decode, is_json
from aurora_desktop.core.settings.parse_json import read_json
from aurora_desktop.core.settings.parse_yaml import read_yaml
from aurora_desktop.core.settings.problems import Findings, SettingsError
from aurora_desktop.core.settings.tree import Mapping, Scalar, Tree, is_nothing

MAX_BYTES = 8 * 1024
"""Read on the loop's thread, which the densest YAML of this size holds up for 50 ms."""

SETTLED_NS = 2_000_000_000
"""A file changed this lately may change again without a new time: the coarsest clock of a file system ticks so."""

ENABLED = "operator_enabled"
FEATURES = "features"
MOUSE_KEYBOARD = "control_mouse_keyboard"

_Key = tuple[int, ...]


class GateReading(Struct, frozen=True):
    """Whether the file lets agents use mouse and keyboard; `reason` and `hint` in words when it does not."""

    is_open: bool
    reason: str = ""
    hint: str = ""


OPEN = GateReading(is_open=True)


def read_gate(path: Path) -> GateReading:
    """What the file says now; a file that cannot be read or understood is a closed gate."""
    return _read(path)[0]


class GateFile:
    """The gate's file, read again only when it changed; cheap enough to be asked before each action."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._seen: _Key | None = None
        self._reading = GateReading(is_open=False, reason="the gate file was not read yet")

    def current(self) -> GateReading:
        """What the file says now; one `stat` when nothing changed."""
        key = _key_at(self.path)
        if key is None or key != self._seen:
            self._reading, self._seen = _read(self.path)
        return self._reading


def _read(path: Path) -> tuple[GateReading, _Key | None]:
    """The reading, and the key under which it stays valid (None: read again the next time)."""
    try:
        file = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    except (OSError, ValueError) as error:
        return _unreadable(path, error), None
    try:
        status = os.fstat(file)
        if trouble := _trouble(path, status):
            return trouble, None
        content = os.read(file, MAX_BYTES + 1)
    except OSError as error:
        return _unreadable(path, error), None
    finally:
        os.close(file)
    return _understood(content, path), _key(status)


def _understood(content: bytes, path: Path) -> GateReading:
    if len(content) > MAX_BYTES:
        return _closed(f"the gate file {path} is larger than {MAX_BYTES // 1024} KiB", "is this another file?")
    try:
        tree = _tree(content, path)
    except SettingsError as error:
        first = error.problems[0]
        return _closed(f"the gate file cannot be used: {first}", f"correct {path}")
    return _judged(tree, path)


def _tree(content: bytes, path: Path) -> Tree | None:
    findings = Findings(path)
    text = decode(content, path)
    tree = read_json(text, findings) if is_json(text, path) else read_yaml(text, findings)
    findings.raise_if_any()
    return tree


def _judged(tree: Tree | None, path: Path) -> GateReading:
    if is_nothing(tree):
        return _closed(f"the gate file {path} is empty", _hint(path))
    if not isinstance(tree, Mapping):
        return _closed(f"the gate file {path} holds no keys and values", _hint(path))
    enabled = tree.entries.get(ENABLED)
    if refused := _refusal(enabled.value if enabled else None, ENABLED, path):
        return refused
    features = tree.entries.get(FEATURES)
    if features is None or not isinstance(features.value, Mapping):
        return _closed(f"`{FEATURES}.{MOUSE_KEYBOARD}` is not given in the gate file", _hint(path))
    feature = features.value.entries.get(MOUSE_KEYBOARD)
    return _refusal(feature.value if feature else None, f"{FEATURES}.{MOUSE_KEYBOARD}", path) or OPEN


def _refusal(value: Tree | None, name: str, path: Path) -> GateReading | None:
    """Why this flag keeps the gate closed; None if it is `true`. `yes` is a text to half of all YAML readers."""
    if value is None:
        return _closed(f"`{name}` is not given in the gate file", _hint(path))
    if isinstance(value, Scalar) and value.value is True and value.text.lower() == "true":
        return None
    if isinstance(value, Scalar) and value.value is False:
        return _closed(f"`{name}` is false in the gate file", _hint(path))
    return _closed(f"`{name}` is not `true` in line {value.line} of the gate file", f"{_hint(path)}, without quotes")


def _trouble(path: Path, status: os.stat_result) -> GateReading | None:
    if not stat.S_ISREG(status.st_mode):
        return _closed(f"the gate file {path} is not an ordinary file", f"put a file with the two flags at {path}")
    if sys.platform == "win32":
        return None
    if status.st_mode & stat.S_IWOTH:
        return _closed(f"the gate file {path} may be written by everybody", f"chmod o-w {path}")
    if status.st_uid not in (0, os.geteuid()):
        return _closed(f"the gate file {path} belongs to another user", f"make {path} your own")
    return None


def _unreadable(path: Path, error: OSError | ValueError) -> GateReading:
    if isinstance(error, FileNotFoundError):
        return _closed("there is no gate file", _hint(path))
    if isinstance(error, PermissionError):
        return _closed(f"the gate file {path} may not be read", f"chmod u+r {path}")
    why = getattr(error, "strerror", None) or "bad name"
    return _closed(f"the gate file {path} cannot be read: {why}", _hint(path))


def _closed(reason: str, hint: str) -> GateReading:
    return GateReading(is_open=False, reason=reason, hint=hint)


def _hint(path: Path) -> str:
    return f"set `{ENABLED}: true` and `{FEATURES}: {{{MOUSE_KEYBOARD}: true}}` in {path}"


def _key_at(path: Path) -> _Key | None:
    try:
        return _key(path.stat())
    except (OSError, ValueError):
        return None


def _key(status: os.stat_result) -> _Key | None:
    """What is different once the file changed; None while it is too young to tell."""
    changed_ns = max(status.st_mtime_ns, status.st_ctime_ns)
    if time.time_ns() - changed_ns < SETTLED_NS:
        return None
    return (
        status.st_dev,
        status.st_ino,
        status.st_size,
        status.st_mtime_ns,
        status.st_ctime_ns,
        status.st_mode,
        status.st_uid,
    )
