"""Whatever somebody does to a log, `verify` names the first record that is not as it was written."""

import gzip
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aurora_desktop.input.audit.anchor import Anchored
from aurora_desktop.input.audit.chain import MAX_LINE_BYTES, NO_HASH, START, Head, link_of, seal
from aurora_desktop.input.audit.files import lines, log_files
from aurora_desktop.input.audit.verify import Verdict, verify

from .audit_rig import Rig, done, task

COUNT = 12


def _lines(count: int = COUNT, head: Head = START, word: str = "event") -> list[bytes]:
    made = []
    for number in range(count):
        line, head = seal({"timestamp": "2026-01-01T00:00:00.000Z", word: f"n{number}"}, head)
        made.append(line)
    return made


LINES = _lines()
WHOLE = b"".join(LINES)


def _anchor(lines: list[bytes] = LINES, first_seq: int = 1) -> Anchored:
    link = link_of(lines[-1])
    assert link
    return Anchored(link.seq, link.hash, len(b"".join(lines)), first_seq)


def _verdict(*contents: bytes, anchor: Anchored | None = _anchor()) -> Verdict:  # noqa: B008 - it is frozen
    with tempfile.TemporaryDirectory() as folder:
        files = []
        for number, content in enumerate(contents):
            files.append(Path(folder) / f"part{number}.log")
            files[-1].write_bytes(content)
        return verify(files, anchor)


def _found(verdict: Verdict) -> tuple[str, int, int | None]:
    assert verdict.finding
    return verdict.finding.kind, verdict.finding.line, verdict.finding.seq


def test_a_log_as_it_was_written_is_good() -> None:
    verdict = _verdict(WHOLE)
    assert verdict.is_good
    assert (verdict.records, verdict.first_seq, verdict.last_seq) == (COUNT, 1, COUNT)
    assert verdict.sentence == "the audit log is as it was written: 12 records, 1 to 12"
    assert not verdict.notes


def test_a_line_is_exactly_what_the_documentation_says() -> None:
    import hashlib

    line, head = seal({"timestamp": "t", "event": "é"}, START)
    body = f'{{"timestamp":"t","event":"é","seq":1,"prev":"{NO_HASH}"}}'.encode()
    digest = hashlib.sha256(body).hexdigest()
    assert line == body[:-1] + f',"hash":"{digest}"}}\n'.encode()
    assert head == Head(1, digest)


@pytest.mark.parametrize("odd", ["\ud800", "a\nb", '"}', "\0", "\u2028", '","hash":"' + "0" * 64])
def test_odd_texts_make_sound_lines(odd: str) -> None:
    line, _ = seal({"text": odd, odd: 1}, START)
    assert line.count(b"\n") == 1
    assert link_of(line)


def test_the_chains_own_fields_are_not_taken_from_outside() -> None:
    with pytest.raises(ValueError, match="own fields"):
        seal({"event": "x", "hash": "y"}, START)


@given(place=st.integers(0, len(WHOLE) - 1), byte=st.integers(0, 255))
def test_every_edit_of_one_byte_is_found(place: int, byte: int) -> None:
    edited = bytearray(WHOLE)
    edited[place] = byte
    verdict = _verdict(bytes(edited))
    assert verdict.is_good == (bytes(edited) == WHOLE)
    if verdict.finding:
        record = WHOLE[:place].count(b"\n") + 1
        assert verdict.finding.line == record or verdict.finding.line == record + 1
        assert verdict.finding.kind in ("edited", "cut_tail", "deleted")


def test_every_single_byte_of_a_record_counts() -> None:
    """All places of one record in the middle, without chance."""
    start = len(b"".join(LINES[:5]))
    for place in range(start, start + len(LINES[5])):
        edited = bytearray(WHOLE)
        edited[place] ^= 1
        assert _found(_verdict(bytes(edited)))[1:] == (6, 6)


@given(first=st.integers(0, COUNT - 1), count=st.integers(1, COUNT))
def test_every_deletion_is_found_and_named(first: int, count: int) -> None:
    left = LINES[:first] + LINES[first + count :]
    kind, line, seq = _found(_verdict(b"".join(left)))
    assert kind == ("missing_file" if first == 0 else "cut_tail" if first + count >= COUNT else "deleted")
    assert seq == first + 1
    assert line == (0 if not left else first if kind == "cut_tail" else first + 1)


@given(st.permutations(range(COUNT)))
def test_every_reordering_is_found(order: list[int]) -> None:
    verdict = _verdict(b"".join(LINES[place] for place in order))
    assert verdict.is_good == (order == sorted(order))
    if verdict.finding:
        first = next(place for place, number in enumerate(order) if place != number)
        assert _found(verdict) == ("reordered", first + 1, first + 1)


@given(st.integers(0, len(WHOLE) - 1))
def test_every_truncation_is_found(size: int) -> None:
    verdict = _verdict(WHOLE[:size])
    kind, _, seq = _found(verdict)
    assert kind in ("cut_tail", "edited", "missing_file")
    assert seq == WHOLE[:size].count(b"\n") + 1


@given(place=st.integers(0, COUNT), copied=st.integers(0, COUNT - 1))
def test_every_copy_that_was_put_in_is_found(place: int, copied: int) -> None:
    changed = [*LINES[:place], LINES[copied], *LINES[place:]]
    kind, _, seq = _found(_verdict(b"".join(changed)))
    assert kind in ("inserted", "reordered")
    assert seq == min(copied, place) + 1 if kind == "reordered" else copied + 1


@given(place=st.integers(0, COUNT - 1), junk=st.binary(min_size=1, max_size=80))
def test_every_line_that_was_put_in_is_found(place: int, junk: bytes) -> None:
    changed = [*LINES[:place], junk.replace(b"\n", b"") + b"\n", *LINES[place:]]
    assert _found(_verdict(b"".join(changed))) == ("inserted", place + 1, None)


@given(st.integers(0, COUNT - 2))
def test_a_record_that_was_written_anew_with_its_own_hash_is_found(place: int) -> None:
    head = START
    if place and (before := link_of(LINES[place - 1])):
        head = before.head
    forged, _ = seal({"timestamp": "2026-01-01T00:00:00.000Z", "event": "innocent"}, head)
    changed = [*LINES[:place], forged, *LINES[place + 1 :]]
    assert _found(_verdict(b"".join(changed))) == ("edited", place + 1, place + 1)


def _forged(body: bytes) -> bytes:
    import hashlib

    return body[:-1] + b',"hash":"' + hashlib.sha256(body).hexdigest().encode() + b'"}\n'


@given(
    place=st.integers(0, COUNT - 1),
    seq=st.one_of(st.integers(-2, COUNT + 2), st.integers(), st.booleans(), st.floats(), st.text(max_size=3)),
    detail=st.binary(max_size=20),
    replaces=st.booleans(),
)
def test_no_forged_record_with_a_right_hash_passes_or_breaks_the_check(
    place: int, seq: object, detail: bytes, replaces: bool
) -> None:
    safe = detail.replace(b'"', b"").replace(b"\\", b"").replace(b"\n", b"")
    body = b'{"event":"log_altered","detail":"%b","seq":%b,"prev":"x"}' % (
        safe,
        str(seq).lower().encode("utf-8", "replace"),
    )
    changed = [*LINES[:place], _forged(body), *LINES[place + replaces :]]
    assert not _verdict(b"".join(changed)).is_good


def test_a_chain_that_was_written_anew_as_a_whole_is_found_by_the_anchor() -> None:
    kind, _, seq = _found(_verdict(b"".join(_lines(word="other"))))
    assert (kind, seq) == ("edited", COUNT)
    longer = _lines(COUNT + 5, word="other")
    assert _found(_verdict(b"".join(longer)))[2] == COUNT


def test_what_came_after_the_anchor_is_checked_too() -> None:
    anchor = _anchor(LINES[:5])
    assert _verdict(WHOLE, anchor=anchor).is_good
    assert _found(_verdict(WHOLE.replace(b"n8", b"nX"), anchor=anchor)) == ("edited", 9, 9)


@given(st.integers(1, len(LINES[-1]) - 1))
def test_a_torn_end_behind_the_anchor_is_no_tampering(kept: int) -> None:
    verdict = _verdict(b"".join(LINES[:-1]) + LINES[-1][:kept], anchor=_anchor(LINES[:-1]))
    assert verdict.is_good
    assert "torn" in verdict.notes[0]


def test_zeros_of_a_power_cut_behind_the_anchor_are_no_tampering() -> None:
    assert _verdict(b"".join(LINES[:-1]) + bytes(500), anchor=_anchor(LINES[:-1])).is_good


def test_only_the_end_of_the_newest_file_can_be_torn() -> None:
    older = b"".join(LINES[:-1]) + b"torn"
    assert _found(_verdict(older, b"", anchor=_anchor(LINES[:-1]))) == ("edited", COUNT, COUNT)


def test_without_an_anchor_the_chain_alone_is_judged_and_that_is_told() -> None:
    verdict = _verdict(b"".join(LINES[:4]), anchor=None)
    assert verdict.is_good
    assert "no anchor" in verdict.notes[0]
    assert not _verdict(WHOLE.replace(b"n3", b"nX"), anchor=None).is_good


def test_no_files_and_no_anchor_is_an_empty_log() -> None:
    assert verify([], None).is_good


def test_no_files_but_an_anchor_is_a_missing_file() -> None:
    assert _found(verify([], _anchor())) == ("missing_file", 0, 1)


def test_a_file_missing_in_the_middle_is_named() -> None:
    verdict = _verdict(b"".join(LINES[:4]), b"".join(LINES[8:]))
    assert _found(verdict) == ("missing_file", 1, 5)
    assert "records 5 to 8 are missing" in verdict.sentence


def test_archives_that_rotation_dropped_are_not_missed() -> None:
    assert _verdict(b"".join(LINES[4:]), anchor=_anchor(first_seq=5)).is_good
    assert _verdict(b"".join(LINES[2:]), anchor=_anchor(first_seq=5)).is_good
    assert _found(_verdict(b"".join(LINES[5:]), anchor=_anchor(first_seq=5))) == ("missing_file", 1, 5)


def test_places_behind_the_first_one_are_counted() -> None:
    verdict = _verdict(WHOLE.replace(b"n3", b"nX").replace(b"n7", b"nX"))
    assert _found(verdict) == ("edited", 4, 4)
    assert verdict.more == 1


def test_a_line_over_all_bounds_is_one_line(tmp_path: Path) -> None:
    log = tmp_path / "input_agent.log"
    log.write_bytes(LINES[0] + b"x" * (3 * MAX_LINE_BYTES) + b"\n" + LINES[1])
    assert list(lines(log)) == [LINES[0], b"x" * MAX_LINE_BYTES, LINES[1]]


def test_a_line_without_end_takes_no_memory_for_itself(tmp_path: Path) -> None:
    long = tmp_path / "input_agent.log"
    with long.open("wb") as file:
        file.write(LINES[0])
        file.truncate(200 * 2**20)
    assert not verify([long], _anchor()).is_good


def _rotated(folder: Path) -> Rig:
    rig = Rig(folder, max_bytes=2000, keep=3)
    rig.log.open()
    for number in range(30):
        rig.log.intent(task(f"input_{number}", status="running"))
        rig.log.task(done(f"input_{number}"))
        rig.log.flush()
    rig.log.close()
    return rig


def test_the_chain_runs_on_over_compressed_archives(tmp_path: Path) -> None:
    rig = _rotated(tmp_path)
    files = log_files(rig.path)
    assert [file.name for file in files[:-1]] == [f"input_agent.log.{number}.gz" for number in (3, 2, 1)]
    verdict = verify(files, rig.anchor.kept)
    assert verdict.is_good, verdict.sentence
    assert verdict.last_seq == 60
    assert verdict.first_seq == rig.anchor.kept.first_seq > 1  # type: ignore[union-attr] # it was stored


@pytest.mark.parametrize("number", [1, 2, 3])
def test_an_archive_that_was_removed_or_damaged_is_named(tmp_path: Path, number: int) -> None:
    rig = _rotated(tmp_path)
    archive = rig.path.with_name(f"input_agent.log.{number}.gz")
    packed = archive.read_bytes()
    for damage in (packed[: len(packed) // 2], b"", b"no gzip at all", packed[:-5] + b"\0\0\0\0\0"):
        archive.write_bytes(damage)
        assert not verify(log_files(rig.path), rig.anchor.kept).is_good
    archive.write_bytes(gzip.compress(gzip.decompress(packed).replace(b"ctrl+t", b"ctrl+x", 1)))
    assert _found(verify(log_files(rig.path), rig.anchor.kept))[0] == "edited"
    archive.unlink()
    expected = "missing_file" if number > 1 else "cut_tail"  # nothing came after the newest one yet
    assert _found(verify(log_files(rig.path), rig.anchor.kept))[0] == expected


def test_archives_that_changed_places_are_found(tmp_path: Path) -> None:
    rig = _rotated(tmp_path)
    first, second = (rig.path.with_name(f"input_agent.log.{number}.gz") for number in (1, 2))
    one, two = first.read_bytes(), second.read_bytes()
    first.write_bytes(two)
    second.write_bytes(one)
    assert not verify(log_files(rig.path), rig.anchor.kept).is_good


def test_what_the_log_tells_of_itself_is_noted(tmp_path: Path) -> None:
    line, _ = seal({"timestamp": "t", "event": "log_altered", "detail": "somebody was at it"}, START)
    (tmp_path / "input_agent.log").write_bytes(line)
    assert "record 1: somebody was at it" in verify([tmp_path / "input_agent.log"], None).notes


def test_a_link_in_place_of_a_file_is_not_followed(tmp_path: Path) -> None:
    rig = _rotated(tmp_path)
    elsewhere = rig.path.rename(tmp_path / "elsewhere")
    rig.path.symlink_to(elsewhere)
    assert _found(verify(log_files(rig.path), rig.anchor.kept))[0] == "unreadable"
