"""Many at the door of the real program: wrong tokens, silent connections; and how long the right ones wait."""

import http.client
import json
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

from rig.bench import HEADLESS, Bench
from rig.figures import Figure

WRONG_TOKENS = 10_000
SILENT = 1000
OPEN_WITHIN_S = 30.0


class Door:
    """The running program, by its port and its token to read."""

    def __init__(self, port: int, token: str) -> None:
        self._port = port
        self.token = token

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self._port), timeout=30)

    def ask(self, token: str, method: str = "GET", path: str = "/v1/control") -> tuple[int, float]:
        """Status, and milliseconds with the connection."""
        began = time.perf_counter()
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=30)
        try:
            connection.request(method, path, headers={"Authorization": f"Bearer {token}"})
            response = connection.getresponse()
            response.read()
            return response.status, (time.perf_counter() - began) * 1000
        finally:
            connection.close()


def wrong_tokens(bench: Bench) -> list[Figure]:
    """10,000 wrong tokens, one after the other; then the right one. Raises AssertionError if one enters."""
    wrong = bench.report.figure("wrong_token", f"{WRONG_TOKENS:,} wrong tokens: each", "ms", "none may enter")
    right = bench.report.figure("right_token", "the right token after them", "ms")
    bench.report.measure([wrong, right], "Aurora", partial(_wrong_tokens, bench, wrong, right))
    return [wrong, right]


def _wrong_tokens(bench: Bench, wrong: Figure, right: Figure) -> None:
    with _door(bench) as door:
        for number in range(WRONG_TOKENS):
            status, took_ms = door.ask(f"{number:043d}")
            assert status in (401, 429), f"a wrong token was answered {status}"
            wrong.add("Aurora", took_ms)
        right.add("Aurora", *(_entered(door, "GET", "/v1/control") for _ in range(bench.runs)))


def silent_crowd(bench: Bench) -> list[Figure]:
    """1,000 connections that say nothing, while somebody takes mouse and keyboard back."""
    figure = bench.report.figure("crowd", f"an answer beside {SILENT:,} silent connections", "ms")
    bench.report.measure([figure], "Aurora", partial(_silent_crowd, bench, figure))
    return [figure]


def _silent_crowd(bench: Bench, figure: Figure) -> None:
    with _door(bench) as door:
        crowd = [door.connect() for _ in range(SILENT)]
        try:
            figure.add("Aurora", *(_entered(door, "POST", "/v1/estop") for _ in range(bench.runs)))
        finally:
            for connection in crowd:
                connection.close()


def _entered(door: Door, method: str, path: str) -> float:
    status, took_ms = door.ask(door.token, method, path)
    assert status == 200, f"{method} {path} was answered {status}"
    return took_ms


@contextmanager
def _door(bench: Bench) -> Iterator[Door]:
    state = bench.nursery.folder / "state" / "state"
    with bench.contending(HEADLESS, bench.services(3)):
        end = time.monotonic() + OPEN_WITHIN_S
        while not (state / "api.json").exists():
            if time.monotonic() > end:
                raise TimeoutError("the door did not open")
            time.sleep(0.01)
        token = (state / "tokens" / "read").read_text(encoding="ascii").strip()
        yield Door(int(json.loads((state / "api.json").read_bytes())["port"]), token)
