"""Is a backup what its manifest says, and can it be restored? Found out by restoring it beside, and looking."""

import contextlib
import tempfile
from collections.abc import Iterator
from pathlib import Path

from aurora_desktop.backups import copying
from aurora_desktop.backups.manifest import BackedFile, Manifest, bad
from aurora_desktop.backups.packing import TooLongError, digest_of, unpack
from aurora_desktop.core.storage.full_disk import words


def restore_for_a_test(folder: Path, manifest: Manifest) -> None:
    """Unpack each file to a temporary one beside it, and examine that. Raises BadBackupError."""
    for file in manifest.files:
        with _temporary(folder) as target:
            restore_file(folder, file, target)


def restore_file(folder: Path, file: BackedFile, target: Path) -> None:
    """Unpack one database to `target`, synced and proven to be what the manifest says. Raises BadBackupError."""
    source = folder / f"{file.name}.zst"
    try:
        found = unpack(source, target, file.bytes)
    except TooLongError as error:
        raise bad(folder, f"{source.name}: {error}, and `bytes` says so many") from error
    except OSError as error:
        raise bad(folder, f"{error.filename or source}: {words(error)}") from error
    except ValueError as error:
        raise bad(folder, f"{source.name}: {error}") from error
    said = (file.bytes, file.sha256, file.packed_bytes, file.packed_sha256)
    for field, says, is_ in zip(("bytes", "sha256", "packed_bytes", "packed_sha256"), said, found, strict=True):
        if says != is_:
            raise bad(folder, f"{source.name}: `{field}` of its manifest is {says}, and the file's is {is_}")
    _compare_facts(folder, file, target)


def check_packed(folder: Path, manifest: Manifest) -> None:
    """The cheap look, by digests alone: has a bit of it changed since? Raises BadBackupError."""
    for file in manifest.files:
        path = folder / f"{file.name}.zst"
        try:
            size, sha256 = digest_of(path)
        except OSError as error:
            raise bad(folder, f"{path}: {words(error)}") from error
        if (size, sha256) != (file.packed_bytes, file.packed_sha256):
            raise bad(folder, f"{path.name}: it is not what its manifest says any more")


def _compare_facts(folder: Path, file: BackedFile, target: Path) -> None:
    try:
        facts = copying.examine(target)
    except copying.UnsoundCopyError as error:
        raise bad(folder, f"{file.name}: {error}") from error
    for field, says, is_ in zip(facts._fields, (file.application_id, file.schema_version), facts, strict=True):
        if says != is_:
            raise bad(folder, f"{file.name}: `{field}` of its manifest is {says}, and the file's is {is_}")


@contextlib.contextmanager
def _temporary(folder: Path) -> Iterator[Path]:
    """A name beside the backup, whose disk has the room; elsewhere if that cannot be written."""
    try:
        beside = tempfile.TemporaryDirectory(prefix=".testing-", dir=folder)
    except OSError:
        beside = tempfile.TemporaryDirectory(prefix="aurora-backup-")
    with beside as name:
        yield Path(name) / "restored.db"
