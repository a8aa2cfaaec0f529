"""The link behind a proxy that does what networks do: nothing lost, nothing twice, in order."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from ssl import PROTOCOL_TLS_SERVER, SSLContext

import pytest
import trustme

from aurora_desktop.core.link_events import LinkMessageReceived
from aurora_desktop.link.cloudbrain import KEY

from .brain import Brain, Served
from .proxy import FAULTS, Proxy
from .rig import Rig


@pytest.fixture
def served() -> Iterator[Served]:
    with Served() as server:
        yield server


def arrived(brain: Brain, recipient: int) -> list[str]:
    """What the peer reads: an idempotency key that it knows is not read again."""
    mine = [m for m in brain.messages if m["recipient_id"] == recipient]
    return [m["content"] for m in {m["metadata"][KEY]: m for m in reversed(mine)}.values()][::-1]


def test_every_fault_is_survived(tmp_path: Path, served: Served) -> None:
    brain = served.brain
    peer, us = brain.profile("peer"), brain.profile("aurora")
    outgoing, incoming = [f"out {n}" for n in range(60)], [f"in {n}" for n in range(60)]

    async def live() -> None:
        async with Proxy(served.port, served.live_port) as proxy:
            given = served.settings(reconnect_max_s=1, poll_s=0.05)
            given |= {
                "url": f"http://127.0.0.1:{proxy.port}", "websocket_url": f"ws://127.0.0.1:{proxy.live_port}",
                "outbox": {"max_messages": 100},
            }  # fmt: skip
            async with Rig(tmp_path, given, timeout_s=0.3).running() as rig:
                await rig.until_state("online")
                for number, content in enumerate(outgoing):
                    if number % 4 == 0:
                        proxy.faults.append(FAULTS[number // 4 % len(FAULTS)])
                    await rig.send(peer, content, key=f"key {number}")
                    brain.post(peer, recipient_id=us, content=incoming[number])
                    await rig.until(lambda: not proxy.faults)
                await rig.until(lambda: not len(rig.link.exchange.outbox))
                await rig.until(lambda: len(rig.told.of(LinkMessageReceived)) >= len(incoming))
                assert [event.summary for event in rig.told.of(LinkMessageReceived)] == incoming
            assert set(proxy.done) == set(FAULTS)

    asyncio.run(live())
    assert arrived(brain, peer) == outgoing


def tls(authority: trustme.CA, name: str = "127.0.0.1") -> SSLContext:
    context = SSLContext(PROTOCOL_TLS_SERVER)
    authority.issue_cert(name).configure_cert(context)
    return context


def test_a_certificate_that_is_trusted_is_enough(tmp_path: Path) -> None:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")

    async def live(served: Served) -> None:
        async with Rig(tmp_path, served.settings(ca_file=str(tmp_path / "ca.pem"))).running() as rig:
            await rig.until_state("online")

    with Served(tls=tls(authority)) as served:
        asyncio.run(live(served))


@pytest.mark.parametrize("name", ["127.0.0.1", "elsewhere.example"])
def test_a_wrong_certificate_is_refused_before_anything_is_said(tmp_path: Path, name: str) -> None:
    authority = trustme.CA()
    trusted = authority if name != "127.0.0.1" else trustme.CA()
    trusted.cert_pem.write_to_path(tmp_path / "ca.pem")

    async def live(served: Served) -> None:
        async with Rig(tmp_path, served.settings(ca_file=str(tmp_path / "ca.pem"))).running() as rig:
            await rig.until_state("refused")
            view = rig.link.view()
            assert "certificate is not right" in view.cause
            assert "link.ca_file" in view.hint

    with Served(tls=tls(authority, name)) as served:
        asyncio.run(live(served))
        assert served.brain.asked == []


def test_a_wrong_certificate_of_the_websocket_alone_is_told_and_gets_no_token(tmp_path: Path) -> None:
    authority, stranger = trustme.CA(), trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")

    async def live(served: Served, other: Served) -> None:
        given = served.settings(ca_file=str(tmp_path / "ca.pem"), websocket_url=f"wss://127.0.0.1:{other.live_port}")
        async with Rig(tmp_path, given).running() as rig:
            await rig.until_state("degraded")
            view = rig.link.view()
            assert "no live connection: its certificate is not right" in view.cause
            assert "link.ca_file" in view.hint

    with Served(tls=tls(authority)) as served, Served(tls=tls(stranger)) as other:
        asyncio.run(live(served, other))
        assert other.brain.greeted == 0


@pytest.mark.parametrize("text", [None, "no certificate"])
def test_a_file_of_certificates_that_is_none_is_told(tmp_path: Path, served: Served, text: str | None) -> None:
    if text is not None:
        (tmp_path / "ca.pem").write_text(text)
    given = served.settings(ca_file=str(tmp_path / "ca.pem"))
    given["url"] = given["url"].replace("http:", "https:")

    async def live() -> None:
        async with Rig(tmp_path, given).running() as rig:
            await rig.until_state("refused")
            assert "`link.ca_file` cannot be used" in rig.link.view().cause

    asyncio.run(live())


def test_tls_where_the_websocket_speaks_none_is_told(tmp_path: Path, served: Served) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1000)
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        writer.close()

    async def live() -> None:
        other = await asyncio.start_server(answer, "127.0.0.1", 0)
        given = served.settings(websocket_url=f"wss://127.0.0.1:{other.sockets[0].getsockname()[1]}")
        async with other, Rig(tmp_path, given).running() as rig:
            await rig.until_state("degraded")
            assert "its WebSocket does not speak TLS" in rig.link.view().cause

    asyncio.run(live())


def test_tls_where_there_is_none_is_told(tmp_path: Path, served: Served) -> None:
    given = served.settings()
    given["url"] = given["url"].replace("http:", "https:")
    served.brain.raw = b"HTTP/1.1 400 Bad Request\r\n\r\n"

    async def live() -> None:
        async with Rig(tmp_path, given).running() as rig:
            await rig.until_state("backing_off")
            assert "TLS" in rig.link.view().cause

    asyncio.run(live())
