"""JSONL logs: each record whole or not at all, and nothing torn off without a trace."""

import gzip
import json
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aurora_desktop.core.settings.schema import LogSettings
from aurora_desktop.core.settings.values import ByteSize
from aurora_desktop.core.storage.jsonl import JsonlLog, last_id, repair_tail, timestamp, to_json

from .conftest import SmallDisk


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "test.log"


def torn_of(path: Path) -> Path:
    return path.with_name(path.name + ".torn")


def test_a_torn_tail_is_cut_off_and_kept_aside(path: Path) -> None:
    path.write_bytes(b'{"a": 1}\n{"b": ')
    log = JsonlLog(path, LogSettings())
    log.write(b'{"c": 3}\n')
    log.close()
    assert path.read_bytes() == b'{"a": 1}\n{"c": 3}\n'
    assert torn_of(path).read_bytes() == b'{"b": \n'


def test_a_whole_record_without_its_newline_stays(path: Path) -> None:
    path.write_bytes(b'{"a": 1}')
    log = JsonlLog(path, LogSettings())
    log.write(b'{"b": 2}\n')
    log.close()
    assert path.read_bytes() == b'{"a": 1}\n{"b": 2}\n'
    assert not torn_of(path).exists()


@given(records=st.lists(st.dictionaries(st.text(max_size=8), st.text())), data=st.data())
def test_a_log_cut_anywhere_keeps_its_whole_records(
    tmp_path_factory: pytest.TempPathFactory, records: list[dict[str, str]], data: st.DataObject
) -> None:
    path = tmp_path_factory.mktemp("cut") / "test.log"
    content = b"".join(to_json(record) + b"\n" for record in records)
    cut = data.draw(st.integers(0, len(content)))
    path.write_bytes(content[:cut])
    torn = repair_tail(path)
    whole = path.read_bytes()
    assert all(json.loads(line) == record for line, record in zip(whole.splitlines(), records, strict=False))
    assert whole == b"" or whole.endswith(b"\n")
    assert (whole + torn).rstrip(b"\n") == content[:cut].rstrip(b"\n")
    assert not torn or torn_of(path).read_bytes() == torn + b"\n"


@given(st.binary(max_size=300))
def test_any_content_is_repaired_without_loss(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    path = tmp_path_factory.mktemp("any") / "test.log"
    path.write_bytes(content)
    torn = repair_tail(path)
    repaired = path.read_bytes()
    assert repaired + torn in (content, content + b"\n")
    assert repair_tail(path) == b""
    assert path.read_bytes() == repaired


def test_a_very_long_torn_tail_is_found_whole(path: Path) -> None:
    path.write_bytes(b'{"a": 1}\n' + b"x" * 300_000)
    assert len(repair_tail(path)) == 300_000
    assert path.read_bytes() == b'{"a": 1}\n'


def test_a_full_log_is_rotated_and_compressed(path: Path) -> None:
    log = JsonlLog(path, LogSettings(max_bytes=ByteSize(25), keep=2))
    for number in range(8):
        log.write(b'{"n": %d}\n' % number)
    log.close()
    assert path.read_bytes() == b'{"n": 6}\n{"n": 7}\n'
    archives = [path.with_name(f"test.log.{number}.gz") for number in (1, 2, 3)]
    assert gzip.decompress(archives[0].read_bytes()) == b'{"n": 4}\n{"n": 5}\n'
    assert gzip.decompress(archives[1].read_bytes()) == b'{"n": 2}\n{"n": 3}\n'
    assert not archives[2].exists()


def test_a_record_larger_than_the_limit_is_written(path: Path) -> None:
    log = JsonlLog(path, LogSettings(max_bytes=ByteSize(5), keep=1))
    log.write(b'{"long": 1}\n')
    log.close()
    assert path.read_bytes() == b'{"long": 1}\n'


def test_a_log_that_was_removed_is_begun_anew(path: Path) -> None:
    log = JsonlLog(path, LogSettings())
    log.write(b'{"a": 1}\n')
    path.rename(path.with_name("moved.log"))
    log.write(b'{"b": 2}\n')
    log.close()
    assert path.read_bytes() == b'{"b": 2}\n'


def test_a_full_disk_leaves_no_half_record(small_disk: SmallDisk) -> None:
    path = small_disk.folder / "test.log"
    log = JsonlLog(path, LogSettings())
    log.write(b'{"a": 1}\n')
    small_disk.fill()
    with pytest.raises(OSError, match=r"space|large"):
        log.write(b'{"b": "' + b"x" * 100_000 + b'"}\n')
    assert path.read_bytes() == b'{"a": 1}\n'
    small_disk.free()
    log.write(b'{"c": 3}\n')
    log.close()
    assert path.read_bytes() == b'{"a": 1}\n{"c": 3}\n'


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no file modes")
def test_the_log_and_its_companions_are_readable_by_this_user_alone(path: Path) -> None:
    path.write_bytes(b"torn")
    path.chmod(0o600)
    log = JsonlLog(path, LogSettings(max_bytes=ByteSize(10), keep=1))
    for _ in range(3):
        log.write(b'{"a": 1}\n')
    log.close()
    modes = {file.name: file.stat().st_mode & 0o777 for file in path.parent.iterdir()}
    assert modes == {"test.log": 0o600, "test.log.1.gz": 0o600, "test.log.torn": 0o600}


def test_timestamps_are_utc_with_milliseconds() -> None:
    assert timestamp(1_750_000_000.1239) == "2025-06-15T15:06:40.123Z"
    assert timestamp(0) == "1970-01-01T00:00:00.000Z"


def test_values_that_json_cannot_hold_are_written_readably() -> None:
    assert json.loads(to_json({"a": object, "b": "\udcff", "c": (1, 2)})) == {"a": str(object), "b": "?", "c": [1, 2]}


def test_the_last_id_is_found_behind_broken_lines(path: Path) -> None:
    assert last_id(path) == 0
    path.write_bytes(b'{"id": 7}\n{"id": 9}\nbroken\n\xff\n{"no": 1}\n')
    assert last_id(path) == 9
