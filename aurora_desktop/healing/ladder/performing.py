"""Performs the rungs that write into a workspace. Blocking; each says what it left behind: that counts for nothing."""

import secrets
import stat
import time
from typing import Any

from msgspec import Struct

from aurora_desktop.healing.ladder import marks
from aurora_desktop.healing.ladder.ladder import Rung
from aurora_desktop.healing.remedies.remedy import RefusedError
from aurora_desktop.healing.stalls import status_file
from aurora_desktop.healing.stalls.folder import OURS, Folder, Stamp, folder_stamp_of
from aurora_desktop.healing.stalls.rule import Token
from aurora_desktop.healing.stalls.status_file import Status


class Wrote(Struct, frozen=True):
    """What was done, in words, and what the sources look like by it."""

    sentence: str
    tokens: dict[str, Token] = {}


class Patient(Struct, frozen=True, kw_only=True):
    """`reason` says in words why; `wall` is the time to be written."""

    agent: str
    reason: str
    wall: float
    may_reset: bool = True
    can_restart: bool = False


def applicable(folder: Folder, patient: Patient) -> tuple[Rung, ...]:
    """The rungs that make sense in this workspace, as it is now."""
    status = read_status(folder)[0]
    makes_sense: dict[Rung, bool] = {
        "force_update": status.kind == "good",
        "clear_tasks": status.kind == "good" and status.has_tasks,
        "reset_status": patient.may_reset and status.kind in ("good", "broken"),
        "rescue": _takes_messages(folder),
        "restart": patient.can_restart,
    }
    return tuple(rung for rung, makes in makes_sense.items() if makes)


def read_status(folder: Folder) -> tuple[Status, Stamp | None]:
    """`status.json` as it is now, with its stamp; whatever it is, it is said and not raised."""
    try:
        found = folder.read(status_file.NAME, status_file.MOST_BYTES)
    except RefusedError as error:
        return Status(kind="foreign", problem=f"its {error.title}"), None
    except OSError as error:
        return Status(kind="foreign", problem=f"its status.json cannot be read: {_words(error)}"), None
    if found is None:
        return status_file.MISSING, None
    return status_file.understood(found[0]), found[1]


def perform(rung: Rung, folder: Folder, patient: Patient) -> Wrote:
    """Raises RefusedError (not for this workspace) or OSError."""
    match rung:
        case "force_update":
            status, stamp = _good(folder)
            return _write(folder, marks.refreshed(status.content, patient.reason, patient.wall), stamp, "refreshed")
        case "clear_tasks":
            status, stamp = _good(folder)
            cleared = marks.without_tasks(status.content, patient.reason, patient.wall)
            return _write(folder, cleared, stamp, "cleared of its tasks")
        case "reset_status":
            return _reset(folder, patient)
        case "rescue":
            return _rescue(folder, patient)
        case "restart":
            raise RefusedError("a restart is no matter of the workspace", str(folder.path))


def call_the_operator(folder: Folder, patient: Patient, attempts: int, tried: tuple[str, ...]) -> None:
    """Lay down the marker; one that is there already is left as it is. Raises OSError."""
    content = marks.escalation(patient.agent, patient.reason, attempts, tried, patient.wall)
    try:
        folder.create(marks.ESCALATION, content)
    except FileExistsError:
        return


def has_marker(folder: Folder) -> bool:
    return folder.stat(marks.ESCALATION) is not None


def _good(folder: Folder) -> tuple[Status, Stamp]:
    status, stamp = read_status(folder)
    if status.kind != "good" or stamp is None:
        raise RefusedError(status.problem, str(folder.path))
    return status, stamp


def _write(folder: Folder, document: dict[str, Any], stamp: Stamp, done: str) -> Wrote:
    written = folder.replace(status_file.NAME, marks.encoded(document), stamp)
    return Wrote(f"its status.json was {done}", {"status": written})


def _reset(folder: Folder, patient: Patient) -> Wrote:
    status, stamp = read_status(folder)
    if stamp is None:
        raise RefusedError(status.problem, str(folder.path))
    moment = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(patient.wall))
    copy = f"{status_file.NAME}{OURS}{moment}-{secrets.token_hex(2)}"
    folder.keep_copy(status_file.NAME, copy)
    try:
        fresh = marks.begun_anew(status.content, patient.agent, patient.reason, patient.wall)
        return _write(folder, fresh, stamp, f"begun anew; the old one is kept as {copy}")
    except BaseException:
        folder.remove(copy)
        raise


def _takes_messages(folder: Folder) -> bool:
    inbox = folder.stat("inbox")
    return inbox is None or stat.S_ISDIR(inbox.st_mode)


def _rescue(folder: Folder, patient: Patient) -> Wrote:
    moment = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(patient.wall))
    name = f"RESCUE_{moment}_{secrets.token_hex(2)}.md"
    with folder.subfolder("inbox") as inbox:
        inbox.create(name, marks.rescue_message(patient.agent, patient.reason, patient.wall))
        now = inbox.stat()
    token: Token = folder_stamp_of(now) if now is not None else ()
    return Wrote(f"a rescue message was laid into its inbox ({name})", {"inbox": token})


def _words(error: OSError) -> str:
    return error.strerror or type(error).__name__
