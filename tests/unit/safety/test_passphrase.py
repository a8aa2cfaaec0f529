"""The passphrase: stored as a digest, compared slowly, and not guessed by trying."""

import os
import sys
from pathlib import Path

import pytest
from core.clocks import FakeClock

from aurora_desktop.core.errors import AuroraError
from aurora_desktop.safety import passphrase as module
from aurora_desktop.safety.passphrase import FREE_TRIES, LONGEST_WAIT_S, Passphrase, WrongPassphraseError, wait_after

GOOD = "correct horse battery"
unix_only = pytest.mark.skipif(sys.platform == "win32", reason="modes of Unix")


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def passphrase(tmp_path: Path, clock: FakeClock, monkeypatch: pytest.MonkeyPatch) -> Passphrase:
    """With a digest that is quick to make."""
    monkeypatch.setattr(module, "COST", 2)
    return Passphrase(tmp_path / "passphrase.json", clock)


def _fail(passphrase: Passphrase, times: int) -> None:
    for _ in range(times):
        with pytest.raises(WrongPassphraseError):
            passphrase.check("something else")


def test_the_right_one_matches_and_any_other_does_not(passphrase: Passphrase) -> None:
    passphrase.set(GOOD)
    passphrase.check(GOOD)
    for other in ("", GOOD[:-1], GOOD + "x", GOOD.upper(), GOOD + " ", "\ud800" * 8):
        passphrase.check(GOOD)
        with pytest.raises(WrongPassphraseError):
            passphrase.check(other)


def test_the_real_cost_works() -> None:
    assert len(module._digest(GOOD, bytes(16), module.COST, module.BLOCK, module.PARALLEL)) == 64


def test_the_same_letters_from_another_keyboard_match(passphrase: Passphrase) -> None:
    passphrase.set("cafe\u0301 cafe\u0301")
    passphrase.check("caf\u00e9 caf\u00e9")


def test_without_one_nothing_matches(passphrase: Passphrase) -> None:
    assert not passphrase.is_set()
    with pytest.raises(AuroraError, match="no passphrase yet"):
        passphrase.check("")


@pytest.mark.parametrize("bad", ["", "seven77", "        ", "   short   ", "x" * 1025])
def test_a_short_or_endless_one_is_refused(passphrase: Passphrase, bad: str) -> None:
    with pytest.raises(AuroraError):
        passphrase.set(bad)
    assert not passphrase.is_set()


def test_one_that_is_there_is_not_replaced(passphrase: Passphrase) -> None:
    passphrase.set(GOOD)
    with pytest.raises(AuroraError, match="already"):
        passphrase.set("another passphrase")
    passphrase.check(GOOD)


def test_a_dangling_link_is_not_written_through(passphrase: Passphrase) -> None:
    passphrase.path.symlink_to(passphrase.path.with_name("elsewhere"))
    with pytest.raises(AuroraError, match="already"):
        passphrase.set(GOOD)


@unix_only
def test_the_file_is_private_and_holds_no_passphrase(passphrase: Passphrase) -> None:
    passphrase.set(GOOD)
    assert passphrase.path.stat().st_mode & 0o777 == 0o600
    assert GOOD.encode() not in passphrase.path.read_bytes()


@unix_only
@pytest.mark.parametrize("mode", [0o604, 0o640, 0o620])
def test_a_file_open_to_others_is_not_used(passphrase: Passphrase, mode: int) -> None:
    passphrase.set(GOOD)
    passphrase.path.chmod(mode)
    with pytest.raises(AuroraError, match="cannot be used"):
        passphrase.check(GOOD)


@pytest.mark.parametrize("content", [b"", b"{}", b"\xff", b'{"salt":1}'])
def test_a_file_that_is_damaged_matches_nothing(passphrase: Passphrase, content: bytes) -> None:
    passphrase.set(GOOD)
    passphrase.path.write_bytes(content)
    for tried in (GOOD, ""):
        with pytest.raises(AuroraError, match="cannot be used"):
            passphrase.check(tried)


def test_wrong_tries_make_wait_longer_and_longer(passphrase: Passphrase, clock: FakeClock) -> None:
    passphrase.set(GOOD)
    _fail(passphrase, FREE_TRIES)
    with pytest.raises(WrongPassphraseError) as too_early:
        passphrase.check(GOOD)
    assert too_early.value.wait_s == wait_after(FREE_TRIES)
    clock.advance(too_early.value.wait_s)
    _fail(passphrase, 1)
    clock.advance(wait_after(FREE_TRIES + 1))
    passphrase.check(GOOD)
    _fail(passphrase, FREE_TRIES)


def test_a_try_that_is_too_early_is_not_counted(passphrase: Passphrase, clock: FakeClock) -> None:
    passphrase.set(GOOD)
    _fail(passphrase, FREE_TRIES + 20)
    clock.advance(wait_after(FREE_TRIES))
    passphrase.check(GOOD)


def test_a_restart_does_not_make_tries_free(passphrase: Passphrase, clock: FakeClock) -> None:
    passphrase.set(GOOD)
    _fail(passphrase, FREE_TRIES)
    fresh = Passphrase(passphrase.path, clock)
    with pytest.raises(WrongPassphraseError, match="too many"):
        fresh.check(GOOD)
    clock.advance(wait_after(FREE_TRIES))
    fresh.check(GOOD)


def test_tries_count_when_the_file_cannot_be_written(
    passphrase: Passphrase, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: Path, content: bytes) -> None:
        raise OSError(28, os.strerror(28))

    passphrase.set(GOOD)
    monkeypatch.setattr(module, "replace_content", refuse)
    _fail(passphrase, FREE_TRIES)
    with pytest.raises(WrongPassphraseError, match="too many"):
        passphrase.check(GOOD)


def test_the_wait_has_an_end() -> None:
    waits = [wait_after(tries) for tries in range(2000)]
    assert waits == sorted(waits)
    assert waits[-1] == LONGEST_WAIT_S
