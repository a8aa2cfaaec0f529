"""The command `link`: status, reconnect, send, inbox."""

import io
import json
from typing import Any

import pytest
from api.house import House
from msgspec.structs import replace

from aurora_desktop.core.errors import AuroraError
from aurora_desktop.link.view import LinkView, OutgoingView, QueueView

from .conftest import Aurora


def test_the_status_in_words(aurora: Aurora, house: House, capsys: Any) -> None:
    assert aurora("link", "status") == 0
    out = capsys.readouterr().out
    assert "online: connected" in out
    assert "as aurora, session a1b2c3d" in out
    assert "1 wait, 2 sent, 1 received" in out


def test_a_link_that_is_down_says_when_it_tries_again_and_what_is_lost(
    aurora: Aurora, house: House, capsys: Any
) -> None:
    dead = OutgoingView(
        key="k", recipient="9", subject="", status="dead", created_at=0, size=1, cause="it answered 404"
    )
    house.link.shown = replace(
        house.link.shown, state="backing_off", cause="it cannot be reached", hint="Look", attempt=3,
        next_attempt_at=1_700_000_000.0, warnings=("tokens in a file",), errors=((1_700_000_000.0, "it broke"),),
        outbox=QueueView(dead=(dead,), dead_count=5),
    )  # fmt: skip
    assert aurora("link", "status") == 1
    out = capsys.readouterr().out
    for said in (
        "backing off: it cannot be reached. Look",
        "after 3 that failed",
        "tokens in a file",
        "it broke",
        "404",
        "and 4 older ones",
    ):
        assert said in out


def test_a_link_that_is_off_is_no_failure(aurora: Aurora, house: House, capsys: Any) -> None:
    house.link.shown = LinkView()
    assert aurora("link", "status") == 0
    assert "off: the link is off in the settings (docs/link.md)" in capsys.readouterr().out
    assert aurora("link", "status", "--json") == 0


@pytest.mark.parametrize(
    ("given", "settled", "told"),
    [
        (("retry",), ("retry", ""), "in the queue again"),
        (("retry", "k1"), ("retry", "k1"), "in the queue again"),
        (("forget", "k1"), ("forget", "k1"), "forgotten; dead letters that are left: 0"),
    ],
)
def test_dead_letters_are_sent_again_or_forgotten(
    aurora: Aurora, house: House, capsys: Any, given: tuple[str, ...], settled: tuple[str, str], told: str
) -> None:
    assert aurora("link", *given) == 0
    assert told in capsys.readouterr().out
    assert aurora("link", *given, "--json") == 0
    assert json.loads(capsys.readouterr().out)["outbox"]["dead_count"] == 0
    assert house.link.settled == [settled, settled]


def test_a_message_is_sent(aurora: Aurora, house: House, capsys: Any) -> None:
    assert aurora("link", "send", "17", "hello", "there", "--subject", "s", "--key", "k", "--type", "task") == 0
    assert house.link.sent == [("17", "hello there", "s", "task", "k")]
    assert "k: kept, and sent as soon as the link is up" in capsys.readouterr().out


def test_a_message_is_read_from_standard_input(aurora: Aurora, house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("from\nstdin"))
    assert aurora("link", "send", "17", "-", "--json") == 0
    assert house.link.sent[0][1] == "from\nstdin"


def test_what_was_received_is_a_table(aurora: Aurora, house: House, capsys: Any) -> None:
    assert aurora("link", "inbox") == 0
    out = capsys.readouterr().out
    assert "task_1" in out
    assert "look at the logs" in out
    house.link.messages = ()
    assert aurora("link", "inbox") == 0
    assert "nothing was received yet" in capsys.readouterr().out
    assert aurora("link", "inbox", "--json") == 0
    assert json.loads(capsys.readouterr().out) == []


def test_a_new_attempt(aurora: Aurora, house: House, capsys: Any) -> None:
    assert aurora("link", "reconnect") == 0
    assert house.link.reconnects == 1
    assert aurora("link", "reconnect", "--json") == 0
    house.link.refuses = AuroraError("The link is off", "", "Turn it on")
    assert aurora("link", "reconnect") == 1
    assert "The link is off" in capsys.readouterr().err
