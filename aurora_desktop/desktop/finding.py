"""What a check of the doctor hands back, and what it is given to look at."""

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from msgspec import Struct

from aurora_desktop.core.paths import default_config_file
from aurora_desktop.desktop.session import Session

if TYPE_CHECKING:
    from aurora_desktop.core.settings.schema import Settings

Status = Literal["ok", "warning", "error"]

PROBE_TIMEOUT_S = 8.0


class Finding(Struct, frozen=True):
    """One requirement: what was found (`detail`) and the exact step that mends it (`remedy`, or "")."""

    name: str
    status: Status
    detail: str
    remedy: str = ""


class Patient(Struct, frozen=True):
    """What is examined: this program, these settings, this state dir, in this session."""

    config: Path | None
    state_dir: Path
    environ: Mapping[str, str]
    session: Session

    def settings(self) -> "Settings":
        """Blocking. Raises SettingsError, which is the check `settings`' to tell."""
        # Late, so that a broken YAML library is a finding and not the end of the doctor.
        from aurora_desktop.core.settings.loader import load

        return load(self.config or default_config_file())


class ProbeResult(Struct, frozen=True):
    """How a probe ended; `status` is None when it took too long."""

    status: int | None
    output: str
    errors: str

    @property
    def last_line(self) -> str:
        """What it said last on its standard error."""
        lines = [line for line in self.errors.splitlines() if line.strip()]
        return lines[-1].strip() if lines else f"exit status {self.status}"


def run_python(code: str, environ: Mapping[str, str]) -> ProbeResult:
    """Run `code` in a Python of its own, so that a crash of a library is a finding and not our end."""
    return run_probe([sys.executable, "-c", code], environ)


def run_probe(command: list[str], environ: Mapping[str, str]) -> ProbeResult:
    """Raises OSError when the program cannot be started."""
    try:
        done = subprocess.run(
            command,
            env=dict(environ),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=PROBE_TIMEOUT_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return ProbeResult(None, "", f"no answer within {PROBE_TIMEOUT_S:.0f} s")
    return ProbeResult(done.returncode, done.stdout, done.stderr)
