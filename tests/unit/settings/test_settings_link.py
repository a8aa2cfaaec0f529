"""The options of the link: addresses that would lead a token astray are refused with what to write instead."""

from typing import Any
from urllib.parse import urlsplit

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.uri import parse_uri

from aurora_desktop.core.settings.schema_link import LinkSettings

GOOD = {"enabled": True, "url": "https://brain.example:8767", "ai_name": "aurora"}


def read(**more: Any) -> LinkSettings:
    return msgspec.convert({**GOOD, **more}, LinkSettings)


@pytest.mark.parametrize(
    ("url", "live_url"),
    [
        ("https://brain.example:8767", "wss://brain.example:8768"),
        ("https://brain.example", "wss://brain.example:444"),
        ("http://127.0.0.1:8767/", "ws://127.0.0.1:8768"),
        ("http://[::1]:80", "ws://[::1]:81"),
        ("https://my_brain.example.:8767", "wss://my_brain.example.:8768"),
        ("https://xn--bcher-kva.example", "wss://xn--bcher-kva.example:444"),
    ],
)
def test_the_websocket_is_on_the_port_after(url: str, live_url: str) -> None:
    assert read(url=url).live_url == live_url
    assert read(url=url, websocket_url="wss://other.example:1/").live_url == "wss://other.example:1"


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ({"url": None}, "needs `url`"),
        ({"ai_name": None}, "needs `ai_name`"),
        ({"url": "brain.example"}, "is no address"),
        ({"url": "ftp://brain.example"}, "is no address"),
        ({"url": "https://brain.example:0"}, "is no address"),
        ({"url": "https://brain.example:x"}, "is no address"),
        ({"url": "https://brain.example:65536"}, "is no address"),
        ({"url": "https://brain.example:65535"}, "set `websocket_url`"),
        ({"url": "https://brain..example"}, "is no address"),
        ({"url": "https://.example"}, "is no address"),
        ({"url": "https://-brain.example"}, "is no address"),
        ({"url": "https://bra in.example"}, "is no address"),
        ({"url": "https://brain.example\n"}, "is no address"),
        ({"url": "https://*.example"}, "is no address"),
        ({"url": "https://b\u00fccher.example"}, "in ASCII"),
        ({"url": f"https://{'a' * 64}.example"}, "is no address"),
        ({"url": "https://[::g]"}, "is no address"),
        ({"url": "https://[::1"}, "is no address"),
        ({"url": "https://"}, "is no address"),
        ({"websocket_url": "wss://brain..example"}, "is no address"),
        ({"url": "https://me:hunter22@brain.example"}, "no password"),
        ({"url": "https://brain.example/api"}, "no password, path"),
        ({"url": "https://brain.example?token=hunter22"}, "no password"),
        ({"url": "http://brain.example:8767"}, "allow_plaintext"),
        ({"websocket_url": "https://brain.example"}, "is no address"),
        ({"websocket_url": "ws://brain.example"}, "use `wss://`"),
    ],
)
def test_an_address_that_cannot_be_is_refused_in_words(asked: dict[str, Any], told: str) -> None:
    with pytest.raises(msgspec.ValidationError, match=told) as refused:
        read(**asked)
    assert "hunter22" not in str(refused.value)


@given(st.text(alphabet="ab1.-_:[]%/ @?#\u00e9\n*", max_size=20))
def test_whatever_is_taken_can_be_dialled(host: str) -> None:
    try:
        settings = read(url=f"https://{host}")
    except msgspec.ValidationError:
        return
    for address in (settings.url or "", settings.live_url):
        parts = urlsplit(address)
        assert parts.hostname
        assert parts.hostname.encode("idna")
        assert parts.port is None or 0 < parts.port < 65_536
    parse_uri(settings.live_url)


def test_plaintext_is_taken_where_it_was_asked_for() -> None:
    assert read(url="http://brain.example:8767", allow_plaintext=True).live_url == "ws://brain.example:8768"


def test_it_is_off_by_default_and_needs_nothing_then() -> None:
    assert not LinkSettings().enabled
