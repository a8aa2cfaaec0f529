"""What the doctor says of mouse and keyboard for agents, and of the way to stop them."""

import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from aurora_desktop.core.paths import gate_file
from aurora_desktop.desktop import doctor_input, session
from aurora_desktop.desktop.display_facts import EXTENSIONS, DisplayFacts, InputDevice, look
from aurora_desktop.desktop.finding import Patient, ProbeResult
from aurora_desktop.desktop.session import Session, SessionKind
from aurora_desktop.safety.view import ControlView, HotkeyState

SLAVE_POINTER, SLAVE_KEYBOARD = 3, 4
XTEST = InputDevice(5, SLAVE_KEYBOARD, "Virtual core XTEST keyboard", enabled=True, keys=248)
MOUSE = InputDevice(9, SLAVE_POINTER, "A mouse", enabled=True, keys=0)


def keyboard(name: str, *, enabled: bool = True) -> InputDevice:
    return InputDevice(7, SLAVE_KEYBOARD, name, enabled, keys=248)


def patient(folder: Path, kind: SessionKind = "headless", display: str = "") -> Patient:
    there = Session(kind, display, "", has_systemd_user=False, has_session_bus=False)
    return Patient(folder / "aurora.yaml", folder, {"DISPLAY": display}, there)


def facts(*extensions: str, xinput: tuple[int, int] = (2, 2)) -> DisplayFacts:
    return DisplayFacts(extensions, xinput, ())


@pytest.mark.parametrize(
    ("kind", "status", "told"),
    [
        ("x11", "ok", "X11"),
        ("wayland", "warning", "Wayland"),
        ("headless", "warning", "no display"),
        ("windows", "warning", "Windows"),
        ("macos", "warning", "macOS"),
    ],
)
def test_the_kind_of_session_decides(tmp_path: Path, kind: SessionKind, status: str, told: str) -> None:
    (found,) = doctor_input.input_session(patient(tmp_path, kind))
    assert (found.status, told in found.detail, bool(found.remedy)) == (status, True, status != "ok")


@pytest.mark.parametrize("missing", EXTENSIONS)
def test_a_missing_extension_is_named_with_what_it_is_for(missing: str) -> None:
    found = doctor_input.judge_extensions(facts(*(name for name in EXTENSIONS if name != missing)))
    assert found.status == "error"
    assert f"the display lacks {missing} (for the " in found.detail


def test_an_old_xinput_is_an_error() -> None:
    found = doctor_input.judge_extensions(facts(*EXTENSIONS, xinput=(2, 0)))
    assert (found.status, found.detail) == ("error", "the display has XInput 2.0, not 2.2")


def test_all_extensions_are_well() -> None:
    assert doctor_input.judge_extensions(facts(*EXTENSIONS)).status == "ok"


@pytest.mark.parametrize(
    ("devices", "status", "told"),
    [
        ((XTEST, MOUSE), "warning", "no physical keyboard"),
        ((XTEST, keyboard("AT keyboard", enabled=False)), "warning", "no physical keyboard"),
        ((XTEST, keyboard("Power Button")), "warning", "no physical keyboard"),
        ((XTEST, keyboard("xwayland-keyboard:15")), "warning", "Wayland"),
        ((XTEST, keyboard("Xvfb keyboard")), "warning", "no physical keyboard"),
        ((XTEST, keyboard("AT keyboard"), MOUSE), "ok", "AT keyboard"),
    ],
)
def test_a_keyboard_that_can_be_pressed_is_wanted(devices: tuple[InputDevice, ...], status: str, told: str) -> None:
    found = doctor_input.judge_keyboards(devices)
    assert (found.status, told in found.detail, bool(found.remedy)) == (status, True, status != "ok")


@pytest.mark.parametrize(
    ("content", "status", "told"),
    [
        (None, "ok", "closed: there is no gate file"),
        ("operator_enabled: false\nfeatures: {control_mouse_keyboard: true}\n", "ok", "is false in the gate file"),
        ("operator_enabled: true\nfeatures: {control_mouse_keyboard: true}\n", "ok", "open: "),
        ("operator_enabled: 'true'\nfeatures: {control_mouse_keyboard: true}\n", "warning", "is not `true`"),
        ("operator_enabled: [\n", "warning", "cannot be used"),
        ("", "warning", "is empty"),
    ],
)
def test_a_gate_that_is_closed_by_choice_is_well(tmp_path: Path, content: str | None, status: str, told: str) -> None:
    if content is not None:
        gate_file(tmp_path / "aurora.yaml").write_text(content)
    (found,) = doctor_input.gate_file(patient(tmp_path))
    assert (found.status, told in found.detail, bool(found.remedy)) == (status, True, status != "ok")


@pytest.mark.parametrize(
    ("state", "status", "told"),
    [
        ("proven", "ok", "you have proven it"),
        ("listening", "ok", "prove it"),
        ("lost", "warning", "not listened to: the display is gone"),
        ("off", "warning", "nothing listens to ctrl+alt+f1: the display is gone"),
    ],
)
def test_the_hotkey_of_a_running_aurora(state: HotkeyState, status: str, told: str) -> None:
    control = ControlView(state="closed", reason="the display is gone", hotkey="ctrl+alt+f1", hotkey_state=state)
    hotkey, whole = doctor_input.judge_control(control)
    assert (hotkey.status, told in hotkey.detail, bool(hotkey.remedy)) == (status, True, status != "ok")
    assert (whole.name, whole.detail) == ("Control", "closed: the display is gone")


def test_each_change_of_the_settings_that_waits_is_a_finding() -> None:
    found = doctor_input.judge_control(ControlView(state="disarmed", pending=("more folders", "no budget")))
    waiting = [one for one in found if one.name == "Settings that loosen safety"]
    assert [one.detail for one in waiting] == ["not in force: more folders", "not in force: no budget"]
    assert {one.status for one in waiting} == {"warning"}


@pytest.mark.parametrize(("has_passphrase", "status"), [(True, "ok"), (False, "warning")])
def test_where_a_press_cannot_be_told_a_passphrase_is_wanted(has_passphrase: bool, status: str) -> None:
    control = ControlView(state="disarmed", needs_passphrase=True, has_passphrase=has_passphrase)
    assert {one.name: one.status for one in doctor_input.judge_control(control)}["Confirmation"] == status


@pytest.mark.parametrize(
    ("said", "remedy"),
    [("ModuleNotFoundError: No module named 'tkinter'\n", "tk"), ("ImportError: no libX11\n", "make setup")],
)
def test_a_library_that_cannot_be_imported_is_told(said: str, remedy: str) -> None:
    found = doctor_input.judge_library("pyautogui", ProbeResult(1, "", f"Traceback\n{said}"))
    assert (found.status, said.strip() in found.detail, remedy in found.remedy) == ("error", True, True)


def test_without_x11_its_display_is_not_asked(tmp_path: Path) -> None:
    assert doctor_input.display_input(patient(tmp_path, "wayland", "wayland-0")) == []


def test_without_x11_the_libraries_are_only_looked_for(tmp_path: Path) -> None:
    (found,) = doctor_input.input_libraries(patient(tmp_path))
    assert (found.status, found.detail) == ("ok", "xcffib, pynput, pyautogui are installed")


def test_a_display_that_does_not_answer_is_an_error(tmp_path: Path) -> None:
    (found,) = doctor_input.display_input(patient(tmp_path, "x11", ":4242"))
    assert (found.status, ":4242" in found.detail) == ("error", True)


@pytest.fixture
def display() -> Iterator[str]:
    """A display of this test's own, with a free number."""
    if shutil.which("Xvfb") is None:
        pytest.skip("Xvfb is not installed")
    command = ["Xvfb", "-displayfd", "1", "-nolisten", "tcp", "-screen", "0", "320x200x24"]
    quiet = subprocess.DEVNULL
    with subprocess.Popen(command, stdin=quiet, stdout=subprocess.PIPE, stderr=quiet, text=True) as server:
        assert server.stdout is not None
        yield f":{server.stdout.readline().strip()}"
        server.terminate()


def test_a_real_display_is_looked_at(tmp_path: Path, display: str) -> None:
    seen = look({"DISPLAY": display})
    assert isinstance(seen, DisplayFacts), seen
    assert set(seen.extensions) == set(EXTENSIONS)
    assert any("XTEST keyboard" in device.name and device.keys for device in seen.devices)
    someone = Patient(None, tmp_path, {"DISPLAY": display}, session.detect({"DISPLAY": display}))
    found = [one for check in (doctor_input.display_input, doctor_input.input_libraries) for one in check(someone)]
    assert {one.name: one.status for one in found} == {
        "Input extensions": "ok",
        "Keyboards": "warning",
        "Input libraries": "ok",
    }, json.dumps([one.detail for one in found])
