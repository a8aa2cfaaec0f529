"""JSON-RPC 2.0 over lines: what is asked is answered once, and no line raises."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aurora_desktop.tasks.adapters.jsonrpc import Answer, Call, Malformed, Notice, Peer, RpcError

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


def test_a_request_is_one_line_with_a_number_of_its_own() -> None:
    peer = Peer()

    lines = [peer.request("first", {"words": "a\nb"}), peer.request("second", {})]

    assert [line.count(b"\n") for line in lines] == [1, 1]
    assert [json.loads(line) for line in lines] == [
        {"jsonrpc": "2.0", "id": 1, "method": "first", "params": {"words": "a\nb"}},
        {"jsonrpc": "2.0", "id": 2, "method": "second", "params": {}},
    ]


def test_an_answer_is_told_with_what_was_asked_and_once() -> None:
    peer = Peer()
    peer.request("first", {})
    peer.request("second", {})
    failed = b'{"id":2,"error":{"code":-1,"message":"no","data":{"why":"so"}}}'

    assert peer.receive(b'{"jsonrpc":"2.0","id":1,"result":{"a":1}}') == Answer("first", {"a": 1})
    assert peer.receive(failed) == Answer("second", None, RpcError(-1, "no", {"why": "so"}))
    assert peer.receive(failed) == Malformed("it answers nothing that was asked")


@pytest.mark.parametrize("call_id", [0, "a", None])
def test_a_call_of_the_peer_has_an_id_and_a_notice_none(call_id: int | str | None) -> None:
    peer = Peer(states_version=False)
    line = json.dumps({"id": call_id, "method": "ask", "params": {"x": 1}}).encode()

    assert peer.receive(line) == Call(call_id, "ask", {"x": 1})
    assert peer.receive(b'{"method":"tell"}') == Notice("tell", None)
    assert json.loads(peer.answer(call_id, {"yes": True})) == {"id": call_id, "result": {"yes": True}}


def test_an_unknown_call_is_refused_so_that_nobody_waits_for_ever() -> None:
    peer = Peer()

    refusal = json.loads(peer.refuse(Call(7, "dance")))

    assert refusal["error"] == {"code": -32601, "message": "`dance` is not supported"}


def test_a_notice_may_have_no_parameters() -> None:
    assert json.loads(Peer(states_version=False).notice("initialized")) == {"method": "initialized"}


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"plain words",
        b"[]",
        b"{}",
        b'{"id":1}',
        b'{"method":"a"',
        b'{"method":"\xff"}',
        b'{"method":"a","params":"\xff"}',
        b'{"method":"a","params":"\\ud800"}',
        b'{"method":"a","params":1e999}',
        b'{"id":1.5,"method":"a"}',
        b'{"method":"a","params":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    ],
)
def test_what_is_no_message_is_malformed(line: bytes) -> None:
    assert isinstance(Peer().receive(line), Malformed)


@given(st.binary(max_size=300))
def test_no_bytes_raise(line: bytes) -> None:
    assert isinstance(Peer().receive(line), Call | Notice | Malformed)


@settings(max_examples=30)
@given(JSON, JSON, JSON)
def test_no_message_raises_and_every_call_can_be_refused(call_id: object, method: object, params: object) -> None:
    peer = Peer()
    heard = peer.receive(json.dumps({"id": call_id, "method": method, "params": params}).encode())

    if isinstance(heard, Call):
        assert json.loads(peer.refuse(heard))["id"] == call_id
