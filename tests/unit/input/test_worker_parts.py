"""The small parts of the input worker and its backends."""

import socket
import subprocess
import threading
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aurora_desktop.input.backends.characters import naming, normal_text, untypable
from aurora_desktop.input.backends.keynames import ALIASES, split_keys, unknown_key
from aurora_desktop.input.backends.protocol import CannotError
from aurora_desktop.input.backends.pyautogui_backend import OwnKeys
from aurora_desktop.input.backends.x11.clipboard import KeeperOffer
from aurora_desktop.input.backends.x11.spares import UNANSWERED_S, Spares
from aurora_desktop.input.messages import Cancel, Look, Setup
from aurora_desktop.input.worker.brake import RevokedError
from aurora_desktop.input.worker.line import MainLine
from aurora_desktop.input.worker.pictures import Pictures

from .worker_fakes import FakeDesktop

# --- names of keys ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("keys", "names"),
    [
        ("a", ("a",)),
        ("ctrl+shift+t", ("ctrl", "shift", "t")),
        ("+", ("+",)),
        ("ctrl++", ("ctrl", "+")),
        ("ctrl + c", ("ctrl", "c")),
        (" ", (" ",)),
    ],
)
def test_keys_are_split(keys: str, names: tuple[str, ...]) -> None:
    assert split_keys(keys) == names


@pytest.mark.parametrize("keys", ["ctrl+", "+a", "ctrl++c", "++", "ctrl+ctrl+c"])
def test_keys_that_make_no_sense(keys: str) -> None:
    with pytest.raises(CannotError):
        split_keys(keys)


def test_a_name_that_looks_like_another_is_offered() -> None:
    assert "escape" in str(unknown_key("ecsape", ["Escape", "Return"])).lower()
    assert "did you mean" not in str(unknown_key("qqqqqqqq", ["Escape"]))


def test_aliases_are_lower_case() -> None:
    assert all(name == name.lower() for name in ALIASES)


# --- characters -------------------------------------------------------------------------------------------------------


def test_line_ends_become_one() -> None:
    assert normal_text("a\r\nb\nc") == "a\nb\nc"


@pytest.mark.parametrize("character", ["\x00", "\x1b", "\r", "\x7f", "\x85", "\ud800", "\u2028", "\uffff"])
def test_no_key_writes_it(character: str) -> None:
    assert untypable(character)


@pytest.mark.parametrize("character", ["\n", "\t", "a", "é", "漢", "😀", "\u0301", "\u200d", "\ue000"])
def test_a_key_may_write_it(character: str) -> None:
    assert not untypable(character)


def test_characters_are_named_and_many_are_counted() -> None:
    assert naming("\x1bé") == "U+001B, U+00E9 LATIN SMALL LETTER E WITH ACUTE"
    assert naming(map(chr, range(0x4E00, 0x4E14))).endswith("and 12 more")


# --- spare keycodes ---------------------------------------------------------------------------------------------------


@given(st.lists(st.integers(1, 12), max_size=60), st.booleans(), st.integers(1, 5))
def test_a_keycode_is_lent_again_only_once_it_was_read(symbols: list[int], answers: bool, count: int) -> None:
    spares, now = Spares(range(count)), 100.0
    unread: dict[int, tuple[int, float]] = {}  # keycode to symbol and time of its last use
    for symbol in symbols:
        now += 0.01
        code = spares.holding(symbol)
        if code is None:
            if not spares.is_free(now, answers=answers):
                now += UNANSWERED_S
                if answers:
                    assert not spares.is_free(now, answers=True)
                    spares.read_up_to(spares.number)
                    unread.clear()
            assert spares.is_free(now, answers=answers)
            code = spares.lend(symbol)
            if code in unread:
                assert not answers
                assert now - unread[code][1] >= UNANSWERED_S
        spares.used(symbol, now)
        unread[code] = (symbol, now)
    assert len(set(spares.take_back())) <= count
    assert spares.take_back() == ()


def test_without_spare_keycodes_none_is_free() -> None:
    assert not Spares().is_free(0.0, answers=False)


# --- pyautogui's own map ----------------------------------------------------------------------------------------------


def test_on_windows_the_upper_byte_says_shift() -> None:
    keys = OwnKeys({"a": 65, "A": 65 + 256, "shift": 16, "€": 69 + 6 * 256, "7": 55, "/": 55 + 256, "nothing": None})
    assert [(key.code, key.name) for key in keys.stroke("A").modifiers] == [(16, "shift")]  # type: ignore[union-attr] # typed
    slash = keys.stroke("/")
    assert slash is not None
    assert (slash.key.name, [key.name for key in slash.modifiers]) == ("7", ["shift"])
    assert keys.stroke("€") is None  # with Ctrl and Alt: not by this backend
    assert keys.stroke("é") is None


# --- the line to main -------------------------------------------------------------------------------------------------


@pytest.fixture
def ends() -> Iterator[tuple[MainLine, socket.socket]]:
    ours, mains = socket.socketpair()
    with ours, mains:
        yield MainLine(ours), mains


def test_messages_come_in_pieces(ends: tuple[MainLine, socket.socket]) -> None:
    line, main = ends
    encoded = msgspec.json.encode(Look(1, ((2, 3),))) + b"\n"
    main.sendall(encoded[:7])
    line.wait(1.0)
    assert line.next() is None
    main.sendall(encoded[7:] + encoded)
    line.wait(1.0)
    assert [line.next(), line.next(), line.next()] == [Look(1, ((2, 3),)), Look(1, ((2, 3),)), None]


def test_a_cancellation_overtakes(ends: tuple[MainLine, socket.socket]) -> None:
    line, main = ends
    for message in (Setup("auto", 1.0, 1.0, True, ""), Cancel(4)):  # noqa: FBT003 - a field of the message
        main.sendall(msgspec.json.encode(message) + b"\n")
    line.wait(1.0)
    assert line.is_cancelled(4)
    line.forget_cancelled(4)
    assert not line.is_cancelled(4)


@pytest.mark.parametrize("sent", [b"nonsense\n", b'{"type":"nonsense"}\n', b"[]\n"])
def test_what_is_no_message_is_a_problem(ends: tuple[MainLine, socket.socket], sent: bytes) -> None:
    line, main = ends
    main.sendall(sent)
    line.wait(1.0)
    assert line.problem


def test_hanging_up_is_a_problem(ends: tuple[MainLine, socket.socket]) -> None:
    line, main = ends
    main.close()
    line.wait(1.0)
    assert line.problem == "main hung up"


# --- what must not hold up a stop, nor come from elsewhere ------------------------------------------------------------


def test_a_picture_that_takes_long_holds_up_no_stop() -> None:
    packed, may_end = threading.Event(), threading.Event()

    def revoked(_duration_s: float) -> None:
        raise RevokedError("stopped")

    def pack() -> None:
        if may_end.wait(1):
            packed.set()

    with pytest.raises(RevokedError):
        Pictures("", FakeDesktop(), revoked)._in_thread(pack)
    assert not packed.is_set()
    may_end.set()
    assert packed.wait(5)


def test_the_clipboards_keeper_takes_nothing_from_the_folder_that_it_is_started_in(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    commands: list[list[str]] = []

    def start(command: list[str], **_: Any) -> None:
        commands.append(command)
        raise FileNotFoundError("not here")

    monkeypatch.setattr(subprocess, "Popen", start)
    with pytest.raises(CannotError):
        KeeperOffer("text", ("CLIPBOARD",), 0, secret=False)
    assert "-P" in commands[0]
