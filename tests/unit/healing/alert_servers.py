"""Web and mail servers on 127.0.0.1 that take an alert well, or in one of the ways in which it goes wrong."""

import asyncio
import contextlib
import http.server
import json
import queue
import ssl
import threading
from collections.abc import Iterator
from typing import Any

from aiosmtpd.smtp import SMTP


class Hook(http.server.BaseHTTPRequestHandler):
    """Behaves as its path says: `/ok`, `/500`, `/hang`, `/trickle`, `/moved`, `/elsewhere`, `/found`."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        server: Any = self.server
        server.asked.set()
        what = self.path.split("?")[0]
        if what in ("/ok", "/arrived"):
            server.taken.put((what, json.loads(body)))
            self._answer(200)
        elif what in ("/hang", "/trickle"):
            self._keep_waiting(server.over, trickle=what == "/trickle")
        else:
            self._answer(*_ANSWERS[what])

    do_GET = do_POST  # noqa: N815  # as above

    def _answer(self, status: int, location: str = "") -> None:
        self.send_response(status)
        if location:
            self.send_header("Location", location)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _keep_waiting(self, over: threading.Event, *, trickle: bool) -> None:
        if trickle:
            self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
        with contextlib.suppress(OSError):
            while not over.wait(0.05):
                if trickle:
                    self.wfile.write(b"x")

    def log_message(self, *_: object) -> None:
        """Nothing: what it was asked is kept in `taken`."""


_ANSWERS = {
    "/500": (500,),
    "/moved": (307, "/arrived"),
    "/found": (302, "/arrived"),
    "/elsewhere": (307, "http://localhost:1/arrived"),
}


class HookServer(http.server.ThreadingHTTPServer):
    daemon_threads = False

    def __init__(self, context: ssl.SSLContext | None = None) -> None:
        super().__init__(("127.0.0.1", 0), Hook)
        self.taken: queue.Queue[tuple[str, Any]] = queue.Queue()
        self.over, self.asked = threading.Event(), threading.Event()
        if context:
            self.socket = context.wrap_socket(self.socket, server_side=True)

    @property
    def place(self) -> str:
        return f"127.0.0.1:{self.server_port}"

    def handle_error(self, *_: object) -> None:
        """A client that leaves early, as one whose time is over, is what is tested."""


@contextlib.contextmanager
def hook_server(context: ssl.SSLContext | None = None) -> Iterator[HookServer]:
    server = HookServer(context)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, name="hook")
    thread.start()
    try:
        yield server
    finally:
        server.over.set()
        server.shutdown()
        thread.join()
        server.server_close()


class Mailbox:
    """Takes mail to anybody but `nobody@...`."""

    def __init__(self) -> None:
        self.taken: queue.Queue[tuple[list[str], bytes]] = queue.Queue()

    async def handle_RCPT(self, _s: Any, _t: Any, envelope: Any, address: str, _o: Any) -> str:  # noqa: N802  # aiosmtpd's
        if address.startswith("nobody@"):
            return "550 there is no such mailbox"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _s: Any, _t: Any, envelope: Any) -> str:  # noqa: N802  # as above
        self.taken.put((list(envelope.rcpt_tos), envelope.content))
        return "250 taken"


@contextlib.contextmanager
def mail_server() -> Iterator[tuple[int, Mailbox]]:
    """Its port, and what it takes."""
    mailbox = Mailbox()
    loop = asyncio.new_event_loop()
    made = loop.create_server(lambda: SMTP(mailbox, loop=loop), "127.0.0.1", 0)
    server = loop.run_until_complete(made)
    thread = threading.Thread(target=loop.run_forever, name="mail")
    thread.start()
    try:
        yield server.sockets[0].getsockname()[1], mailbox
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        server.close()
        loop.run_until_complete(server.wait_closed())
        loop.close()
