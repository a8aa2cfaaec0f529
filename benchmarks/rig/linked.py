"""The link against the stand-in of its server that the tests ship, behind the proxy that they ship."""

import asyncio
import random
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from rig.bench import Bench
from rig.figures import Figure

_TESTS = Path(__file__).resolve().parents[2] / "tests"
sys.path += [str(_TESTS), str(_TESTS / "unit")]

MESSAGES, FAULTS_DONE, PEERS = 10_000, 200, 4
OUTAGE_S = 600.0
HALF_OPENED = 20


def messages(bench: Bench) -> list[Figure]:
    """So many messages each way, over so many faults."""
    count = MESSAGES // 10 if bench.quick else MESSAGES
    title = f"{count:,} messages each way over {FAULTS_DONE} faults"
    wrong = bench.report.figure("link_messages", f"{title}: lost, twice, or out of order", "messages", "target: 0")
    again = bench.report.figure("link_sent_again", f"{title}: sent once more though they had arrived", "messages")
    took = bench.report.figure("link_messages_s", f"{title}: the time it took", "s")

    def measure() -> None:
        from unit.link.brain import Served

        folder = bench.folder / "messages"
        folder.mkdir()
        with Served() as served:
            begun = time.monotonic()
            told, copies = asyncio.run(_exchanged(folder, served, count))
            took.add("both ways", time.monotonic() - begun)
        for who, number in told.items():
            wrong.add(who, number)
        again.add("by the link", copies)

    bench.report.measure([wrong, again, took], "both ways", measure)
    return [wrong, again, took]


async def _exchanged(folder: Path, served, count: int) -> tuple[dict[str, int], int]:  # type: ignore[no-untyped-def]  # of the tests
    """What is not as it should be; and how many messages the link itself sent again though they had arrived.

    The latter is not 0 where a request was held up until after the link had looked for it: see docs/link.md.
    """
    from unit.link.proxy import FAULTS, Proxy
    from unit.link.rig import Rig

    brain, chance = served.brain, random.Random(7)
    us, peers = brain.profile("aurora"), [brain.profile(f"peer {n}") for n in range(PEERS)]
    fault_at = set(chance.sample(range(count), FAULTS_DONE))
    expected: dict[int, list[str]] = {peer: [] for peer in peers}
    incoming: list[str] = []
    async with Proxy(served.port, served.live_port) as proxy:
        given = served.settings(reconnect_max_s=1, poll_s=0.05) | {
            "url": f"http://127.0.0.1:{proxy.port}", "websocket_url": f"ws://127.0.0.1:{proxy.live_port}",
        }  # fmt: skip
        async with Rig(folder, given, timeout_s=0.5).running() as rig:
            outbox = rig.link.exchange.outbox
            for number in range(count):
                if number in fault_at:
                    proxy.faults.append(FAULTS[number % len(FAULTS)])
                peer = chance.choice(peers)
                expected[peer].append(f"out {number}")
                incoming.append(f"in {number}")
                brain.post(peer, recipient_id=us, content=incoming[-1])
                await rig.send(peer, expected[peer][-1], key=f"key {number}")
                while len(outbox) > 20:  # noqa: ASYNC110 - it has no event for that
                    await asyncio.sleep(0.01)
            while len(outbox) or proxy.faults or len(_received(rig)) < count:  # noqa: ASYNC110 - as above
                await asyncio.sleep(0.05)
            received = _received(rig)
    sent = [_wrong(_read(brain, peer), expected[peer]) for peer in peers]
    copies = sum(message["sender_id"] == us for message in brain.messages) - count - proxy.sent_twice
    return {"to the server": sum(sent), "from the server": _wrong(received, incoming)}, copies


def _received(rig) -> list[str]:  # type: ignore[no-untyped-def]  # of the tests
    from aurora_desktop.core.link_events import LinkMessageReceived

    return [event.summary for event in rig.told.of(LinkMessageReceived)]


def _read(brain, peer: int) -> list[str]:  # type: ignore[no-untyped-def]  # of the tests
    """As a recipient reads that knows the idempotency keys: the server itself takes anything twice."""
    read: dict[str, str] = {}
    for message in brain.messages:
        if message["recipient_id"] == peer:
            read.setdefault(message["metadata"]["aurora_key"], message["content"])
    return list(read.values())


def _wrong(found: Sequence[str], expected: Sequence[str]) -> int:
    """How many are not where they belong."""
    pairs = zip(found, expected, strict=False)
    return sum(one != other for one, other in pairs) + abs(len(found) - len(expected))


def outages(bench: Bench) -> list[Figure]:
    """In virtual time: the real connection, on a loop whose clock jumps."""
    title = f"server back after {OUTAGE_S:.0f} s: time until online"
    figure = bench.report.figure("link_outage", title, "s", "target: p50 at most 5, max 15")
    runs = 50 if bench.quick else 500

    def measure(hangs: bool) -> None:
        from unit.link.outage import back_after
        from unit.link.rig import open_database

        folder = bench.folder / f"outage-{hangs}"
        folder.mkdir()
        database = open_database(folder)
        samples = [back_after(seed, database, OUTAGE_S, hangs=hangs) for seed in range(runs)]
        database.close()
        figure.add(_WHO[hangs], *samples)

    for hangs in (False, True):
        bench.report.measure([figure], _WHO[hangs], lambda hangs=hangs: measure(hangs))
    return [figure]


_WHO = {False: "connections were refused", True: "connections hung for 5 s"}


def half_open(bench: Bench) -> list[Figure]:
    """The server's side of the WebSocket falls silent without a word."""
    figure = bench.report.figure("link_half_open", "half-open connection noticed after", "s", "target: under 8")

    def measure() -> None:
        from unit.link.brain import Served

        with Served() as served:
            figure.add("bytes go nowhere", *asyncio.run(_half_opened(bench.folder, served)))

    bench.report.measure([figure], "bytes go nowhere", measure)
    return [figure]


async def _half_opened(folder: Path, served) -> list[float]:  # type: ignore[no-untyped-def]  # of the tests
    from unit.link.proxy import Proxy
    from unit.link.rig import Rig

    async def one(number: int) -> float:
        place = folder / f"half-{number}"
        place.mkdir()
        async with Proxy(served.port, served.live_port) as proxy:
            live = {"websocket_url": f"ws://127.0.0.1:{proxy.live_port}", "ai_name": f"half {number}"}
            async with Rig(place, served.settings(poll_s=1) | live).running() as rig:
                await rig.until_state("online")
                await asyncio.sleep(0.3 * number)
                begun = time.monotonic()
                proxy.half_open_live()
                await rig.until_state("degraded", "backing_off")
                return time.monotonic() - begun

    return list(await asyncio.gather(*(one(number) for number in range(HALF_OPENED))))


def tokens(bench: Bench) -> list[Figure]:
    """In virtual time, with sleep, restarts, outages, clocks that are set, and a server whose clock is wrong."""
    expired = bench.report.figure("link_expired", "a year: requests with an expired token", "requests", "target: 0")
    together = bench.report.figure(
        "link_refreshes", "a year: most exchanges at the same moment", "exchanges", "target: 1"
    )
    asked = bench.report.figure("link_requests", "a year: requests", "requests")

    def measure() -> None:
        from unit.link.year import live

        for seed in range(2 if bench.quick else 10):
            passed = asyncio.run(live(365, seed))
            expired.add("a year", passed.expired)
            together.add("a year", passed.most_at_once)
            asked.add("a year", passed.requests)

    bench.report.measure([expired, together, asked], "a year", measure)
    return [expired, together, asked]
