"""The doctor: each judgement alone, then all checks on this very machine."""

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from aurora_desktop.desktop import debian, doctor_machine, doctor_qt, doctor_session, session
from aurora_desktop.desktop.doctor import CHECKS, examine
from aurora_desktop.desktop.finding import Finding, Patient, ProbeResult, run_probe, run_python
from aurora_desktop.desktop.single_instance import InstanceLock

MOUNTS = """\
22 1 8:1 / / rw,relatime - ext4 /dev/sda1 rw
40 22 0:35 / /home rw - nfs4 server:/home rw
41 40 0:36 / /home/me/my\\040disk rw shared:1 - btrfs /dev/sdb rw
42 22 0:37 / /proc rw - proc proc rw
"""


def patient(state_dir: Path, config: Path | None = None, **environ: str) -> Patient:
    environ = {"PATH": os.environ["PATH"], "HOME": str(state_dir), "XDG_RUNTIME_DIR": str(state_dir), **environ}
    return Patient(config, state_dir, environ, session.detect(environ))


@pytest.mark.parametrize(
    ("version", "python", "status"),
    [
        ("6.11.3", (3, 11), "ok"),
        ("6.12.0", (3, 11), "error"),
        ("6.12.0", (3, 12), "ok"),
        ("6.7.2", (3, 12), "error"),
    ],
)
def test_qt_that_aborts_on_python_3_11_is_an_error(version: str, python: tuple[int, int], status: str) -> None:
    assert doctor_qt.judge_qt_version(version, python).status == status


def test_missing_library_of_the_import_is_named_with_its_package() -> None:
    said = "Traceback\nImportError: libEGL.so.1: cannot open shared object file: No such file or directory\n"
    found = doctor_qt.judge_import(ProbeResult(1, "", said), on_debian=True)
    assert (found.status, found.remedy) == ("error", "sudo apt-get install libegl1")


def test_import_that_crashes_without_a_word_is_told_by_its_status() -> None:
    found = doctor_qt.judge_import(ProbeResult(-11, "", ""), on_debian=True)
    assert (found.status, found.detail) == ("error", "exit status -11")


def test_all_missing_libraries_are_named_at_once() -> None:
    said = "\tlibxcb-cursor.so.0 => not found\n\tlibm.so.6 => /lib/libm.so.6 (0x1)\n\tlibxcb-icccm.so.4 => not found\n"
    found = doctor_qt.judge_libraries(said, on_debian=True)
    assert found.detail == "missing: libxcb-cursor.so.0, libxcb-icccm.so.4"
    assert found.remedy == "sudo apt-get install libxcb-cursor0 libxcb-icccm4"


def test_elsewhere_the_libraries_themselves_are_named() -> None:
    said = "\tlibxcb-cursor.so.0 => not found\n"
    assert "libxcb-cursor.so.0" in doctor_qt.judge_libraries(said, on_debian=False).remedy


def test_library_that_no_package_is_known_for_is_named_too() -> None:
    remedy = debian.how_to_install(["libEGL.so.1", "libodd.so.3"], on_debian=True)
    assert remedy == "sudo apt-get install libegl1, and the packages that bring libodd.so.3"


def test_every_library_package_of_the_setup_is_known_to_the_doctor() -> None:
    lines = (Path(__file__).parents[3] / "installer" / "debian-packages.txt").read_text().splitlines()
    packages = {line.split()[1].split("|")[-1] for line in lines if line.startswith("run ")}
    assert packages <= set(debian.PACKAGE_OF.values())


def test_own_libraries_of_qt_are_looked_at() -> None:
    names = {path.name.split(".")[0] for path in doctor_qt.qt_objects()}
    assert names == {"libqxcb", "QtWidgets"}


def test_headless_session_is_a_warning_with_the_way_out(tmp_path: Path) -> None:
    (found,) = doctor_qt.display_and_tray(patient(tmp_path))
    assert (found.status, "--headless" in found.remedy) == ("warning", True)


def test_display_that_is_not_there_is_an_error_in_qts_words(tmp_path: Path) -> None:
    (found,) = doctor_qt.display_and_tray(patient(tmp_path, DISPLAY=":4242"))
    assert (found.name, found.status) == ("Display", "error")
    assert "could not connect to display :4242" in found.detail


def test_display_without_tray_is_a_warning(tmp_path: Path) -> None:
    display, tray = doctor_qt.display_and_tray(patient(tmp_path, QT_QPA_PLATFORM="offscreen"))
    assert (display.status, tray.status) == ("ok", "warning")
    assert "1 screen" in display.detail


def test_gnome_needs_an_extension(tmp_path: Path) -> None:
    someone = patient(tmp_path, QT_QPA_PLATFORM="offscreen", XDG_CURRENT_DESKTOP="GNOME")
    assert "gnome-shell-extension-appindicator" in doctor_qt.display_and_tray(someone)[1].remedy


@pytest.mark.parametrize(
    ("path", "kind"),
    [("/var/lib", "ext4"), ("/home/me", "nfs4"), ("/home/me/my disk/state", "btrfs"), ("/homeless", "ext4")],
)
def test_file_system_is_that_of_the_nearest_mount(path: str, kind: str) -> None:
    assert doctor_machine.file_system_kind(Path(path), MOUNTS) == kind


def test_of_two_mounts_in_one_place_the_later_counts() -> None:
    assert doctor_machine.file_system_kind(Path("/x"), MOUNTS + "50 1 0:1 / / rw - overlay overlay rw\n") == "overlay"


@pytest.mark.parametrize(("free", "status"), [(5e9, "ok"), (5e8, "warning"), (5e7, "error")])
def test_disk_space(free: float, status: str) -> None:
    assert doctor_machine.judge_space(int(free), Path("/")).status == status


@pytest.mark.parametrize(
    ("soft", "hard", "is_endless", "status", "remedy"),
    [
        (1024, 4096, False, "ok", ""),
        (-1, -1, True, "ok", ""),
        (256, 4096, False, "warning", "ulimit -n 1024"),
        (256, 256, False, "warning", "Raise `nofile` in limits.conf"),
    ],
)
def test_limit_of_open_files(soft: int, hard: int, is_endless: bool, status: str, remedy: str) -> None:
    found = doctor_machine.judge_open_files(soft, hard, is_endless=is_endless)
    assert (found.status, found.remedy) == (status, remedy)


@pytest.mark.parametrize(("now", "status"), [(0.0, "error"), (1_900_000_000.0, "ok")])
def test_clock_that_was_never_set(now: float, status: str) -> None:
    assert doctor_machine.judge_clock(now).status == status


def test_state_dir_below_a_file_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    (found,) = doctor_machine.state_dir_writable(patient(tmp_path / "file" / "state"))
    assert (found.status, "--state-dir" in found.remedy) == ("error", True)


def test_state_dir_is_not_made_by_looking(tmp_path: Path) -> None:
    (found,) = doctor_machine.state_dir_writable(patient(tmp_path / "new" / "state"))
    assert found.status == "ok"
    assert not (tmp_path / "new").exists()


def test_bus_and_missing_notification_daemon_are_told_apart(tmp_path: Path, session_bus: str) -> None:
    found = doctor_session.notifications(patient(tmp_path, DBUS_SESSION_BUS_ADDRESS=session_bus))
    assert [(one.name, one.status) for one in found] == [("D-Bus", "ok"), ("Notifications", "warning")]


def test_missing_bus_is_a_warning(tmp_path: Path) -> None:
    (found,) = doctor_session.notifications(patient(tmp_path))
    assert (found.name, found.status) == ("D-Bus", "warning")


def test_shell_that_hangs_is_a_warning(tmp_path: Path) -> None:
    (found,) = doctor_session.login_path(patient(tmp_path, SHELL="/bin/false"))
    assert (found.status, "/bin/false" in found.detail) == ("warning", True)


def test_running_aurora_is_seen(tmp_path: Path) -> None:
    with InstanceLock(tmp_path / "aurora.lock"):
        (running,) = doctor_session.single_instance(patient(tmp_path))
    (ended,) = doctor_session.single_instance(patient(tmp_path))
    assert running.detail == f"Aurora runs as process {os.getpid()}"
    assert "does not run" in ended.detail


def test_settings_that_were_named_and_are_not_there_are_an_error(tmp_path: Path) -> None:
    (found,) = doctor_session.settings(patient(tmp_path, tmp_path / "gone.yaml"))
    assert found.status == "error"


def test_settings_that_the_first_start_will_make_are_no_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    default = tmp_path / "aurora.yaml"
    monkeypatch.setattr(doctor_session, "default_config_file", lambda: default)
    statuses = [doctor_session.settings(patient(tmp_path, named))[0].status for named in (None, default)]
    assert statuses == ["ok", "ok"]


def test_settings_are_checked_as_the_program_would(tmp_path: Path) -> None:
    good, bad = tmp_path / "good.yaml", tmp_path / "bad.yaml"
    good.write_text("services: {}\n")
    bad.write_text("servces: {}\n")
    (well,) = doctor_session.settings(patient(tmp_path, good))
    (unwell,) = doctor_session.settings(patient(tmp_path, bad))
    assert (well.status, unwell.status) == ("ok", "error")
    assert "servces" in unwell.detail


def test_check_that_crashes_is_a_finding_and_the_others_go_on(tmp_path: Path) -> None:
    def broken_part(_patient: Patient) -> list[Finding]:
        raise RuntimeError("by itself")

    def sound_part(_patient: Patient) -> list[Finding]:
        return [Finding("Sound", "ok", "well")]

    broken, sound = examine(None, tmp_path, environ={}, checks=(broken_part, sound_part))
    assert (broken.name, broken.status) == ("broken part", "error")
    assert "RuntimeError: by itself" in broken.detail
    assert sound.status == "ok"


def test_check_that_hangs_is_a_finding(tmp_path: Path) -> None:
    release = threading.Event()

    def stuck_part(_patient: Patient) -> list[Finding]:
        release.wait()
        return []

    (found,) = examine(None, tmp_path, environ={}, checks=(stuck_part,), timeout_s=0.05)
    release.set()
    assert (found.status, found.detail) == ("error", "this check did not end in time")


def test_crash_of_a_probe_is_its_result() -> None:
    probe = run_python("import os; os.abort()", {})
    assert probe.status is not None
    assert probe.status < 0


def test_probe_that_hangs_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("aurora_desktop.desktop.finding.PROBE_TIMEOUT_S", 60.0)
    assert run_probe([sys.executable, "-c", "input()", "-"], {}).status is not None
    monkeypatch.setattr("aurora_desktop.desktop.finding.PROBE_TIMEOUT_S", 0.05)
    assert run_probe(["sleep", "60"], dict(os.environ)).status is None


def test_all_requirements_of_this_machine_are_told(tmp_path: Path) -> None:
    environ = {**os.environ, "HOME": str(tmp_path), "QT_QPA_PLATFORM": "offscreen"}
    found = {one.name: one for one in examine(None, tmp_path, environ=environ)}
    assert len(found) >= len(CHECKS)
    for name in ("Python", "Qt version", "Qt import", "Qt libraries", "Display", "State dir", "Journal checksums"):
        assert found[name].status == "ok", found[name]
    assert all(one.remedy for one in found.values() if one.status != "ok")


def test_desktop_code_needs_no_qt() -> None:
    code = "import sys, aurora_desktop.desktop.doctor as d; sys.exit(any(m.startswith('PySide6') for m in sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
