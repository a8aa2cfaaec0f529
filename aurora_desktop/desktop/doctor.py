"""`aurora doctor`: every requirement of this desktop, what is wrong with it, and how to mend it."""

import os
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from aurora_desktop.desktop import (
    doctor_agents,
    doctor_alerts,
    doctor_door,
    doctor_input,
    doctor_link,
    doctor_machine,
    doctor_qt,
    doctor_session,
    session,
)
from aurora_desktop.desktop.finding import Finding, Patient

Check = Callable[[Patient], list[Finding]]

__all__ = ["CHECKS", "Check", "Finding", "examine"]

CHECKS: tuple[Check, ...] = (
    doctor_qt.python_version,
    doctor_qt.qt_version,
    doctor_qt.qt_import,
    doctor_qt.qt_libraries,
    doctor_session.session_kind,
    doctor_qt.display_and_tray,
    doctor_session.notifications,
    doctor_session.systemd,
    doctor_session.autostart_state,
    doctor_session.login_path,
    doctor_session.settings,
    doctor_alerts.channels,
    doctor_agents.agents,
    doctor_link.link,
    doctor_input.input_session,
    doctor_input.display_input,
    doctor_input.input_libraries,
    doctor_input.gate_file,
    doctor_machine.state_dir_writable,
    doctor_machine.free_space,
    doctor_machine.file_system,
    doctor_machine.checksums,
    doctor_machine.kernel,
    doctor_machine.open_files,
    doctor_machine.clock,
    doctor_session.single_instance,
    doctor_door.local_api,
)
_TIMEOUT_S = 20.0


def examine(
    config: Path | None,
    state_dir: Path,
    *,
    environ: Mapping[str, str] = os.environ,
    checks: Sequence[Check] = CHECKS,
    timeout_s: float = _TIMEOUT_S,
) -> list[Finding]:
    """Run every check at once; one that crashes or hangs is a finding itself. At most `timeout_s` in all."""
    patient = Patient(config, state_dir, environ, session.detect(environ))
    runs = [_Run(check, patient) for check in checks]
    deadline = time.monotonic() + timeout_s
    return [finding for run in runs for finding in run.findings(deadline)]


class _Run:
    """One check in a thread of its own, a daemon, for a dead network disk can hold a thread for ever."""

    def __init__(self, check: Check, patient: Patient) -> None:
        self._check = check
        self._patient = patient
        self._found: list[Finding] | None = None
        self._thread = threading.Thread(target=self._work, name=f"doctor-{self._name}", daemon=True)
        self._thread.start()

    @property
    def _name(self) -> str:
        return getattr(self._check, "__name__", "check").replace("_", " ")

    def findings(self, deadline: float) -> list[Finding]:
        """Waits until `deadline` on the monotonic clock."""
        self._thread.join(max(0.0, deadline - time.monotonic()))
        if self._found is None:
            return [Finding(self._name, "error", "this check did not end in time", "Run `aurora doctor` again")]
        return self._found

    def _work(self) -> None:
        try:
            self._found = self._check(self._patient)
        except Exception as error:  # noqa: BLE001 - the doctor must survive each of its checks
            detail = f"this check failed: {type(error).__name__}: {error}"
            self._found = [Finding(self._name, "error", detail, "Report this as a fault of Aurora")]
