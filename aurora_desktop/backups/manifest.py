"""What a backup says of itself: `manifest.json`, written last, so that a backup without one is none."""

from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from aurora_desktop.core.errors import AuroraError
from aurora_desktop.core.storage.full_disk import words

FORMAT = 1
NAME = "manifest.json"
_MOST_BYTES = 64 * 1024

Sha256 = Annotated[str, Meta(pattern=r"^[0-9a-f]{64}$")]
FileName = Annotated[str, Meta(pattern=r"^[a-z]+\.db$")]
BackupId = Annotated[str, Meta(pattern=r"^\d{8}T\d{6}Z(-\d{1,4})?$")]


class BackedFile(Struct, frozen=True, forbid_unknown_fields=True):
    """One database: `sha256` and `bytes` of what it unpacks to, `packed_*` of the file `<name>.zst`."""

    name: FileName
    application_id: int
    schema_version: Annotated[int, Meta(ge=0)]
    bytes: Annotated[int, Meta(gt=0)]
    sha256: Sha256
    packed_bytes: Annotated[int, Meta(gt=0)]
    packed_sha256: Sha256


class Manifest(Struct, frozen=True, forbid_unknown_fields=True):
    """`number` grows with each backup, whatever the clock says; `at` in Unix time.

    `state` is the digest of the state dir that it was made of.
    """

    format: Annotated[int, Meta(ge=1)]
    id: BackupId
    number: Annotated[int, Meta(ge=1)]
    at: Annotated[float, Meta(ge=0)]
    reason: Annotated[str, Meta(max_length=200)]
    aurora: str
    state: str
    files: Annotated[tuple[BackedFile, ...], Meta(min_length=1, max_length=8)]

    @property
    def packed_bytes(self) -> int:
        return sum(file.packed_bytes for file in self.files)


class BadBackupError(AuroraError):
    """A backup that cannot be used: the detail says which file and field, and what is wrong with it."""


def bad(folder: Path, detail: str, hint: str = "`aurora backup list` shows the others") -> BadBackupError:
    return BadBackupError(f"The backup {folder.name} cannot be used", detail, hint)


def read_manifest(folder: Path) -> Manifest:
    """What the backup in `folder` says of itself. Raises BadBackupError, which names the field."""
    path = folder / NAME
    try:
        with path.open("rb") as file:
            manifest = msgspec.json.decode(file.read(_MOST_BYTES), type=Manifest)
    except OSError as error:
        raise bad(folder, f"{path}: {words(error)}") from error
    except (msgspec.MsgspecError, UnicodeError) as error:
        raise bad(folder, f"{path}: {error}") from error  # msgspec ends with the field's path
    if manifest.format > FORMAT:
        raise bad(folder, f"{path}: `format` is {manifest.format}, of a newer Aurora", "Use that one to restore it")
    if manifest.id != folder.name:
        raise bad(folder, f"{path}: `id` is {manifest.id}, which is not the name of its folder")
    if len({file.name for file in manifest.files}) != len(manifest.files):
        raise bad(folder, f"{path}: `files` names a file twice")
    return manifest
