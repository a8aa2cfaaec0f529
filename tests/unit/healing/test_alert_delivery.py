"""The process that sends, against real servers on 127.0.0.1. All deliveries of this module are made at once."""

import asyncio
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import pytest
import trustme

from aurora_desktop.healing.alerts import sending
from aurora_desktop.healing.alerts.messages import Keep, Send, Sent

from .alert_servers import HookServer, hook_server, mail_server

TIMEOUT_S = 3.0
AT_ONCE = 3
MAIL = "mailto://127.0.0.1:{port}?from=aurora@example.com&to={to}@example.com&mode=insecure"


class Outcome(NamedTuple):
    """How each delivery went by its name, and what the servers took."""

    sent: dict[str, Sent]
    hooks: list[tuple[str, Any]]
    mails: list[tuple[list[str], bytes]]


def request(url: str, timeout_s: float = 20.0) -> Send:
    return Send(
        title="web needs you",
        body="the port is taken",
        severity="failure",
        timeout_s=timeout_s,
        secrets_folder="/nonexistent",
        url=url,
    )


def _requests(hook: HookServer, tls: HookServer, mail_port: int, template: Path) -> dict[str, Send]:
    web = f"json://{hook.place}"
    urls = {
        "ok": f"{web}/ok",
        "500": f"json://me:hunter22@{hook.place}/500",
        "moved": f"{web}/moved",
        "found": f"{web}/found",
        "elsewhere": f"{web}/elsewhere",
        "tls": f"jsons://{tls.place}/ok",
        "nobody listens": "json://127.0.0.1:1/hook-s3cret",
        "mail": MAIL.format(port=mail_port, to="operator"),
        "mail refused": MAIL.format(port=mail_port, to="nobody"),
        "unknown scheme": "jsn://host/hook",
        "local file": f"workflows://host/abc/def/ghi?template={template}",
    }
    slow = {name: request(f"{web}/{name}", TIMEOUT_S) for name in ("hang", "trickle")}
    return slow | {name: request(url) for name, url in urls.items()}


async def _send_all(requests: dict[str, Send]) -> dict[str, Sent]:
    places = asyncio.Semaphore(AT_ONCE)

    async def one(wanted: Send) -> Sent:
        async with places:
            return await sending.send(wanted)

    return dict(zip(requests, await asyncio.gather(*map(one, requests.values())), strict=True))


def _tls() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("127.0.0.1").configure_cert(context)
    return context


def _all_of(taken: Any) -> list[Any]:
    return [taken.get_nowait() for _ in range(taken.qsize())]


@pytest.fixture(scope="module")
def outcome(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Outcome]:
    template = tmp_path_factory.mktemp("alerts") / "template.json"
    template.write_text('{"text": "s3cret of the operator"}')
    with hook_server() as hook, hook_server(_tls()) as tls, mail_server() as (port, mailbox):
        sent = asyncio.run(_send_all(_requests(hook, tls, port, template)))
        yield Outcome(sent, _all_of(hook.taken), _all_of(mailbox.taken))


def test_a_webhook_gets_title_and_text(outcome: Outcome) -> None:
    assert outcome.sent["ok"] == Sent(ok=True)
    (_, body) = next(taken for taken in outcome.hooks if taken[0] == "/ok")
    assert (body["title"], body["message"], body["type"]) == ("web needs you", "the port is taken", "failure")


def test_mail_is_delivered(outcome: Outcome) -> None:
    assert outcome.sent["mail"] == Sent(ok=True)
    ((recipients, content),) = outcome.mails
    assert recipients == ["operator@example.com"]
    assert b"web needs you" in content


def test_a_redirect_on_the_same_host_that_keeps_the_message_is_followed(outcome: Outcome) -> None:
    assert outcome.sent["moved"] == Sent(ok=True)
    assert [what for what, _ in outcome.hooks if what == "/arrived"] == ["/arrived"]


@pytest.mark.parametrize(
    ("name", "words", "final"),
    [
        ("500", "it answered 500", False),
        ("hang", "it did not answer within 3 s", False),
        ("trickle", "it did not answer within 3 s", False),
        ("found", "redirects (302) in a way that loses the message", True),
        ("elsewhere", "redirects (307) to another host, localhost", True),
        ("tls", "its TLS certificate is not accepted", True),
        ("nobody listens", "nothing listens there", False),
        ("mail refused", "550: there is no such mailbox", True),
        ("unknown scheme", "did you mean `json://`?", True),
        ("local file", "it may not read files of this machine", True),
    ],
)
def test_what_goes_wrong_is_said_in_words(outcome: Outcome, name: str, words: str, final: bool) -> None:
    sent = outcome.sent[name]
    assert (sent.ok, sent.final) == (False, final)
    assert words in sent.cause


def test_nothing_secret_is_in_what_is_said(outcome: Outcome) -> None:
    said = " ".join(sent.cause for sent in outcome.sent.values())
    assert not [secret for secret in ("hunter22", "s3cret", "template.json") if secret in said]


def test_an_address_is_kept_by_the_process_where_there_is_no_keyring_in_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "keyring.backends.fail.Keyring")
    folder = tmp_path / "secrets"
    keep = Keep(secret="ops", url="slack://a/b/c", secrets_folder=str(folder))
    answer = asyncio.run(sending.keep(keep))
    assert (answer.places, list(answer.wrong)) == ({"ops": "file"}, ["ops"])
    assert (folder / "ops").read_text().strip() == "slack://a/b/c"
    (tmp_path / "taken").write_text("no folder")
    taken = Keep(secret="ops", url="slack://a/b/c", secrets_folder=str(tmp_path / "taken"))
    answer = asyncio.run(sending.keep(taken))
    assert answer.places == {"ops": "missing"}
    assert "cannot be kept" in answer.wrong["ops"]


def test_a_delivery_that_is_cancelled_leaves_no_process(tmp_path: Path) -> None:
    async def cancelled(server: HookServer) -> float:
        began = time.monotonic()
        task = asyncio.ensure_future(sending.send(request(f"json://{server.place}/hang")))
        await asyncio.to_thread(server.asked.wait)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return time.monotonic() - began

    with hook_server() as server:
        assert asyncio.run(cancelled(server)) < 20.0
    assert not sending.owned


def test_a_process_that_says_nothing_is_an_error_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sending, "_COMMAND", ("true",))
    assert asyncio.run(sending.send(request("json://x"))).cause == "the process that sends ended without an answer"


def test_a_process_that_cannot_be_started_is_an_error_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sending, "_COMMAND", ("/nonexistent/python",))
    assert "could not be started" in asyncio.run(sending.send(request("json://x"))).cause


def test_a_process_that_does_not_end_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sending, "_COMMAND", ("sleep", "60"))
    monkeypatch.setattr(sending, "STARTS_S", 0.1)
    assert "it was ended" in asyncio.run(sending.send(request("json://x", 0.1))).cause


def test_main_loads_nothing_of_what_sends() -> None:
    code = "import sys, aurora_desktop.house; print(sorted({'apprise', 'keyring', 'requests'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_the_address_is_neither_in_the_arguments_nor_in_the_environment() -> None:
    assert not any("json" in word for word in sending._COMMAND)
    assert msgspec.json.decode(msgspec.json.encode(request("json://x/s3cret")), type=Send).url == "json://x/s3cret"
