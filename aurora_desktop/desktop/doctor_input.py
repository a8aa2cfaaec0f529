"""Checks of what agents need to use mouse and keyboard, and of what the operator needs to stop them."""

import sys

from aurora_desktop.core import paths
from aurora_desktop.desktop.debian import install, is_debian
from aurora_desktop.desktop.display_facts import EXTENSIONS, XINPUT_WANTED, DisplayFacts, InputDevice, look
from aurora_desktop.desktop.finding import Finding, Patient, ProbeResult, run_python
from aurora_desktop.safety.view import ControlView

_SEE_LOG = "See logs/guard.log"
_FALSE = "is false in the gate file"
_USES = {"XInputExtension": "the panic hotkey", "XTEST": "the agent's input", "RECORD": "the second hotkey detector"}
_LIBRARIES = {
    "xcffib": "import xcffib.xinput, xcffib.xtest",
    "pynput": "import pynput.keyboard, pynput.mouse",
    # mouseinfo, which only shows a window, ends the program where there is no tkinter.
    "pyautogui": "import sys; sys.modules['mouseinfo'] = None; import pyautogui",
}
_FIND = "import importlib.util, sys; sys.exit(0 if importlib.util.find_spec('{name}') else '{name} is not installed')"


def input_session(patient: Patient) -> list[Finding]:
    """Whether agents can have mouse and keyboard in a session of this kind at all."""
    name = "Input session"
    stays = "control stays closed here; all the rest of Aurora runs"
    match patient.session.kind:
        case "x11":
            return [Finding(name, "ok", "X11: agents can use mouse and keyboard, once you arm it")]
        case "wayland":
            remedy = "Log out, and choose a session on X11 (Xorg) at the login screen"
            detail = f"Wayland lets no program use mouse and keyboard for others; {stays}"
            return [Finding(name, "warning", detail, remedy)]
        case "headless":
            return [Finding(name, "warning", f"there is no display; {stays}", "Log in to a desktop on X11")]
    kind = {"windows": "Windows", "macos": "macOS"}[patient.session.kind]
    detail = f"control of mouse and keyboard is not built for {kind} yet; {stays}"
    return [Finding(name, "warning", detail, "Use a desktop on X11 for it; docs/platforms.md tells what works where")]


def display_input(patient: Patient) -> list[Finding]:
    """What the X display has: the extensions, and keyboards that the operator can press."""
    if patient.session.kind != "x11":
        return []
    facts = look(patient.environ)
    if isinstance(facts, ProbeResult):
        remedy = "Check that the display runs and that you may use it (`xauth list`)"
        return [Finding("Input extensions", "error", f"{patient.session.display}: {facts.last_line}", remedy)]
    return [judge_extensions(facts), judge_keyboards(facts.devices)]


def judge_extensions(facts: DisplayFacts) -> Finding:
    name, remedy = "Input extensions", "Use an X server that has them, as Xorg, Xephyr and Xvnc do"
    if missing := [extension for extension in EXTENSIONS if extension not in facts.extensions]:
        told = ", ".join(f"{extension} (for {_USES[extension]})" for extension in missing)
        return Finding(name, "error", f"the display lacks {told}", remedy)
    if facts.xinput < XINPUT_WANTED:
        return Finding(name, "error", f"the display has XInput {facts.xinput[0]}.{facts.xinput[1]}, not 2.2", remedy)
    return Finding(name, "ok", "XInput2, XTEST and RECORD are there")


def judge_keyboards(devices: tuple[InputDevice, ...]) -> Finding:
    """By the guard's own judgement of what the hotkey can be pressed on."""
    name = "Keyboards"
    if sys.platform == "win32":
        return Finding(name, "warning", "the guard is not built for Windows", "See docs/platforms.md")
    from aurora_desktop.safety.guard.x11.devices import Devices
    from aurora_desktop.safety.guard.x11.protocol import Device

    found = Devices.sorted_out(Device(one.id, one.use, one.name, one.enabled, one.keys) for one in devices)
    wanted = found.masks(armed=True, suspicious=False)
    health = found.health(wanted, wanted)
    if not health.listening:
        remedy = health.hint or "Connect a keyboard"
        return Finding(name, "warning", f"{health.detail}; control cannot be armed", remedy)
    names = ", ".join(health.keyboards)
    return Finding(name, "ok", f"{names}; told from synthetic input, so that a held press can arm and reset")


def input_libraries(patient: Patient) -> list[Finding]:
    """Whether each library can be imported. All of them want a display for it: without one, whether they are there."""
    wanted = {name: code for name, code in _LIBRARIES.items() if name != "xcffib" or sys.platform.startswith("linux")}
    can_be = "can be imported"
    if patient.session.kind in ("headless", "wayland"):
        wanted, can_be = {name: _FIND.format(name=name) for name in wanted}, "are installed"
    probes = {name: run_python(code, patient.environ) for name, code in wanted.items()}
    failed = [judge_library(name, probe) for name, probe in probes.items() if probe.status != 0]
    return failed or [Finding("Input libraries", "ok", f"{', '.join(probes)} {can_be}")]


def judge_library(name: str, probe: ProbeResult) -> Finding:
    words = probe.last_line
    if "tkinter" in words:
        remedy = install("python3-tk", on_debian=is_debian())
    else:
        remedy = "make setup, or pip install --upgrade aurora-desktop"
    return Finding("Input libraries", "error", f"{name} cannot be imported: {words}", remedy)


def gate_file(patient: Patient) -> list[Finding]:
    """The outer gate. That it is closed is the operator's choice; that it cannot be understood is not."""
    # Late, so that a broken YAML library is a finding and not the end of the doctor.
    from aurora_desktop.safety.gate import read_gate

    path = paths.gate_file(patient.config or paths.default_config_file())
    reading = read_gate(path)
    if reading.is_open:
        return [Finding("Gate file", "ok", f"open: {path}")]
    if not path.exists() or reading.reason.endswith(_FALSE):
        return [Finding("Gate file", "ok", f"closed: {reading.reason}; to open it, {reading.hint}")]
    return [Finding("Gate file", "warning", f"closed: {reading.reason}", reading.hint)]


def judge_control(control: ControlView) -> list[Finding]:
    """What a running Aurora says of itself."""
    return [_judge_hotkey(control), *_judge_passphrase(control), _judge_state(control), *_judge_pending(control)]


def _judge_hotkey(control: ControlView) -> Finding:
    name, keys = "Panic hotkey", control.hotkey
    match control.hotkey_state:
        case "proven":
            return Finding(name, "ok", f"{keys} is listened to, and you have proven it")
        case "listening":
            return Finding(name, "ok", f"{keys} is listened to; prove it in the stop drill before you arm")
        case "lost":
            return Finding(name, "warning", f"{keys} is not listened to: {control.reason}", control.hint or _SEE_LOG)
    return Finding(name, "warning", f"nothing listens to {keys}: {control.reason}", control.hint or _SEE_LOG)


def _judge_pending(control: ControlView) -> list[Finding]:
    """A finding for each change of the settings that waits."""
    remedy = "Put it in force in the window, on the page Input, or take it back in the settings file"
    return [
        Finding("Settings that loosen safety", "warning", f"not in force: {each}", remedy) for each in control.pending
    ]


def _judge_passphrase(control: ControlView) -> list[Finding]:
    if not control.needs_passphrase:
        return []
    detail = "this session cannot tell a press from a synthetic one"
    if control.has_passphrase:
        return [Finding("Confirmation", "ok", f"{detail}; arming and reset ask for your passphrase")]
    remedy = "The window has you choose a passphrase the first time that you arm, reset or allow something"
    return [Finding("Confirmation", "warning", f"{detail}, and there is no passphrase yet", remedy)]


def _judge_state(control: ControlView) -> Finding:
    words = f"{control.state}: {control.reason}" if control.reason else control.state
    return Finding("Control", "ok", f"{words}; {control.hint}" if control.hint else words)
