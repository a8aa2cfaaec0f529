"""The commands `backup` and `state`: they work on the files, whether Aurora runs or not; what replaces them, only when
it does not."""

import os
import time
from collections.abc import Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from aurora_desktop.backups.folder import BackupFolder, Listed
from aurora_desktop.backups.keeper import folders, request
from aurora_desktop.backups.manifest import BadBackupError, Manifest
from aurora_desktop.cli.call import FAILED, OK, Call
from aurora_desktop.cli.console import Column, size
from aurora_desktop.core.errors import AlreadyRunningError, AuroraError
from aurora_desktop.core.paths import StatePaths
from aurora_desktop.core.settings.atomic import replace_content
from aurora_desktop.core.settings.loader import load
from aurora_desktop.core.settings.problems import SettingsError
from aurora_desktop.core.settings.schema_backups import BackupSettings
from aurora_desktop.core.storage import journal
from aurora_desktop.core.storage.full_disk import words
from aurora_desktop.desktop.single_instance import InstanceLock
from aurora_desktop.migrations import STATE_APPLICATION_ID, StateMigrations

if TYPE_CHECKING:
    from collections.abc import Iterator

    from aurora_desktop.backups.restoring import Kind, Restored

_COLUMNS = (
    Column("ID"),
    Column("TIME"),
    Column("SIZE", right=True),
    Column("FOLDER"),
    Column("WHY", style=lambda why: "red" if why.startswith("damaged") else ""),
)
_BACKUPS = (Column("BACKUP"), Column("STATE", style=lambda state: "green" if state == "good" else "red"))
_TABLES = (Column("TABLE"), Column("ROWS", right=True))


# --- backup -----------------------------------------------------------------------------------------------------


def create(call: Call) -> int:
    """Make one now. 0 if it is made, and where a second folder is set, is there too."""
    from aurora_desktop.backups.making import make
    from aurora_desktop.backups.messages import Failed

    outcome = make(request(_paths(call), _settings(call), "by command", time.time()))
    if isinstance(outcome, Failed):
        raise AuroraError(outcome.title, outcome.detail, outcome.hint)
    if call.given.json:
        call.console.json(msgspec.to_builtins(outcome))
    else:
        call.console.line(f"made and tested: {outcome.id}, {size(outcome.bytes)}, {outcome.duration_s:.1f} s")
        if outcome.trouble:
            call.console.note(f"not in the second folder: {outcome.trouble}")
    return FAILED if outcome.trouble else OK


def list_backups(call: Call) -> int:
    """All of them, newest first, in each folder. 0 if each folder could be read, or is only not made yet."""
    found = _all(call)
    first, *others = folders(_paths(call), _settings(call))
    asked = [folder for folder in (first, *others) if folder in others or folder.root.exists()]
    unreadable = [f"{folder.root}: {why}" for folder in asked if (why := folder.why_unreadable())]
    if call.given.json:
        call.console.json([_plain(folder, listed) for folder, listed in found])
    elif found:
        call.console.table(_COLUMNS, [_cells(folder, listed) for folder, listed in found])
    elif not unreadable:
        call.console.line("there is no backup yet: `aurora backup create` makes one")
    for why in unreadable:
        call.console.note(f"not looked at: {why}")
    return FAILED if unreadable else OK


def verify(call: Call) -> int:
    """Restore each for a test; 0 if all that were asked for are good."""
    wanted = set(call.given.ids)
    outcomes = {f"{at.folder}": _verdict(at) for _, at in _all(call) if not wanted or at.folder.name in wanted}
    if missing := wanted - {Path(name).name for name in outcomes}:
        raise AuroraError(f"There is no backup `{min(missing)}`", "", "`aurora backup list` shows them")
    if call.given.json:
        call.console.json([{"backup": name, "good": not bad, "detail": bad} for name, bad in outcomes.items()])
    else:
        call.console.table(_BACKUPS, [(name, bad or "good") for name, bad in outcomes.items()])
    return FAILED if any(outcomes.values()) or not outcomes else OK


def restore(call: Call) -> int:
    """Go back to a backup, while no Aurora runs."""
    from aurora_desktop.backups import restoring

    paths = _paths(call)
    with _alone(paths):
        folder, manifest = _find(call, call.given.id)
        restored = restoring.restore(paths.root, paths.logs, folder, manifest, _kinds(paths), time.time())
    return _tell(call, restored, f"restored: {manifest.id}, as of {_when(manifest.at)}")


def undo(call: Call) -> int:
    """Bring back what the last restore or repair replaced."""
    from aurora_desktop.backups import swap

    paths = _paths(call)
    with _alone(paths):
        try:
            swap.finish(paths.root)
            done = swap.undo(paths.root)
        except OSError as error:
            raise AuroraError("It could not be undone", f"{paths.root}: {words(error)}") from error
    names = [file.name for file in done.files]
    if call.given.json:
        call.console.json({"brought_back": names})
    else:
        call.console.line(f"brought back: {', '.join(names)}. Undo once more for the other ones")
    return OK


# --- state ------------------------------------------------------------------------------------------------------


def show(call: Call) -> int:
    """What the state holds, and how old the newest backup is."""
    from aurora_desktop.backups.exporting import summary

    paths = _paths(call)
    state = summary(paths.state_db)
    good = BackupFolder(paths.backups, paths.digest).good()
    last = good[0][1] if good else None
    if call.given.json:
        backup = {"id": last.id, "at": last.at} if last else None
        plain = {"path": str(paths.state_db), "schema_version": state.schema_version, "bytes": state.bytes}
        call.console.json({**plain, "tables": state.rows, "last_backup": backup})
        return OK
    call.console.line(f"{paths.state_db}: version {state.schema_version}, {size(state.bytes)}")
    call.console.line(f"newest backup: {last.id}, of {_when(last.at)}" if last else "there is no backup yet")
    call.console.table(_TABLES, [(name, str(rows)) for name, rows in state.rows.items()])
    return OK


def export(call: Call) -> int:
    """Write the whole state as JSON, readable by this user alone."""
    from aurora_desktop.backups import exporting

    given = exporting.export(_paths(call).state_db, time.time())
    target = Path(call.given.file)
    content = msgspec.json.encode(given)
    try:
        os.close(os.open(target, os.O_WRONLY | os.O_CREAT, 0o600))
        os.chmod(target, 0o600)  # one that is there already may be open to all
        replace_content(target, content)
    except OSError as error:
        raise AuroraError("The export cannot be written", f"{target}: {words(error)}") from error
    call.console.line(f"{target}: {size(len(content))}. It holds prompts and results of tasks: keep it to yourself")
    return OK


def import_state(call: Call) -> int:
    """Replace the state by an export, while no Aurora runs."""
    from aurora_desktop.backups import exporting, restoring

    paths = _paths(call)
    given = exporting.read_export(Path(call.given.file))
    kind = _kinds(paths)["state.db"]

    def fill(target: Path) -> None:
        exporting.build(given, target, kind.migrations, kind.application_id)
        _check_rows(target)

    with _alone(paths):
        incoming = [restoring.Incoming("state.db", kind, fill)]
        restored = restoring.replace_all(paths.root, paths.logs, incoming, given.exported_at, time.time())
    return _tell(call, restored, f"taken in: the state of {_when(given.exported_at)}")


# --- shared -----------------------------------------------------------------------------------------------------


def _paths(call: Call) -> StatePaths:
    return StatePaths(call.state_dir)


def _settings(call: Call) -> BackupSettings:
    """Those of the file; of one that is not there, or refused, the defaults."""
    try:
        return load(call.config).backups
    except SettingsError:
        return BackupSettings()


def _all(call: Call) -> list[tuple[BackupFolder, Listed]]:
    return [(folder, listed) for folder in folders(_paths(call), _settings(call)) for listed in folder.all()]


def _find(call: Call, id_: str) -> tuple[Path, Manifest]:
    """In the first folder that has it."""
    first, *others = folders(_paths(call), _settings(call))
    for folder in others:
        if not (first.root / id_).is_dir() and (folder.root / id_).is_dir():
            return folder.find(id_)
    return first.find(id_)


@contextmanager
def _alone(paths: StatePaths) -> "Iterator[None]":
    """No Aurora runs, and none can start meanwhile. Raises AuroraError."""
    lock = InstanceLock(paths.lock)
    try:
        lock.acquire()
    except AlreadyRunningError as error:
        hint = "`aurora quit` ends it; start it again afterwards"
        raise AuroraError("Aurora is running, and holds its state", error.detail, hint) from error
    try:
        yield
    finally:
        lock.release()


def _kinds(paths: StatePaths) -> "Mapping[str, Kind]":
    from aurora_desktop.backups.restoring import Kind
    from aurora_desktop.tasks.restored import settle

    return {
        "state.db": Kind(StateMigrations(), STATE_APPLICATION_ID, lambda at: settle(paths.journal, at)),
        "journal.db": Kind(journal.MIGRATIONS, journal.APPLICATION_ID),
    }


def _verdict(listed: Listed) -> str:
    from aurora_desktop.backups.verifying import restore_for_a_test

    if listed.manifest is None:
        return listed.problem
    try:
        restore_for_a_test(listed.folder, listed.manifest)
    except BadBackupError as error:
        return error.detail
    return ""


def _check_rows(state_db: Path) -> None:
    """Raises AuroraError, which names the field that is wrong."""
    from aurora_desktop.backups import copying
    from aurora_desktop.state_rows import in_words, misread

    connection = copying.open_copy(state_db)
    try:
        wrong = misread(connection.execute, history=True)
    finally:
        connection.close()
    if wrong:
        raise AuroraError("The export cannot be taken in", in_words(wrong), "Nothing was changed")


def _tell(call: Call, restored: "Restored", sentence: str) -> int:
    kept = {file.name: file.outgoing for file in restored.swap.files}
    if call.given.json:
        call.console.json({"sentence": sentence, "notes": list(restored.notes), "kept": kept})
        return OK
    call.console.line(sentence)
    for note in restored.notes:
        call.console.line(f"note: {note}")
    call.console.line(f"the former files are kept ({', '.join(kept.values())}); `aurora backup undo` brings them back")
    return OK


def _cells(folder: BackupFolder, listed: Listed) -> Sequence[str]:
    manifest = listed.manifest
    if manifest is None:
        return (listed.folder.name, "", "", str(folder.root), f"damaged: {listed.problem}")
    return (manifest.id, _when(manifest.at), size(manifest.packed_bytes), str(folder.root), manifest.reason)


def _plain(folder: BackupFolder, listed: Listed) -> dict[str, Any]:
    where = {"id": listed.folder.name, "folder": str(folder.root), "problem": listed.problem}
    manifest: dict[str, Any] = msgspec.to_builtins(listed.manifest) if listed.manifest else {}
    return {**where, **manifest}


def _when(at: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(at))
