"""The kind of session, from environments as desktops make them."""

from pathlib import Path

import pytest

from aurora_desktop.desktop import session


@pytest.mark.parametrize(
    ("environ", "kind", "display"),
    [
        ({}, "headless", ""),
        ({"DISPLAY": ""}, "headless", ""),
        ({"DISPLAY": ":0"}, "x11", ":0"),
        ({"DISPLAY": ":0", "WAYLAND_DISPLAY": "wayland-0"}, "wayland", "wayland-0"),
        ({"DISPLAY": ":0", "WAYLAND_DISPLAY": "wayland-0", "XDG_SESSION_TYPE": "x11"}, "x11", ":0"),
        ({"WAYLAND_DISPLAY": "wayland-0", "XDG_SESSION_TYPE": "x11"}, "wayland", "wayland-0"),
        ({"XDG_SESSION_TYPE": "tty"}, "headless", ""),
    ],
)
def test_kind_on_linux(environ: dict[str, str], kind: str, display: str) -> None:
    found = session.detect(environ, exists=lambda _: False, platform="linux")
    assert (found.kind, found.display) == (kind, display)


@pytest.mark.parametrize(("platform", "kind"), [("win32", "windows"), ("darwin", "macos")])
def test_other_platforms_have_neither_display_nor_bus(platform: str, kind: str) -> None:
    found = session.detect({"DISPLAY": ":0"}, exists=lambda _: True, platform=platform)
    assert found == session.Session(kind, "", "", has_systemd_user=False, has_session_bus=False)  # type: ignore[arg-type]  # of the parametrised literals


def test_runtime_folder_tells_of_systemd_and_the_bus(tmp_path: Path) -> None:
    environ = {"XDG_RUNTIME_DIR": str(tmp_path)}
    before = session.detect(environ, platform="linux")
    (tmp_path / "systemd").mkdir()
    (tmp_path / "bus").touch()
    after = session.detect(environ, platform="linux")
    assert (before.has_systemd_user, before.has_session_bus) == (False, False)
    assert (after.has_systemd_user, after.has_session_bus) == (True, True)


def test_bus_of_the_environment_counts(tmp_path: Path) -> None:
    environ = {"XDG_RUNTIME_DIR": str(tmp_path), "DBUS_SESSION_BUS_ADDRESS": "unix:abstract=x"}
    assert session.detect(environ, platform="linux").has_session_bus


def test_desktop_has_a_name() -> None:
    found = session.detect({"XDG_CURRENT_DESKTOP": "ubuntu:GNOME"}, exists=lambda _: False, platform="linux")
    assert found.desktop == "ubuntu:GNOME"


def test_runtime_folder_without_the_variable() -> None:
    assert session.runtime_dir({}) == Path(f"/run/user/{session.user_id()}")
