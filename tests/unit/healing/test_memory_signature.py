"""What varies is folded out of a message, and nothing else."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aurora_desktop.healing.faults import Fault, Sighting
from aurora_desktop.healing.memory.signature import MAX_SIGNATURE, folded, message_of, signature_of


@pytest.mark.parametrize(
    ("message", "signature"),
    [
        ("exited with code 3 after 2.1 s", "exited with code <number> after <time>"),
        ("exited with code 3 after 1 min 20 s", "exited with code <number> after <time>"),
        ("port 8080 is already in use by node (pid 4711)", "port <number> is already in use by node (pid <number>)"),
        ("OSError: [Errno 98] Address already in use", "OSError: [Errno <number>] Address already in use"),
        ("connect ECONNREFUSED 127.0.0.1:5432", "connect ECONNREFUSED <address>"),
        ("connect ECONNREFUSED ::1:5432", "connect ECONNREFUSED <address>"),
        ("GET http://localhost:8080/health?x=1 answered 500", "GET <url> answered <number>"),
        ("2026-05-03T14:02:11.123Z ERROR boom", "<time> ERROR boom"),
        ("2026-05-03 14:02:11,123 ERROR boom", "<time> ERROR boom"),
        ("[14:02:11] boom", "[<time>] boom"),
        ("cannot read /home/me/app/config.yaml: denied", "cannot read <path>: denied"),
        (r"cannot read C:\Users\me\app.ini: denied", "cannot read <path>: denied"),
        ('File "src/app/main.py", line 12', 'File "<path>", line <number>'),
        ("task 550e8400-e29b-41d4-a716-446655440000 is lost", "task <id> is lost"),
        ("segfault at 0x7ffd12ab", "segfault at <id>"),
        ("commit 1a2b3c4d5e broke it", "commit <id> broke it"),
        ("task input_0f3a5c7e9b1d2f48 failed", "task input_<id> failed"),
        ("ModuleNotFoundError: No module named 'requests'", "ModuleNotFoundError: No module named 'requests'"),
        ("no table 'of all things'", "no table <text>"),
        ("can't open, don't know", "can't open, don't know"),
        ("read/write and I/O stay", "read/write and I/O stay"),
        ("two\n lines\t here", "two lines here"),
        ("", ""),
    ],
)
def test_what_varies_is_folded_out(message: str, signature: str) -> None:
    assert folded(message) == signature


@given(st.text(max_size=400) | st.text(alphabet="0aAf:./\\-'\" <>~xt\nsm", max_size=120))
@settings(max_examples=600, deadline=None)
def test_folding_again_changes_nothing(message: str) -> None:
    once = folded(message)
    assert folded(once) == once
    assert len(once) <= MAX_SIGNATURE


@given(st.integers(0, 10**9), st.integers(0, 10**9), st.sampled_from(["pid {}", "after {} ms", "/tmp/x{}/y", "#{}!"]))
def test_numbers_make_no_difference(one: int, other: int, words: str) -> None:
    assert folded(words.format(one)) == folded(words.format(other))


@pytest.mark.parametrize(
    "piece", ["a", "/", "/a", "a.", "'", "' ", "0", "f0", "a/a.", "0:", "1.", "://", "<", "-", "0-", "1 s "]
)
def test_a_huge_message_is_no_burden(piece: str) -> None:
    assert len(folded(piece * 500_000)) <= MAX_SIGNATURE  # what explodes does not end before the test's timeout


def _fault(**fields: object) -> Fault:
    seen = Sighting(at=1.0, component="service:web", event="service_failed", event_id=1, **fields)  # type: ignore[arg-type]  # by test
    return Fault(kind="unknown", sentence="web failed", sighting=seen)


def test_the_last_line_about_an_error_tells_what_an_exit_does_not() -> None:
    fault = _fault(message="exited with code 1 after 2 s", lines=("Error: no disk 7", "bye", ""))
    assert message_of(fault) == "exited with code 1 after 2 s: Error: no disk 7"
    assert signature_of(fault) == "exited with code <number> after <time>: Error: no disk <number>"


def test_without_any_word_the_sentence_counts() -> None:
    assert signature_of(_fault()) == "web failed"


def test_what_was_recognised_is_the_same_failure_in_each_service() -> None:
    def seen(name: str) -> Fault:
        sighting = Sighting(at=1.0, component=f"service:{name}", event="service_failed", event_id=1)
        return Fault(kind="port_conflict", sentence=f"{name}: port 80{len(name)} is taken", sighting=sighting)

    assert signature_of(seen("web")) == signature_of(seen("frontend")) == "port <number> is taken"
