"""What the doctor says of the channels for alerts."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import keyring
import pytest
from keyring.backends import fail

from aurora_desktop.desktop import session
from aurora_desktop.desktop.doctor_alerts import channels
from aurora_desktop.desktop.finding import Finding, Patient

Examine = Callable[[str], list[Finding]]


@pytest.fixture
def examine(tmp_path: Path) -> Iterator[Examine]:
    def examined(text: str) -> list[Finding]:
        config = tmp_path / "aurora.yaml"
        config.write_text(text)
        return channels(Patient(config, tmp_path, os.environ, session.detect({})))

    before = keyring.get_keyring()
    keyring.set_keyring(fail.Keyring())
    yield examined
    keyring.set_keyring(before)


def a_channel(line: str) -> str:
    return f"alerts: {{channels: {{hook: {{{line}}}}}}}\n"


@pytest.mark.parametrize(
    ("line", "status", "detail"),
    [
        ("url: 'jsons://example.com/hook'", "ok", "jsons://example.com"),
        ("url: 'jsons://me:hunter22@example.com/hook'", "warning", "password or token in plain settings"),
        ("url: 'dbus://'", "error", "does not leave this machine"),
        ("secret: mine", "error", "there is no secret `mine`"),
    ],
)
def test_each_channel_is_judged(examine: Examine, line: str, status: str, detail: str) -> None:
    (finding,) = examine(a_channel(line))
    assert (finding.name, finding.status) == ("Alert channel hook", status)
    assert detail in finding.detail
    assert "hunter22" not in str(finding)
    assert finding.remedy or status == "ok"


@pytest.mark.parametrize(("mode", "status"), [(0o600, "warning"), (0o644, "error")])
def test_a_secret_in_a_file_is_warned_of(examine: Examine, tmp_path: Path, mode: int, status: str) -> None:
    (tmp_path / "secrets").mkdir()
    path = tmp_path / "secrets" / "mine"
    path.write_text("jsons://example.com/hook\n")
    path.chmod(mode)
    (finding,) = examine(a_channel("secret: mine"))
    assert finding.status == status
    assert "set-secret mine" in finding.remedy


@pytest.mark.parametrize(
    ("text", "detail"), [("services: {}", "none in the settings"), ("services: [", "not looked at")]
)
def test_without_channels_or_with_refused_settings_nothing_is_wrong(examine: Examine, text: str, detail: str) -> None:
    (finding,) = examine(text)
    assert finding.status == "ok"
    assert detail in finding.detail
