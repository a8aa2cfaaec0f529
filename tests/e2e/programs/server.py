"""Answers every GET on 127.0.0.1, port `argv[1]`."""

import http.server
import sys


class Quiet(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:  # the base class names it
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Nothing: its log is not what is tested."""


http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Quiet).serve_forever()
