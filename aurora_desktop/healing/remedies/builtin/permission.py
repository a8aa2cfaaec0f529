"""A file that may not be read, written or run: the owner's own right is given back, where the file is the service's."""

import asyncio
import os
import stat
import sys
from pathlib import Path
from typing import ClassVar

from msgspec import Struct

from aurora_desktop.core.errors import AuroraError
from aurora_desktop.healing.faults import Fault, Invasiveness
from aurora_desktop.healing.remedies.builtin.common import Helping, named, plain, typed
from aurora_desktop.healing.remedies.builtin.places import own_folder, within
from aurora_desktop.healing.remedies.kinds import FaultKind
from aurora_desktop.healing.remedies.remedy import Done, Plan, RefusedError
from aurora_desktop.healing.yard import Yard

KIND = "file_permission"

FAULT_KINDS = (
    FaultKind(
        name=KIND,
        title="Permission denied",
        sentence="{service}: no permission for {path}",
        next_step="Look at its owner and mode (`ls -ld {path}`), and give yourself what {service} needs",
        patterns=(
            r"(?:PermissionError: )?\[Errno (?:13|1)\] [^:'\"]{1,100}: b?['\"](?P<path>[^'\"\n]{1,400})['\"]",
            r"E(?:ACCES|PERM)[:,] [\w ]{1,60}, (?P<call>\w{1,30}) '(?P<path>[^'\n]{1,400})'",
            r"(?P<call>not executable): (?P<path>[^\n]{1,400})$",
            (
                r"(?i)cannot (?P<call>create|open|access|read|execute|touch|remove)(?: directory| file)? ['\u2018\"]?"
                r"(?P<path>[^:'\u2019\"\n]{1,400})['\u2019\"]?: permission denied"
            ),
            (
                r"(?i)\b(?P<call>open|mkdir|stat|read|write|unlink|rename|exec|fork/exec) (?P<path>[^:\n]{1,400}):"
                r" permission denied"
            ),
            r"(?P<call>open)\(\) \"(?P<path>[^\"\n]{1,400})\" failed \(13:",
            r"Permission denied @ (?P<call>\w{1,60}) - (?P<path>[^\n]{1,400}?)(?: \(Errno::EACCES\))?$",
            r"FileNotFoundException: (?P<path>[^\n]{1,400}) \(Permission denied\)",
            r"AccessDeniedException: (?P<path>[^\n]{1,400})$",
            r"^(?:[^\s:]{1,200}: )(?:line )?(?:\d{1,9}: )?(?P<path>[^:\n]{1,400}): Permission denied",
            r"(?:PermissionDenied|os error 13\b|\[Errno 13\]|\bEACCES\b|Keine Berechtigung|Permission non accordée)",
        ),
        more=(r"^\s*path: '(?P<path>[^'\n]{1,400})'", r"^\s*syscall: '(?P<call>\w{1,30})'"),
        hints=(
            "permission",
            "denied",
            "eacces",
            "eperm",
            "not permitted",
            "not executable",
            "berechtigung",
            "non accord",
            "errno 1",
            "(13:",
            "error 13",
        ),
        priority=45,
    ),
)


class Missing(Struct, frozen=True):
    """The right that the owner lacks: `bits` of the mode of `path`, which was `mode`; `inode` tells it from another."""

    path: Path
    mode: int
    bits: int
    inode: int

    @property
    def letters(self) -> str:
        return "".join(letter for letter, bit in (("r", 0o400), ("w", 0o200), ("x", 0o100)) if self.bits & bit)

    @property
    def command(self) -> tuple[str, ...]:
        return ("chmod", f"u+{self.letters}", str(self.path))


class GrantOwner(Helping):
    """Gives the owner, who runs the service, the right to its own file; never to anybody else."""

    name: ClassVar[str] = "grant_owner"
    kinds: ClassVar[tuple[str, ...]] = (KIND,)
    invasiveness: ClassVar[Invasiveness] = Invasiveness.CHANGE_FILES
    summary: ClassVar[str] = "Gives the owner the missing right to a file in the service's own folder (chmod u+rwx)"
    undoes: ClassVar[str] = "the file gets its old mode back"

    async def plan(self, fault: Fault, yard: Yard) -> Plan | None:
        missing = await _missing(fault, yard)
        return Plan(
            f"Give the owner u+{missing.letters} on {missing.path}, and restart {fault.service}", missing.command
        )

    async def apply(self, fault: Fault, yard: Yard) -> Done:
        name, _ = named(fault, yard)
        missing = await _missing(fault, yard)
        await asyncio.to_thread(set_mode, missing.path, missing.mode | missing.bits, missing.inode)
        yard.restart(name, f"it may use {missing.path.name} now")
        facts = {"path": str(missing.path), "mode": f"{missing.mode:o}", "inode": str(missing.inode)}
        return Done(f"ran {typed(missing.command)}", facts)

    async def undo(self, fault: Fault, done: Done, yard: Yard) -> None:  # noqa: ARG002 - the shape of a remedy
        facts = done.facts
        await asyncio.to_thread(set_mode, Path(facts["path"]), int(facts["mode"], 8), int(facts["inode"]))


async def _missing(fault: Fault, yard: Yard) -> Missing:
    """Raises RefusedError, with the exact command, where it is not for Aurora to give it."""
    name, spec = named(fault, yard)
    text = fault.facts.get("path", "")
    if fault.facts.get("call") in ("listen", "bind"):
        raise RefusedError(
            f"{name} may not open its port", "ports below 1024 are the administrator's", f"Give {name} a higher one"
        )
    if not text:
        raise RefusedError(
            f"{name} does not say which file it may not use", "", f"Look at what it prints: `aurora logs {name}`"
        )
    path = within(own_folder(name, spec, yard), text)
    if path is None:
        raise RefusedError(
            f"{plain(text)} is not in the folder of {name}",
            f"Aurora changes modes in {yard.folder(name)} alone",
            f"If {name} should use it: {typed(('chmod', 'u+rw', plain(text, 1000)))}",
        )
    return await asyncio.to_thread(_look, path, fault.facts.get("call", ""), name)


def _look(path: Path, call: str, name: str) -> Missing:
    if not os.path.lexists(path):
        path = path.parent  # what could not be made: its folder is meant
    found = path.lstat()
    if stat.S_ISLNK(found.st_mode):
        raise RefusedError(
            f"{path} is a link", "Aurora does not follow it", f"Look where it leads: {typed(('ls', '-l', str(path)))}"
        )
    user = os.geteuid() if sys.platform != "win32" else found.st_uid
    if found.st_uid != user:
        raise RefusedError(
            f"{path} belongs to another user",
            f"its owner is user {found.st_uid}, and {name} runs as user {user}",
            f"Take it over, if that is right: {typed(('sudo', 'chown', str(user), str(path)))}",
        )
    bits = _wanted(found.st_mode, call) & ~stat.S_IMODE(found.st_mode)
    if not bits:
        raise RefusedError(
            f"The owner already has every right to {path}",
            "something else forbids it: a folder above, an access list, or a read-only or protected file system",
            f"Look at each part of the path: {typed(('namei', '-l', str(path)))}",
        )
    return Missing(path, stat.S_IMODE(found.st_mode), bits, found.st_ino)


def _wanted(mode: int, call: str) -> int:
    if stat.S_ISDIR(mode):
        return 0o700
    return 0o500 if "exec" in call.lower() or call.lower() in ("spawn", "not executable") else 0o600


def set_mode(path: Path, mode: int, inode: int) -> None:
    """chmod of this very file, whatever takes its place meanwhile. Raises AuroraError when it is another one."""
    if sys.platform != "linux":
        if path.is_symlink() or path.stat().st_ino != inode:
            raise _replaced(path)
        path.chmod(mode)
        return
    fd = os.open(path, os.O_PATH | os.O_NOFOLLOW)
    try:
        if os.fstat(fd).st_ino != inode:
            raise _replaced(path)
        os.chmod(f"/proc/self/fd/{fd}", mode)
    finally:
        os.close(fd)


def _replaced(path: Path) -> AuroraError:
    return AuroraError(f"{path} is another file than it was", "its mode was left alone", "Look at it: `ls -l`")


REMEDIES = (GrantOwner(),)
