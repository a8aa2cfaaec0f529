"""Tokens: exchanged ahead of their end and never twice at once, kept before they are used, never shown."""

import asyncio
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aurora_desktop.link.cloudbrain import Granted, Identity
from aurora_desktop.link.credentials import Credentials, boot_clock
from aurora_desktop.link.failure import Kind, LinkError
from aurora_desktop.link.jwt import Tokens
from aurora_desktop.link.keeper import Asked, perform
from aurora_desktop.link.token_store import KeptTokens

from .rig import MemoryTokens
from .year import Machine, TokenServer, live

TOKENS = Tokens(token="hunter22", refresh_token="r", owner="o", got_at=1, lifetime_s=2, refresh_lifetime_s=3)


@given(st.integers(0, 10**9))
@settings(max_examples=10)
def test_five_days_of_tokens(seed: int) -> None:
    passed = asyncio.run(live(5, seed))
    assert passed.requests > 500
    assert (passed.expired, passed.most_at_once) == (0, 1)


def credentials(machine: Machine, server: TokenServer, store: MemoryTokens) -> Credentials:
    return Credentials(server, Identity("a", "A"), "o", store, machine, lambda: machine.true)  # type: ignore[arg-type]  # the two that it calls


def test_a_token_that_is_refused_everywhere_ends_in_a_login() -> None:
    async def lived() -> tuple[int, int]:
        machine = Machine()
        server, store = TokenServer(machine, 0), MemoryTokens()
        ours = credentials(machine, server, store)
        token = await ours.current()
        ours.reject("another")
        assert await ours.current() == token
        machine.sleep(8 * 86_400.0)
        assert await ours.current() != token
        return server.logins, server.refreshes

    assert asyncio.run(lived()) == (2, 0)


def test_while_the_server_is_away_what_still_holds_is_used() -> None:
    async def lived() -> None:
        machine = Machine()
        server, store = TokenServer(machine, 0), MemoryTokens()
        ours = credentials(machine, server, store)
        token = await ours.current()
        server.is_down = True
        machine.advance(3000)
        assert (ours.due_in_s(), await ours.current()) == (0.0, token)
        machine.advance(600)
        with pytest.raises(LinkError, match="gone"):
            await ours.current()

    asyncio.run(lived())


def test_a_server_that_hangs_is_not_asked_anew_by_every_request() -> None:
    class Counting(TokenServer):
        asked = 0

        async def refresh(self, refresh_token: str) -> Granted:
            self.asked += 1
            return await super().refresh(refresh_token)

    async def lived() -> None:
        machine = Machine()
        server = Counting(machine, 0)
        ours = credentials(machine, server, MemoryTokens())
        token = await ours.current()
        server.is_down = True
        machine.advance(3000)
        assert [await ours.current() for _ in range(10)] == [token] * 10
        assert server.asked == 1
        ours.reject(token)  # what the server does not take is no token that holds
        with pytest.raises(LinkError, match="gone"):
            await ours.current()
        server.is_down = False
        assert await ours.current() != token

    asyncio.run(lived())


@pytest.mark.parametrize("kind", ["refused", "invalid", "absent", "odd"])
def test_an_exchange_that_does_not_work_ends_in_a_login(kind: Kind) -> None:
    class Strange(TokenServer):
        async def refresh(self, refresh_token: str) -> Granted:
            raise LinkError(kind, "no")

    async def lived() -> int:
        machine = Machine()
        server = Strange(machine, 0)
        ours = credentials(machine, server, MemoryTokens())
        await ours.current()
        machine.advance(3000)
        await ours.current()
        return server.logins

    assert asyncio.run(lived()) == 2


def test_a_pair_is_kept_before_it_is_used() -> None:
    class Refusing(MemoryTokens):
        async def keep(self, tokens: Tokens) -> None:
            raise OSError("the disk is gone")

    async def lived() -> None:
        ours = credentials(Machine(), TokenServer(Machine(), 0), Refusing())
        with pytest.raises(OSError, match="gone"):
            await ours.current()
        assert ours.expires_at is None

    asyncio.run(lived())


@pytest.mark.parametrize("expires_in", [0.0, -5.0])
def test_a_token_that_has_expired_already_is_told(expires_in: float) -> None:
    class Late(TokenServer):
        async def login(self, identity: Identity) -> Granted:
            return Granted("t", "r", expires_in, None)

    async def lived() -> None:
        with pytest.raises(LinkError, match="expired already"):
            await credentials(Machine(), Late(Machine(), 0), MemoryTokens()).current()

    asyncio.run(lived())


def test_tokens_of_another_server_or_identity_are_not_used() -> None:
    async def lived() -> int:
        machine = Machine()
        server, store = TokenServer(machine, 0), MemoryTokens()
        first = credentials(machine, server, store)
        await first.current()
        other = Credentials(server, Identity("b", "B"), "another", store, machine, lambda: machine.true)  # type: ignore[arg-type]  # as above
        await other.current()
        assert other.left_over == first.held
        return server.logins

    assert asyncio.run(lived()) == 2


def test_without_a_keyring_they_lie_in_a_file_and_that_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "keyring.backends.fail.Keyring")

    async def lived() -> None:
        store = KeptTokens(tmp_path)
        assert await store.find() is None
        await store.keep(TOKENS)
        assert (store.place, "plain file" in store.warning) == ("file", True)
        assert "keyring for this session" in store.hint
        assert await KeptTokens(tmp_path).find() == TOKENS
        await store.remove()
        assert await store.find() is None

    asyncio.run(lived())
    assert list(tmp_path.iterdir()) == []


def test_that_they_lie_in_a_file_is_news_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "keyring.backends.fail.Keyring")

    async def started() -> bool:
        store = KeptTokens(tmp_path)
        await store.find()
        await store.keep(TOKENS)
        return store.is_news

    assert asyncio.run(started())
    assert not asyncio.run(started())


def test_the_file_is_for_this_user_alone_and_one_that_is_not_is_not_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("aurora_desktop.healing.alerts.secrets._keyring", _no_keyring)
    assert perform(Asked("keep", str(tmp_path), "hunter22")).place == "file"
    (path,) = tmp_path.iterdir()
    assert path.stat().st_mode & 0o777 == 0o600
    path.chmod(0o644)
    told = perform(Asked("find", str(tmp_path)))
    assert (told.value, "others may read" in told.error, "log in again" in told.error) == ("", True, True)


def _no_keyring() -> object:
    from keyring.errors import NoKeyringError

    raise NoKeyringError("there is none")


def test_a_keyring_that_is_locked_costs_a_login_and_no_crash(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def locked() -> object:
        raise RuntimeError("the collection is locked")

    monkeypatch.setattr("aurora_desktop.healing.alerts.secrets._keyring", locked)
    told = perform(Asked("find", str(tmp_path)))
    assert (told.value, "locked" in told.error) == ("", True)


def test_a_keyring_that_is_locked_is_passed_by_and_that_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the process that the program asks too."""
    (tmp_path / "lockedring.py").write_text(LOCKED)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "lockedring.Keyring")

    async def lived() -> None:
        store = KeptTokens(tmp_path / "secrets")
        assert await store.find() is None
        assert "cannot be had" in store.warning
        assert "the collection is locked" in store.warning
        await store.keep(TOKENS)
        assert (store.place, "the collection is locked" in store.warning) == ("file", True)
        assert "unlock a keyring" in store.hint
        assert await KeptTokens(tmp_path / "secrets").find() == TOKENS

    asyncio.run(lived())


LOCKED = """
from keyring.backend import KeyringBackend
from keyring.errors import KeyringLocked


class Keyring(KeyringBackend):
    priority = 1

    def get_password(self, service, username):
        raise KeyringLocked("the collection is locked")

    set_password = delete_password = lambda self, *given: self.get_password("", "")
"""


def test_where_nothing_can_be_kept_that_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "keyring.backends.fail.Keyring")
    (tmp_path / "secrets").write_text("no folder")

    async def lived() -> None:
        store = KeptTokens(tmp_path / "secrets")
        await store.keep(TOKENS)
        assert store.place == "memory"
        assert "cannot be kept" in store.warning
        assert "logs in anew at each start" in store.hint

    asyncio.run(lived())


def test_the_process_that_keeps_them_gets_nothing_by_its_arguments(tmp_path: Path) -> None:
    environment = {"PYTHON_KEYRING_BACKEND": "keyring.backends.fail.Keyring", "HOME": str(tmp_path)}
    command = [sys.executable, "-m", "aurora_desktop.link.keeper"]
    asked = msgspec.json.encode({"verb": "keep", "folder": str(tmp_path / "s"), "value": "hunter22"})
    done = subprocess.run(command, input=asked, env=environment, capture_output=True, check=True)
    assert msgspec.json.decode(done.stdout)["place"] == "file"
    assert b"hunter22" not in done.stdout + done.stderr


def test_the_clock_of_the_tokens_runs() -> None:
    first = boot_clock()
    assert boot_clock() >= first > 0
