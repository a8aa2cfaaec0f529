"""Alerts of the real program, to a real webhook on 127.0.0.1."""

import http.server
import json
import subprocess
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from .aurora import Aurora
from .services import Definition, calm, shell
from .waiting import eventually

NO_KEYRING = "keyring.backends.fail.Keyring"


class Hook(http.server.ThreadingHTTPServer):
    """Takes what is posted to it; `status` is how it answers."""

    daemon_threads = False

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Taker)
        self.taken: list[dict[str, Any]] = []
        self.status = 200

    @property
    def url(self) -> str:
        return f"json://operator:hunter22@127.0.0.1:{self.server_port}/hook"


class _Taker(http.server.BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        hook: Any = self.server
        hook.taken.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self.send_response(hook.status)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Nothing: `taken` tells."""


@pytest.fixture
def hook() -> Iterator[Hook]:
    server = Hook()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def hopeless() -> Definition:
    """Ends at once, again and again, beyond its budget."""
    return {
        "command": shell("exit 3"),
        "restart": "always",
        "restart_sec": 0.05,
        "restart_max_delay_sec": 0.1,
        "start_limit_burst": 2,
        "start_limit_interval_sec": 60,
    }


def keep_secret(aurora: Aurora, name: str, url: str) -> "subprocess.CompletedProcess[str]":
    """`aurora alerts set-secret`, with the address on standard input."""
    argv = aurora.argv("alerts", "set-secret", name)
    return subprocess.run(
        argv, env=aurora.environment, input=url + "\n", capture_output=True, text=True, timeout=60, check=False
    )


def test_a_degraded_service_is_one_alert_and_not_ten(make_aurora: Callable[..., Aurora], hook: Hook) -> None:
    aurora = make_aurora(PYTHON_KEYRING_BACKEND=NO_KEYRING)
    kept = keep_secret(aurora, "hook", hook.url)
    assert (kept.returncode, "lies in a file" in kept.stderr) == (0, True)
    aurora.configure({"web": hopeless()}, alerts={"channels": {"hook": {"secret": "hook"}}, "error_threshold": 5})
    aurora.start()
    sent = aurora.until_event("alert_sent", timeout_s=40.0)
    assert (sent["channel"], sent["kind"], sent["component"]) == ("hook", "escalation", "service:web")
    failures = len(aurora.events("service_failed"))
    eventually(lambda: len(aurora.events("service_failed")) >= failures + 10, "it fails on")
    assert [alert["title"] for alert in hook.taken] == ["web keeps failing"]
    exposed = aurora.until_event("address_exposed")
    assert "plain file" in exposed["cause"]
    written = "".join(path.read_text(errors="replace") for path in aurora.paths.logs.rglob("*.log"))
    assert "hunter22" not in written + aurora.output + json.dumps(aurora.events())


def test_a_channel_is_tested_listed_and_snoozed_by_the_command(aurora: Aurora, hook: Hook) -> None:
    aurora.configure({"db": calm()}, alerts={"channels": {"hook": {"url": hook.url}}})
    aurora.start()
    tested = aurora.command("alerts", "test", "hook")
    assert (tested.returncode, "it was taken" in tested.stdout) == (0, True)
    hook.status = 500
    assert "it answered 500" in aurora.command("alerts", "test").stdout
    listed = aurora.command("alerts", "list").stdout
    assert f"json://127.0.0.1:{hook.server_port} " in listed
    assert "holds a password or token in plain settings" in listed
    assert "hunter22" not in listed
    assert aurora.command("alerts", "snooze", "--for", "1h", "db").returncode == 0
    aurora.quit()
    aurora.start()
    assert "service:db: silent until" in aurora.command("alerts", "list").stdout
