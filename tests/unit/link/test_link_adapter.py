"""What is peculiar to the server at hand: the ids, what it lists, and what it leaves out."""

import asyncio
from typing import Any

import pytest

from aurora_desktop.link.cloudbrain import CloudBrain, Identity, Message, Outgoing, Page
from aurora_desktop.link.failure import LinkError
from aurora_desktop.link.http import Answer

ROW = {"id": 17, "session_id": "5f0c7a4e-uuid", "session_identifier": "abcdef0", "status": "active"}


def server(answer: dict[str, Any], asked: list[tuple[str, str]] | None = None) -> CloudBrain:
    async def ask(method: str, path: str, token: str, body: object) -> Answer:
        if asked is not None:
            asked.append((method, path))
        return Answer(answer, None, 0.0)

    return CloudBrain(ask)


def test_a_session_is_looked_up_by_its_uuid_and_not_by_the_number_of_its_row() -> None:
    made = asyncio.run(server({"session": ROW}).create_session("t", "", {}))
    assert made == ("5f0c7a4e-uuid", "abcdef0")
    asked: list[tuple[str, str]] = []
    assert asyncio.run(server({"session": ROW}, asked).has_session("t", made.id))
    assert asked == [("GET", "/api/v1/session/5f0c7a4e-uuid")]


def test_a_session_of_a_server_without_uuids_is_looked_up_by_what_it_has() -> None:
    assert asyncio.run(server({"session": {"id": 17}}).create_session("t", "", {})) == ("17", "17")
    with pytest.raises(LinkError, match="no id"):
        asyncio.run(server({"session": {}}).create_session("t", "", {}))


@pytest.mark.parametrize("status", ["ended", "closed", "expired", "deleted"])
def test_a_session_that_was_ended_is_none(status: str) -> None:
    assert not asyncio.run(server({"session": ROW | {"status": status}}).has_session("t", "5f0c7a4e-uuid"))


def listed(**said: Any) -> Page:
    message = {"message_id": "m", "recipient_id": 9, "content": "hello", "message_type": "text"} | said
    return asyncio.run(server({"messages": [message], "total": 1}).sent("t", 0))


OURS = Outgoing("k1", "9", "", "hello", "text")


@pytest.mark.parametrize(
    ("said", "is_ours"),
    [
        ({}, True),
        ({"metadata": None}, True),
        ({"metadata": "no json"}, True),
        ({"recipient_id": "9"}, True),
        ({"recipient_id": 8}, False),
        ({"content": "hello!"}, False),
        ({"subject": "s"}, False),
        ({"message_type": "task"}, False),
        ({"metadata": {"aurora_key": "k1"}, "content": "as the server has changed it"}, True),
        ({"metadata": '{"aurora_key": "k1"}'}, True),
        ({"metadata": {"aurora_key": "k2"}}, False),
        ({"metadata": {}}, False),
    ],
)
def test_a_listed_message_is_ours_by_its_key_and_without_keys_by_its_words(said: dict[str, Any], is_ours: bool) -> None:
    (message,) = listed(**said).messages
    assert OURS.may_be(message) == is_ours


def test_a_recipient_is_compared_as_the_server_writes_it() -> None:
    (message,) = listed().messages
    assert Outgoing("k1", "09", "", "hello", "text").may_be(message)


@pytest.mark.parametrize("token", ["", "two words", "line\nbreak", "nul\0", "é"])
def test_a_token_that_cannot_be_sent_is_none(token: str) -> None:
    with pytest.raises(LinkError, match="characters that no token has"):
        asyncio.run(server({"token": token}).login(Identity("a", "A")))


def test_what_has_no_id_is_no_message_and_keeps_no_other_back() -> None:
    answer = {"messages": [{}, 5, {"id": 3, "content": ["no text"]}, {"message_id": "m", "content": "x"}]}
    found = asyncio.run(server(answer).inbox("t", 0)).messages
    assert [(m.id, m.kind) for m in found] == [("3", "unreadable"), ("m", "text")]
    assert isinstance(found[0], Message)
