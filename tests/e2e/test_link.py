"""The link of the real program, against the stand-in of its server."""

import contextlib
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import zstandard
from unit.link.brain import Served

from .aurora import Aurora
from .services import calm
from .waiting import eventually

NO_KEYRING = "keyring.backends.fail.Keyring"


@pytest.fixture
def served() -> Iterator[Served]:
    with Served() as server:
        yield server


def configured(aurora: Aurora, served: Served, **more: Any) -> None:
    agent = {"kind": "command", "command": ["sh", "-c", "echo did: $1", "agent"], "cwd": str(aurora.folder)}
    link = served.settings(inbound={"allowed_senders": ["1"], "agent": "echo", "permissions": "read-only"}, **more)
    aurora.configure({"db": calm()}, tasks={"agents": {"echo": agent}}, link=link)


def link_of(aurora: Aurora) -> dict[str, Any]:
    return dict(aurora.client.get("/v1/link"))


def until_online(aurora: Aurora) -> dict[str, Any]:
    def online() -> dict[str, Any]:
        view = link_of(aurora)
        assert view["state"] == "online", view
        return view

    return eventually(online, "the link is online")


def test_messages_both_ways_over_a_crash_and_no_token_anywhere(
    make_aurora: Callable[..., Aurora], served: Served
) -> None:
    brain = served.brain
    peer, us = brain.profile("peer"), brain.profile("aurora")
    aurora = make_aurora(PYTHON_KEYRING_BACKEND=NO_KEYRING)
    configured(aurora, served)
    aurora.start()
    session = until_online(aurora)["session"]
    sent = aurora.command("link", "send", str(peer), "hello", "--key", "k1")
    assert (sent.returncode, "k1: kept" in sent.stdout) == (0, True)
    eventually(lambda: [m["content"] for m in brain.messages] == ["hello"], "it arrived")
    brain.post(peer, recipient_id=us, content="make it so", message_type="task")
    received = aurora.until_event("link_message_received")
    assert received["task_id"].startswith("task_")
    finished = aurora.until_event("task_finished")
    assert (finished["task_id"], finished["status"]) == (received["task_id"], "completed")
    served.close_door()
    eventually(lambda: link_of(aurora)["state"] == "backing_off", "the outage is noticed")
    assert aurora.command("link", "send", str(peer), "in the dark").returncode == 0
    aurora.crash()
    served.open_door()
    aurora.start()
    assert until_online(aurora)["session"] == session
    eventually(lambda: [m["content"] for m in brain.messages if m["sender_id"] == us] == ["hello", "in the dark"])
    assert len(aurora.events("link_message_received")) == 1
    assert "make it so" in aurora.command("link", "inbox").stdout
    _no_token_is_shown(aurora, brain.granted)


def _no_token_is_shown(aurora: Aurora, granted: list[str]) -> None:
    """The only place is the file, which is for this user alone, and of which one is told."""
    path = aurora.paths.secrets / "link-tokens"
    assert path.stat().st_mode & 0o777 == 0o600
    assert json.loads(path.read_text())["token"] in granted
    assert "plain file" in aurora.until_event("link_warning")["detail"]
    assert aurora.command("backup", "create").returncode == 0
    assert aurora.command("state", "export", str(aurora.folder / "export.json")).returncode == 0
    everything = json.dumps(aurora.events()) + json.dumps(link_of(aurora)) + aurora.output
    everything += Path(f"/proc/{aurora.pid}/cmdline").read_text() + Path(f"/proc/{aurora.pid}/environ").read_text()
    files = [each for each in aurora.folder.rglob("*") if each.is_file() and each != path]
    contents = [_unpacked(each) for each in files]
    assert any(each.suffix == ".zst" for each in files)
    for token in granted:
        assert token not in everything
        assert [each for each, content in zip(files, contents, strict=True) if token.encode() in content] == []


def _unpacked(path: Path) -> bytes:
    """Empty for a draft that has been put into its place meanwhile."""
    with contextlib.suppress(FileNotFoundError), path.open("rb") as file:
        return bytes(zstandard.ZstdDecompressor().stream_reader(file).read() if path.suffix == ".zst" else file.read())
    return b""


def test_changed_settings_turn_it_on_and_off_while_it_runs(aurora: Aurora, served: Served) -> None:
    aurora.configure({"db": calm()})
    aurora.start()
    off = aurora.command("link", "send", "1", "hello")
    assert (off.returncode, "The link is off" in off.stderr) == (1, True)
    assert "off:" in aurora.command("link", "status").stdout
    configured(aurora, served)
    until_online(aurora)
    assert aurora.command("link", "status").returncode == 0
    assert aurora.command("link", "reconnect").returncode == 0
    eventually(lambda: served.brain.greeted == 2, "it came anew")
    aurora.configure({"db": calm()})
    eventually(lambda: not link_of(aurora)["enabled"], "it is off")
    eventually(lambda: not served.brain.sockets, "it hung up")
    eventually(lambda: [s["status"] for s in served.brain.sessions.values()] == ["ended"], "it said farewell")
    eventually(lambda: not (aurora.paths.secrets / "link-tokens").exists(), "no tokens lie about")
    assert aurora.client.get("/v1/status")["verdict"] == "healthy"


def test_a_refused_link_is_a_problem_of_the_whole(aurora: Aurora, served: Served) -> None:
    served.brain.refuses_login = True
    configured(aurora, served)
    aurora.start()
    refused = eventually(
        lambda: [p for p in aurora.client.get("/v1/status")["problems"] if p["component"] == "link"], "it is told"
    )
    assert "this identity is blocked" in refused[0]["sentence"]
    status = aurora.command("link", "status")
    assert (status.returncode, "admitted at the server" in status.stdout) == (1, True)
    assert aurora.until_event("link_warning")["needs_operator"]
    doctor = aurora.command("doctor")
    assert "refused: it answered 403: this identity is blocked" in doctor.stdout
    assert "to mend Link: Have this identity admitted" in doctor.stdout
