"""A service that fails since its settings were edited: back to the version that it last worked with."""

import asyncio
import hashlib
import os
import time
from pathlib import Path
from typing import ClassVar

from aurora_desktop.core.errors import AuroraError
from aurora_desktop.core.settings.atomic import replace_content
from aurora_desktop.healing.faults import Fault, Invasiveness
from aurora_desktop.healing.remedies.builtin.common import Helping, ending, named, typed
from aurora_desktop.healing.remedies.builtin.known_good import KnownGood
from aurora_desktop.healing.remedies.builtin.source import OF_THE_CODE
from aurora_desktop.healing.remedies.kinds import FaultKind
from aurora_desktop.healing.remedies.remedy import Done, Plan, RefusedError
from aurora_desktop.healing.yard import Yard

KIND = "bad_config"
UNKNOWN = "unknown"
_EDITED = ".aurora-edited-"

FAULT_KINDS = (
    FaultKind(
        name=KIND,
        title="Settings file is wrong",
        sentence="{service}: its settings cannot be used: {error} ({file} line {line})",
        next_step="Correct {file} at line {line}; named in `healing.config_files` of {service}, Aurora keeps the"
        " version that worked and goes back to it",
        patterns=(
            r"(?P<error>yaml\.(?:parser|scanner|constructor|composer|reader)\.\w+Error[^\n]{0,300})",
            r"(?P<error>(?:YAMLException|YAMLParseError|YAMLSemanticError|YAMLSyntaxError)[^\n]{0,300})",
            r"(?P<error>(?:json\.decoder\.)?JSONDecodeError: [^\n]{1,300})",
            r"(?P<error>SyntaxError: [^\n]{0,200}\bJSON\b[^\n]{0,200})",
            (
                r"(?P<error>(?:tomllib|tomli|toml\.decoder|tomlkit\.\w+)\.\w*(?:Error|Exception)[^\n]{0,300}|TOML"
                r" parse error[^\n]{0,200})"
            ),
            r"(?P<error>configparser\.\w+Error[^\n]{0,300}|xml\.etree\.ElementTree\.ParseError: [^\n]{0,200})",
            r"(?P<error>pydantic_core\._pydantic_core\.ValidationError[^\n]{0,200})",
            r"nginx: \[emerg\] (?P<error>[^\n]{1,300}?) in (?P<file>[^\s:]{1,300}):(?P<line>\d{1,9})",
            r"AH\d{5}: Syntax error on line (?P<line>\d{1,9}) of (?P<file>[^\s:]{1,300}):",
            r"(?P<error>django\.core\.exceptions\.ImproperlyConfigured: [^\n]{1,300})",
            (
                r"(?i)(?P<error>(?:fatal config file error|bad directive or wrong number of arguments|unknown directive"
                r"|unrecognized configuration parameter"
                r"|(?:invalid|bad|malformed|broken) (?:config|configuration|settings)"
                r"|(?:config|configuration|settings) (?:file )?(?:error|is invalid|is broken|could not be parsed)"
                r"|(?:failed|unable|could not|cannot|error) (?:to )?(?:parse|parsing|load|loading|read|reading) "
                r"(?:the )?(?:config|configuration|settings))[^\n]{0,200})"
            ),
        ),
        more=(
            r'in "(?P<file>[^"\n]{1,500})", line (?P<line>\d{1,9})',
            r"^file: '(?P<file>[^'\n]{1,500})', line: (?P<line>\d{1,9})",
            r"line (?P<line>\d{1,9}),? column \d{1,9}",
        ),
        hints=(
            "yaml",
            "json",
            "toml",
            "configparser",
            "config",
            "settings",
            "validationerror",
            "[emerg]",
            "ah0",
            "parseerror",
            "directive",
        ),
        priority=65,
    ),
)


class RestoreConfig(Helping):
    """Test-gated: with a `healing.check` that does not pass on the old version, nothing is changed."""

    name: ClassVar[str] = "restore_config"
    kinds: ClassVar[tuple[str, ...]] = (KIND, UNKNOWN, "missing_variable", "missing_file", *OF_THE_CODE)
    invasiveness: ClassVar[Invasiveness] = Invasiveness.CHANGE_FILES
    summary: ClassVar[str] = (
        "Puts the service's settings back as they were when it last worked; the edit is kept beside"
    )
    verifies: ClassVar[str] = "`healing.check` passes, and the service comes up and stays up"
    undoes: ClassVar[str] = "the edited version is put back, to the byte"

    def __init__(self, known_good: KnownGood) -> None:
        self._known_good = known_good

    async def plan(self, fault: Fault, yard: Yard) -> Plan | None:
        if fault.service is None:
            return None
        name, spec = named(fault, yard)
        changed = await asyncio.to_thread(self._known_good.changed, name, spec)
        if not changed:
            return None
        files = ", ".join(str(path) for path in changed)
        return Plan(f"Put {files} back as it was when {name} last worked; the edited version is kept beside it")

    async def apply(self, fault: Fault, yard: Yard) -> Done:
        name, spec = named(fault, yard)
        changed = await asyncio.to_thread(self._known_good.changed, name, spec)
        if not changed:
            raise RefusedError(f"The settings of {name} are as they were when it last worked", "", "Look elsewhere")
        kept = await asyncio.to_thread(_exchange, changed)
        written = {path: _digest(content) for path, content in changed.items()}
        await self._check(name, spec.healing.check, spec.healing.check_timeout_sec, kept, yard)
        yard.restart(name, "its settings are back to the version that worked")
        facts = {f"edited{number}": str(edited) for number, edited in enumerate(kept.values())}
        facts.update({f"path{number}": str(path) for number, path in enumerate(kept)})
        facts.update({f"written{number}": written[path] for number, path in enumerate(kept)})
        return Done(
            f"put back {', '.join(map(str, kept))}; the edited version is {', '.join(map(str, kept.values()))}", facts
        )

    async def _check(
        self, name: str, check: tuple[str, ...] | None, timeout_s: float, kept: dict[Path, Path], yard: Yard
    ) -> None:
        """Raises AuroraError, with the edited version back in its place, when the declared check does not pass."""
        if check is None:
            return
        ran = None
        try:
            ran = await yard.run(name, check, timeout_s)
        finally:  # whatever keeps it from passing, a cancellation too
            if ran is None or not ran.ok:
                _put_back(kept)
        if not ran.ok:
            raise AuroraError(
                f"The check of {name} fails on the version that worked too",
                ending(ran.output) or "it did not end in time",
                f"See why: {typed(check)}",
            )

    async def undo(self, fault: Fault, done: Done, yard: Yard) -> None:  # noqa: ARG002 - the shape of a remedy
        facts = done.facts
        pairs = {
            Path(facts[f"path{key.removeprefix('edited')}"]): Path(edited)
            for key, edited in facts.items()
            if key.startswith("edited")
        }
        written = {
            Path(facts[f"path{key.removeprefix('written')}"]): digest
            for key, digest in facts.items()
            if key.startswith("written")
        }
        await asyncio.to_thread(_put_back_unless_edited, pairs, written)


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _put_back_unless_edited(pairs: dict[Path, Path], written: dict[Path, str]) -> None:
    """Whoever has edited a file again has the last word. Raises AuroraError then, with the others put back."""
    edited = [path for path, digest in written.items() if not path.is_file() or _digest(path.read_bytes()) != digest]
    _put_back({path: kept for path, kept in pairs.items() if path not in edited})
    if edited:
        earlier = ", ".join(str(pairs[path]) for path in edited if pairs[path].exists())
        raise AuroraError(
            f"{', '.join(map(str, edited))} was edited meanwhile, and left as it is now",
            f"the edit before is {earlier}" if earlier else "",
        )


def _exchange(changed: dict[Path, bytes]) -> dict[Path, Path]:
    """Write each old version in place of the edited one, which is kept beside it; where, by path.

    All are exchanged or none. Of one that was removed there is nothing to keep: undoing removes it again.
    """
    kept: dict[Path, Path] = {}
    try:
        for path, content in changed.items():
            kept[path] = path.with_name(f"{path.name}{_EDITED}{time.time_ns()}")
            if path.exists():
                os.link(path, kept[path])
            replace_content(path, content)
    except OSError:
        _put_back(kept)
        raise
    return kept


def _put_back(kept: dict[Path, Path]) -> None:
    for path, edited in kept.items():
        if edited.exists():
            if path.exists() and edited.samefile(path):
                edited.unlink()  # it was not exchanged yet; of two links to one file `rename` leaves both
            else:
                os.replace(edited, path)
        else:
            path.unlink(missing_ok=True)
