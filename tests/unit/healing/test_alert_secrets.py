"""Where addresses that hold a password lie: the keyring, else a file that nobody else can read or put there."""

import os
import stat
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import keyring
import pytest
from keyring.backend import KeyringBackend
from keyring.backends import fail, null
from keyring.errors import KeyringLocked

from aurora_desktop.core.errors import AuroraError
from aurora_desktop.healing.alerts import secrets
from aurora_desktop.healing.alerts.secrets import SecretStore

URL = "jsons://me:hunter22@example.com/hook"


class Memory(KeyringBackend):
    """Keeps what it is given."""

    priority = 1

    def __init__(self) -> None:
        super().__init__()
        self.kept: dict[tuple[str, str], str] = {}

    def get_password(self, service: str, username: str) -> str | None:
        return self.kept.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        self.kept[service, username] = password

    def delete_password(self, service: str, username: str) -> None:
        del self.kept[service, username]


class Locked(Memory):
    def get_password(self, service: str, username: str) -> str | None:
        raise KeyringLocked("the operator dismissed it")

    set_password = get_password  # type: ignore[assignment]  # refuses too


class Waiting(Memory):
    """Waits for somebody to unlock it."""

    def __init__(self) -> None:
        super().__init__()
        self.unlocked = threading.Event()

    def set_password(self, service: str, username: str, password: str) -> None:
        self.unlocked.wait()


class Forgetful(Memory):
    def set_password(self, service: str, username: str, password: str) -> None:
        """Takes it, and that is all."""


@pytest.fixture
def store(tmp_path: Path) -> SecretStore:
    return SecretStore(tmp_path / "secrets")


@pytest.fixture
def ring() -> Iterator[Memory]:
    with _in_use(Memory()) as backend:
        yield backend


class _in_use:  # noqa: N801  # a context manager that reads like one
    def __init__(self, backend: KeyringBackend) -> None:
        self._backend = backend

    def __enter__(self) -> "KeyringBackend":
        self._before = keyring.get_keyring()
        keyring.set_keyring(self._backend)
        return self._backend

    def __exit__(self, *_: object) -> None:
        keyring.set_keyring(self._before)


def test_a_secret_is_kept_in_the_keyring_and_nowhere_else(store: SecretStore, ring: Memory) -> None:
    assert store.keep("hook", URL) == ("keyring", "")
    assert store.find("hook") == (URL, "keyring")
    assert not store.folder.exists()
    assert store.remove("hook") == ("keyring",)
    assert store.find("hook") is None
    assert store.remove("hook") == ()


@pytest.mark.parametrize("backend", [fail.Keyring(), null.Keyring(), Locked(), Forgetful()])
def test_without_a_keyring_it_is_a_file_of_this_user_alone(store: SecretStore, backend: KeyringBackend) -> None:
    with _in_use(backend):
        kept = store.keep("hook", URL)
        assert kept.place == "file"
        assert "keyring" in kept.why
        assert store.find("hook") == (URL, "file")
    path = store.folder / "hook"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(store.folder.stat().st_mode) == 0o700
    assert [child.name for child in store.folder.iterdir()] == ["hook"]


def test_a_keyring_that_waits_to_be_unlocked_is_not_waited_for(
    store: SecretStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(secrets, "KEYRING_S", 0.05)
    backend = Waiting()
    with _in_use(backend):
        assert store.keep("hook", URL).place == "file"
    backend.unlocked.set()


def test_a_locked_keyring_is_told_of_and_not_taken_for_an_empty_one(store: SecretStore) -> None:
    with _in_use(Locked()):
        for ask in (store.find, store.remove):
            with pytest.raises(AuroraError) as refused:
                ask("hook")
            assert "dismissed" in refused.value.detail
            assert "set-secret hook" in refused.value.hint


def test_kept_in_the_keyring_later_the_file_goes(store: SecretStore, ring: Memory) -> None:
    with _in_use(fail.Keyring()):
        store.keep("hook", "jsons://old")
    assert store.keep("hook", URL).place == "keyring"
    assert not (store.folder / "hook").exists()
    assert store.find("hook") == (URL, "keyring")


def test_a_newer_file_counts_before_an_older_keyring(store: SecretStore, ring: Memory) -> None:
    store.keep("hook", "jsons://old")
    with _in_use(fail.Keyring()):
        store.keep("hook", URL)
    assert store.find("hook") == (URL, "file")
    assert store.remove("hook") == ("file", "keyring")


@pytest.mark.skipif(sys.platform == "win32", reason="permissions are the folder's there")
@pytest.mark.parametrize("how", ["link", "open", "folder", "pipe"])
def test_a_file_not_to_be_trusted_is_not_read(store: SecretStore, how: str, tmp_path: Path) -> None:
    store.folder.mkdir()
    path = store.folder / "hook"
    if how == "link":
        (tmp_path / "target").write_text(URL)
        path.symlink_to(tmp_path / "target")
    elif how == "open":
        path.write_text(URL)
        path.chmod(0o644)
    elif how == "folder":
        path.mkdir(mode=0o700)
    else:
        os.mkfifo(path, 0o600)
    with _in_use(fail.Keyring()), pytest.raises(AuroraError) as refused:
        store.find("hook")
    assert "set-secret hook" in refused.value.hint


def test_a_link_in_the_place_of_the_file_is_replaced_not_followed(store: SecretStore, tmp_path: Path) -> None:
    store.folder.mkdir(mode=0o700)
    target = tmp_path / "target"
    target.write_text("untouched")
    (store.folder / "hook").symlink_to(target)
    with _in_use(fail.Keyring()):
        store.keep("hook", URL)
    assert target.read_text() == "untouched"
    assert not (store.folder / "hook").is_symlink()


def test_a_folder_that_cannot_be_made_is_an_error_in_words(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with _in_use(fail.Keyring()), pytest.raises(AuroraError) as refused:
        SecretStore(tmp_path / "file" / "secrets").keep("hook", URL)
    assert refused.value.title == "The secret cannot be kept"
