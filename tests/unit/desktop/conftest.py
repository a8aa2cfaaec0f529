"""A private D-Bus session bus, and programs on PATH that record how they were called."""

import shutil
import subprocess
from collections.abc import Iterator

import pytest


@pytest.fixture
def session_bus() -> Iterator[str]:
    """The address of a bus of this test's own."""
    if shutil.which("dbus-daemon") is None:
        pytest.skip("dbus-daemon is not installed")
    command = ["dbus-daemon", "--session", "--nofork", "--nopidfile", "--print-address"]
    quiet = subprocess.DEVNULL
    with subprocess.Popen(command, stdin=quiet, stdout=subprocess.PIPE, stderr=quiet, text=True) as daemon:
        assert daemon.stdout is not None
        yield daemon.stdout.readline().strip()
        daemon.terminate()
