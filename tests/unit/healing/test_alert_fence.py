"""What the process that sends may not do, and how it says what it saw; the parts, without the process."""

import logging
import os
import ssl
from pathlib import Path
from typing import Any

import keyring
import pytest
import requests
from keyring.backend import KeyringBackend
from keyring.backends import fail
from keyring.errors import KeyringLocked

from aurora_desktop.healing.alerts import apprising, deliver
from aurora_desktop.healing.alerts.fence import Fence
from aurora_desktop.healing.alerts.messages import Look, Looked, Send, Sent


@pytest.mark.parametrize(
    ("event", "arguments", "words"),
    [
        ("subprocess.Popen", ("sh", ["sh"], None, None), "run programs"),
        ("os.system", ("id",), "run programs"),
        ("os.posix_spawn", ("/bin/sh", [], {}), "run programs"),
        ("os.remove", ("/tmp/x", -1), "change files"),
        ("open", ("/etc/passwd", "r", os.O_RDONLY), "read files"),
        ("open", (b"/etc/shadow", None, os.O_RDONLY), "read files"),
        ("open", (str(Path.home() / ".netrc"), "r", os.O_RDONLY), "read files"),
        ("open", (os.__file__, "w", os.O_WRONLY | os.O_CREAT), "write files"),
        ("open", (os.path.dirname(os.__file__) + "/../../../../../etc/passwd", "r", os.O_RDONLY), "read files"),
    ],
)
def test_what_touches_this_machine_is_refused(event: str, arguments: tuple[Any, ...], words: str) -> None:
    fence = Fence()
    with pytest.raises(PermissionError):
        fence._judge(event, arguments)
    assert words in fence.refused[0]


@pytest.mark.parametrize(
    ("event", "arguments"),
    [
        ("open", (os.__file__, "r", os.O_RDONLY)),
        ("open", (requests.__file__, "rb", os.O_RDONLY)),
        ("open", (requests.certs.where(), "r", os.O_RDONLY)),
        ("open", (os.devnull, "w", os.O_WRONLY)),
        ("open", (3, "r", os.O_RDONLY)),
        ("socket.connect", (None, ("127.0.0.1", 80))),
    ],
)
def test_what_sending_needs_is_not(event: str, arguments: tuple[Any, ...]) -> None:
    fence = Fence()
    fence._judge(event, arguments)
    assert fence.refused == []


@pytest.mark.parametrize(
    ("error", "words", "final"),
    [
        (requests.exceptions.SSLError(ssl.SSLError("certificate verify failed")), "certificate verify failed", True),
        (requests.exceptions.ReadTimeout(), "did not answer within 20 s", False),
        (requests.exceptions.ConnectionError("NameResolutionError(no such host)"), "no host of this name", False),
        (requests.exceptions.ConnectionError("[Errno 111] Connection refused"), "nothing listens there", False),
        (requests.exceptions.InvalidURL("x"), "the address is not right", True),
        (requests.exceptions.ConnectionError("ProtocolError('Connection aborted.')"), "Connection aborted.", False),
    ],
)
def test_an_error_of_the_network_is_said_in_words(error: Exception, words: str, final: bool) -> None:
    said, is_final = apprising._words_of(error, 20.0)
    assert words in said
    assert is_final is final


@pytest.mark.parametrize(
    ("status", "words", "final"),
    [
        (200, "", False),
        (204, "", False),
        (404, "nothing at this address", True),
        (429, "too many", False),
        (503, "503", False),
    ],
)
def test_an_answer_is_said_in_words(status: int, words: str, final: bool) -> None:
    witness = apprising._Witness(20.0)
    witness.answered(status)
    assert words in witness.seen
    assert witness.final is final


def test_what_the_library_said_counts_more_than_that_it_failed() -> None:
    witness = apprising._Witness(20.0)
    for level, text in (
        (logging.WARNING, "it failed"),
        (logging.DEBUG, "Socket Exception: broken pipe"),
        (logging.DEBUG, "x"),
    ):
        witness.emit(logging.LogRecord("apprise", level, "", 0, text, (), None))
    assert witness.said == "broken pipe"


# --- whose address it is ----------------------------------------------------------------------------------------------


class Locked(KeyringBackend):
    priority = 1

    def get_password(self, service: str, username: str) -> str | None:
        raise KeyringLocked("not unlocked")

    def set_password(self, service: str, username: str, password: str) -> None:
        raise KeyringLocked("not unlocked")


def send_by_secret(folder: Path, backend: KeyringBackend) -> Sent:
    before = keyring.get_keyring()
    keyring.set_keyring(backend)
    try:
        return deliver._send(
            Send(title="t", body="b", severity="info", timeout_s=1.0, secrets_folder=str(folder), secret="mine")
        )
    finally:
        keyring.set_keyring(before)


def test_a_secret_that_is_not_there_is_not_looked_for_again(tmp_path: Path) -> None:
    sent = send_by_secret(tmp_path, fail.Keyring())
    assert (sent.ok, sent.final) == (False, True)
    assert "`aurora alerts set-secret mine`" in sent.cause


def test_a_keyring_that_is_locked_may_be_unlocked_later(tmp_path: Path) -> None:
    sent = send_by_secret(tmp_path, Locked())
    assert (sent.ok, sent.final) == (False, False)
    assert "not unlocked" in sent.cause


def test_a_secret_that_is_no_address_is_not_shown(tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("hunter22-hunter22")
    (tmp_path / "mine").chmod(0o600)
    sent = send_by_secret(tmp_path, fail.Keyring())
    assert (sent.ok, sent.place) == (False, "file")
    assert "hunter22" not in sent.cause


def test_the_places_of_secrets_are_found(tmp_path: Path) -> None:
    for name, mode in (("good", 0o600), ("open", 0o644)):
        (tmp_path / name).write_text("json://host")
        (tmp_path / name).chmod(mode)
    before = keyring.get_keyring()
    keyring.set_keyring(fail.Keyring())
    try:
        found = deliver._look(Look(secrets=("good", "open", "gone"), secrets_folder=str(tmp_path)))
    finally:
        keyring.set_keyring(before)
    assert isinstance(found, Looked)
    assert found.places == {"good": "file", "open": "unknown", "gone": "missing"}
    assert "others may read or write it" in found.wrong["open"]
