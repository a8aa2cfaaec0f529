"""Compresses a file with zstd and back, with the digests of both sides.

For processes that come and go: zstandard costs 2.4 MB, which the tray app does without.
"""

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, NamedTuple

CHUNK_BYTES = 2**20
LEVEL = 3
"""10 MB take 40 ms, and a level more gains a hundredth."""


class Packed(NamedTuple):
    """Sizes in bytes, and SHA-256 in hexadecimal."""

    bytes: int
    sha256: str
    packed_bytes: int
    packed_sha256: str


class TooLongError(ValueError):
    """It unpacks to more than was said: a manifest that lies, or a bomb."""


def pack(source: Path, target: Path) -> Packed:
    """Write `source` compressed to `target` (0600), synced to the disk. Raises OSError."""
    import zstandard  # late: see the module's docstring

    compressor = zstandard.ZstdCompressor(level=LEVEL, write_checksum=True).chunker()
    plain, packed = _Digest(), _Digest()
    with source.open("rb") as reading, os.fdopen(os.open(target, _NEW, 0o600), "wb", buffering=0) as writing:
        for chunk in _chunks(reading):
            plain.add(chunk)
            for piece in compressor.compress(chunk):
                packed.add(piece)
                _write(writing, piece)
        for piece in compressor.finish():  # type: ignore[no-untyped-call]  # its stub lacks the types
            packed.add(piece)
            _write(writing, piece)
        os.fsync(writing.fileno())
    return Packed(plain.bytes, plain.hex, packed.bytes, packed.hex)


def unpack(source: Path, target: Path, most_bytes: int) -> Packed:
    """Write what `source` holds to `target` (0600), synced. Raises OSError, TooLongError, ValueError when damaged."""
    import zstandard  # late, as above

    plain, packed = _Digest(), _Digest()
    decompressor = zstandard.ZstdDecompressor().decompressobj()
    try:
        with source.open("rb") as reading, os.fdopen(os.open(target, _NEW, 0o600), "wb", buffering=0) as writing:
            for chunk in _chunks(reading):
                packed.add(chunk)
                piece = decompressor.decompress(chunk)
                plain.add(piece)
                if plain.bytes > most_bytes:
                    raise TooLongError(f"it unpacks to more than {most_bytes} bytes")
                _write(writing, piece)
            os.fsync(writing.fileno())
    except zstandard.ZstdError as error:
        raise ValueError(f"it cannot be unpacked: {error}") from error
    return Packed(plain.bytes, plain.hex, packed.bytes, packed.hex)


def digest_of(path: Path) -> tuple[int, str]:
    """Size and SHA-256 of a file. Raises OSError."""
    digest = _Digest()
    with path.open("rb") as file:
        for chunk in _chunks(file):
            digest.add(chunk)
    return digest.bytes, digest.hex


_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0) | getattr(os, "O_NOFOLLOW", 0)


class _Digest:
    def __init__(self) -> None:
        self.bytes = 0
        self._sha = hashlib.sha256()

    def add(self, piece: bytes) -> None:
        self.bytes += len(piece)
        self._sha.update(piece)

    @property
    def hex(self) -> str:
        return self._sha.hexdigest()


def _chunks(file: BinaryIO) -> Iterator[bytes]:
    while chunk := file.read(CHUNK_BYTES):
        yield chunk


def _write(file: BinaryIO, piece: bytes) -> None:
    """The whole of it: an unbuffered write may take less than it is given."""
    view = memoryview(piece)
    while view:
        view = view[file.write(view) :]
