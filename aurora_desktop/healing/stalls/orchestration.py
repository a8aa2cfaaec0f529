"""`orchestration.yml` beside the settings: the earlier orchestrator's values, for what is left at its default there.

A file that cannot be used is told and left out; keys of others are none of ours.
"""

from pathlib import Path
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from aurora_desktop.core.settings.loader import decode, is_json, read_bytes
from aurora_desktop.core.settings.parse_json import read_json
from aurora_desktop.core.settings.parse_yaml import read_yaml
from aurora_desktop.core.settings.problems import Findings, SettingsError
from aurora_desktop.core.settings.schema_healing import AgentsSettings, StallRule
from aurora_desktop.core.settings.tree import Mapping, Tree, plain
from aurora_desktop.healing.stalls.folder import Stamp, stamp_of

NAME = "orchestration.yml"
_DEFAULT_RULE = StallRule()
_DEFAULT_AGENTS = AgentsSettings()


class Orchestration(Struct, frozen=True, kw_only=True):
    """What the file says; None where it says nothing. `heals`: remedies are applied at all."""

    check_interval_s: float | None = None
    stall_timeout_s: float | None = None
    max_attempts: int | None = None
    heals: bool = True
    may_reset: bool = True


NOTHING = Orchestration()


class OrchestrationFile:
    """Holds what the file said last; blocking, used in a thread."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.said = NOTHING
        self.problem = ""
        self._stamp: Stamp | None = None

    def look(self) -> None:
        """Read it again if it changed."""
        try:
            stamp = stamp_of(self.path.stat())
        except FileNotFoundError:
            self.said, self.problem, self._stamp = NOTHING, "", None
            return
        except OSError as error:
            self.said, self.problem, self._stamp = NOTHING, f"{self.path}: {error.strerror}", None
            return
        if stamp != self._stamp:
            self._stamp = stamp
            self._read()

    def _read(self) -> None:
        try:
            self.said, self.problem = understood(self.path), ""
        except SettingsError as error:
            self.said, self.problem = NOTHING, error.detail


def understood(path: Path) -> Orchestration:
    """What the file at `path` says. Raises SettingsError with every problem of it."""
    findings = Findings(path)
    text = decode(read_bytes(path), path)
    tree = read_json(text, findings) if is_json(text, path) else read_yaml(text, findings)
    findings.raise_if_any()
    overnight = _section(tree, "overnight", "", findings)
    said = _Values(overnight, "overnight", findings)
    healing = _Values(_section(overnight, "self_healing", "overnight", findings), "overnight.self_healing", findings)
    watching = _Values(_section(overnight, "monitoring", "overnight", findings), "overnight.monitoring", findings)
    made = Orchestration(
        check_interval_s=healing.seconds("check_interval") or watching.seconds("check_interval"),
        stall_timeout_s=watching.seconds("stall_timeout"),
        max_attempts=healing.count("max_attempts"),
        heals=healing.flag("enabled"),
        may_reset=healing.flag("auto_reset"),
    )
    enabled = said.flag("enabled")
    findings.raise_if_any()
    return made if enabled else NOTHING


def filled_in(rule: StallRule, said: Orchestration) -> StallRule:
    """The rule with the file's values in place of what is at its default."""
    changes: dict[str, Any] = {}
    if said.check_interval_s is not None and rule.check_interval_sec == _DEFAULT_RULE.check_interval_sec:
        changes["check_interval_sec"] = said.check_interval_s
    if said.stall_timeout_s is not None and rule.threshold_sec == _DEFAULT_RULE.threshold_sec:
        changes["threshold_sec"] = said.stall_timeout_s
        changes["proactive_threshold_sec"] = min(rule.proactive_threshold_sec, said.stall_timeout_s)
    return replace(rule, **changes) if changes else rule


def most_attempts(agents: AgentsSettings, said: Orchestration) -> int:
    """`max_attempts` of the settings, or of the file where that is at its default."""
    if said.max_attempts is not None and agents.max_attempts == _DEFAULT_AGENTS.max_attempts:
        return said.max_attempts
    return agents.max_attempts


def _section(tree: Tree | None, key: str, field: str, findings: Findings) -> Mapping | None:
    entry = tree.entries.get(key) if isinstance(tree, Mapping) else None
    if entry is None or plain(entry.value) is None:
        return None
    if not isinstance(entry.value, Mapping):
        where = f"{field}.{key}" if field else key
        findings.add(entry.key, where, "expected a mapping of keys and values", "indent its keys below it")
        return None
    return entry.value


class _Values:
    """The values of one section, each judged where it is asked for."""

    def __init__(self, section: Mapping | None, field: str, findings: Findings) -> None:
        self._entries = section.entries if section is not None else {}
        self._field = field
        self._findings = findings

    def seconds(self, key: str) -> float | None:
        value = self._value(key)
        if value is None or (isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < 1e9):
            return value
        self._wrong(key, "a number of seconds above 0")
        return None

    def count(self, key: str) -> int | None:
        value = self._value(key)
        if value is None or (isinstance(value, int) and not isinstance(value, bool) and value >= 1):
            return value
        self._wrong(key, "a whole number of 1 or more")
        return None

    def flag(self, key: str) -> bool:
        """True where it is not given."""
        value = self._value(key)
        if value is None or isinstance(value, bool):
            return value is not False
        self._wrong(key, "true or false")
        return True

    def _value(self, key: str) -> Any:
        return plain(self._entries[key].value) if key in self._entries else None

    def _wrong(self, key: str, expected: str) -> None:
        self._findings.add(self._entries[key].key, f"{self._field}.{key}", f"expected {expected}")
