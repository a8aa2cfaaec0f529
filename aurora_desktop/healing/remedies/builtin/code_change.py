"""A service that fails since its code changed: the change is named, with commit, subject and author."""

import asyncio
import os
import time
from typing import ClassVar

from aurora_desktop.healing.faults import Fault, Invasiveness
from aurora_desktop.healing.remedies.builtin.common import Helping, named, plain
from aurora_desktop.healing.remedies.builtin.config_edit import UNKNOWN
from aurora_desktop.healing.remedies.builtin.known_good import KnownGood, head_of
from aurora_desktop.healing.remedies.builtin.source import OF_THE_CODE
from aurora_desktop.healing.remedies.remedy import Done, Plan, RefusedError
from aurora_desktop.healing.yard import Yard
from aurora_desktop.supervisor.outcome import format_duration

_TIMEOUT_S = 10.0
# Nothing that the repository's own settings name is run by a look at it.
_GIT = ("git", "--no-optional-locks", "-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null", "--no-pager")
_MOST_NAMED = 5
_SOURCE = (".py", ".js", ".mjs", ".cjs", ".ts", ".tsx", ".jsx", ".rb", ".go", ".rs", ".java", ".php", ".sh", ".toml")


class NameTheChange(Helping):
    """Changes nothing: to take back somebody's work is a person's matter."""

    name: ClassVar[str] = "name_the_change"
    kinds: ClassVar[tuple[str, ...]] = (
        UNKNOWN,
        "missing_python_module",
        "missing_npm_package",
        "missing_source_file",
        *OF_THE_CODE,
    )
    invasiveness: ClassVar[Invasiveness] = Invasiveness.LOOK
    summary: ClassVar[str] = "Names the commit, or the edited files, since which the service fails"
    verifies: ClassVar[str] = "nothing: the next step is yours"
    undoes: ClassVar[str] = "nothing: it changes nothing"

    def __init__(self, known_good: KnownGood) -> None:
        self._known_good = known_good

    async def plan(self, fault: Fault, yard: Yard) -> Plan | None:
        """Raises RefusedError, which names the change; None when nothing has changed since it last worked."""
        if fault.service is None:
            return None
        name, spec = named(fault, yard)
        worked = await asyncio.to_thread(self._known_good.of, name)
        folder = yard.folder(name)
        if spec.cwd is None or worked is None or not worked.head:
            return None
        head = await asyncio.to_thread(head_of, folder)
        if head and head != worked.head:
            raise await self._by_commit(name, worked.head, head, yard)
        edited = await self._edited_since(name, worked.at, yard)
        if not edited:
            return None
        raise RefusedError(
            f"{name} fails since {', '.join(edited[:_MOST_NAMED])} was edited",
            f"not committed, and changed after it last worked ({_ago(worked.at, yard)} ago)",
            f"See the change: `git -C {folder} diff`; set it aside: `git -C {folder} stash`",
        )

    async def apply(self, fault: Fault, yard: Yard) -> Done:
        await self.plan(fault, yard)
        raise RefusedError("Nothing has changed since it last worked", "", "Look at what it prints")

    async def _by_commit(self, name: str, old: str, new: str, yard: Yard) -> RefusedError:
        folder = yard.folder(name)
        told = await yard.run(
            name, (*_GIT, "log", "-1", "--no-show-signature", "--format=%h%x09%an%x09%s", new), _TIMEOUT_S
        )
        count = await yard.run(name, (*_GIT, "rev-list", "--count", f"{old}..{new}"), _TIMEOUT_S)
        short, author, subject = (*told.output.strip().split("\t", 2), "", "")[:3] if told.ok else (new[:10], "", "")
        who = f" “{plain(subject, 120)}” by {plain(author, 60)}" if author else ""
        number = int(count.output) if count.ok and count.output.strip().isdigit() else 0
        others = f", the last of {number} commits" if number > 1 else ""
        return RefusedError(
            f"{name} fails since commit {plain(short, 20)}{who}{others}",
            f"it last worked at {old[:10]}",
            f"See the change: `git -C {folder} diff {old[:10]} {new[:10]}`;"
            f" back to what worked: `git -C {folder} checkout {old[:10]}`",
        )

    async def _edited_since(self, name: str, at: float, yard: Yard) -> list[str]:
        folder = yard.folder(name)
        ran = await yard.run(name, (*_GIT, "status", "--porcelain", "-z", "--", "."), _TIMEOUT_S)
        if not ran.ok:
            return []
        entries = [entry[3:] for entry in ran.output.split("\0") if len(entry) > 3 and entry[2] == " "]
        top = await yard.run(name, (*_GIT, "rev-parse", "--show-prefix"), _TIMEOUT_S)
        prefix = top.output.strip() if top.ok else ""
        names = [entry.removeprefix(prefix) for entry in entries if entry.endswith(_SOURCE)]
        return [plain(name) for name in names if _mtime(str(folder / name)) > at]


def _mtime(path: str) -> float:
    try:
        return os.lstat(path).st_mtime
    except OSError:
        return time.time()  # removed: that is a change, and nobody knows when


def _ago(at: float, yard: Yard) -> str:
    return format_duration(max(0.0, yard.clock.wall() - at))
