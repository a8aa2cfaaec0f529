"""Checks of Python and Qt: can the tray and the window be shown at all?"""

import importlib.util
import re
import sys
from importlib import metadata
from pathlib import Path

import msgspec

from aurora_desktop.desktop.debian import how_to_install, install, is_debian
from aurora_desktop.desktop.finding import Finding, Patient, ProbeResult, run_probe, run_python

_MISSING_LIBRARY = re.compile(r"(lib[\w.+-]+\.so[\d.]*): cannot open shared object file")
_NOT_FOUND = re.compile(r"^\s*(\S+) => not found", re.MULTILINE)
_SYNC = "make setup, or pip install --upgrade aurora-desktop"

_SHOW = """
import json
from PySide6.QtWidgets import QApplication, QSystemTrayIcon
app = QApplication([])
print(json.dumps({"platform": app.platformName(), "screens": len(app.screens()),
                  "tray": QSystemTrayIcon.isSystemTrayAvailable()}))
"""


class _Shown(msgspec.Struct, frozen=True):
    platform: str
    screens: int
    tray: bool


def python_version(_patient: Patient) -> list[Finding]:
    version = ".".join(map(str, sys.version_info[:3]))
    if sys.version_info < (3, 11):  # noqa: UP036 - the doctor also serves those who run an older one by hand
        return [Finding("Python", "error", f"{version} is too old", "Install Python 3.11 or later")]
    return [Finding("Python", "ok", f"{version} ({sys.executable})")]


def qt_version(_patient: Patient) -> list[Finding]:
    try:
        version = metadata.version("PySide6-Essentials")
    except metadata.PackageNotFoundError:
        return [Finding("Qt version", "error", "PySide6-Essentials is not installed", _SYNC)]
    return [judge_qt_version(version, sys.version_info[:2])]


def judge_qt_version(version: str, python: tuple[int, int]) -> Finding:
    """PySide6 6.12 loses a reference to None per call on Python 3.11 and aborts in the end."""
    release = tuple(int(part) for part in re.findall(r"\d+", version)[:2])
    if python < (3, 12) and release >= (6, 12):
        remedy = "pip install 'PySide6-Essentials>=6.8.3,<6.12', or use Python 3.12"
        return Finding("Qt version", "error", f"PySide6 {version} aborts after a while on Python 3.11", remedy)
    if release < (6, 8):
        remedy = "pip install 'PySide6-Essentials>=6.8.3'"
        return Finding("Qt version", "error", f"PySide6 {version} is too old", remedy)
    return Finding("Qt version", "ok", f"PySide6 {version}")


def qt_import(patient: Patient) -> list[Finding]:
    return [judge_import(run_python("import PySide6.QtSvg, PySide6.QtWidgets", patient.environ), on_debian=is_debian())]


def judge_import(probe: ProbeResult, *, on_debian: bool) -> Finding:
    if probe.status == 0:
        return Finding("Qt import", "ok", "PySide6.QtWidgets can be imported")
    detail = probe.last_line
    libraries = _MISSING_LIBRARY.findall(probe.errors)
    return Finding("Qt import", "error", detail, how_to_install(libraries, on_debian=on_debian) if libraries else _SYNC)


def qt_libraries(patient: Patient) -> list[Finding]:
    """What the X11 plugin of Qt and the bindings need, all of it at once rather than one by one."""
    if not sys.platform.startswith("linux"):
        return []
    objects = qt_objects()
    if not objects:
        return [Finding("Qt libraries", "error", "the X11 plugin of PySide6 was not found", _SYNC)]
    listed = run_probe(["ldd", *map(str, objects)], {**patient.environ, "LC_ALL": "C"})
    return [judge_libraries(listed.output, on_debian=is_debian())]


def judge_libraries(ldd_output: str, *, on_debian: bool) -> Finding:
    missing = sorted(set(_NOT_FOUND.findall(ldd_output)))
    if not missing:
        return Finding("Qt libraries", "ok", "every system library of Qt's X11 plugin is there")
    remedy = how_to_install(missing, on_debian=on_debian)
    return Finding("Qt libraries", "error", f"missing: {', '.join(missing)}", remedy)


def qt_objects() -> list[Path]:
    """The shared objects whose needs decide whether a window can be shown; empty without PySide6."""
    spec = importlib.util.find_spec("PySide6")
    if spec is None or not spec.submodule_search_locations:
        return []
    package = Path(spec.submodule_search_locations[0])
    plugin = package / "Qt" / "plugins" / "platforms" / "libqxcb.so"
    return [plugin, *package.glob("QtWidgets*.so")] if plugin.exists() else []


def display_and_tray(patient: Patient) -> list[Finding]:
    """A real QApplication on the present display, asked for a system tray."""
    if patient.session.kind == "headless" and not patient.environ.get("QT_QPA_PLATFORM"):
        detail = "neither DISPLAY nor WAYLAND_DISPLAY is set"
        return [Finding("Display", "warning", detail, "Log in to a desktop, or use `aurora run --headless`")]
    probe = run_python(_SHOW, patient.environ)
    if probe.status != 0:
        return [_display_failed(patient, probe)]
    shown = msgspec.json.decode(probe.output.strip().splitlines()[-1], type=_Shown)
    display = f" {patient.session.display}" if patient.session.display else ""
    screens = f"{shown.screens} screen" + ("s" if shown.screens != 1 else "")
    return [Finding("Display", "ok", f"{shown.platform}{display}, {screens}"), _judge_tray(patient, shown.tray)]


def _display_failed(patient: Patient, probe: ProbeResult) -> Finding:
    name = patient.session.display or patient.environ.get("QT_QPA_PLATFORM", "")
    reason = next((line for line in probe.errors.splitlines() if "connect to display" in line), probe.last_line)
    remedy = "Check that the display runs and that you may use it (`xauth list`), or use `aurora run --headless`"
    return Finding("Display", "error", f"{name}: {reason}", remedy)


def _judge_tray(patient: Patient, has_tray: bool) -> Finding:
    if has_tray:
        return Finding("System tray", "ok", "a tray shows icons")
    if "GNOME" in patient.session.desktop:
        remedy = f"{install('gnome-shell-extension-appindicator', on_debian=is_debian())}, then log in again"
    else:
        remedy = "Add a system tray to your panel; until then the window is shown instead"
    return Finding("System tray", "warning", "no tray shows icons in this session", remedy)
