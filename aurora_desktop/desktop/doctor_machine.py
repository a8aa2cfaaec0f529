"""Checks of the machine: storage, kernel, limits and clock."""

import ctypes
import os
import shutil
import sys
import tempfile
import threading
import time
from pathlib import Path

from aurora_desktop.desktop.finding import Finding, Patient, run_python

if sys.platform != "win32":
    import resource

_NETWORK_KINDS = {"nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "afs", "ceph", "glusterfs", "fuse.sshfs", "davfs"}
_LEAST_FREE = 100_000_000
_ENOUGH_FREE = 1_000_000_000
_FILES_WANTED = 1024
# 1 January 2025: earlier than any release of Aurora, so a clock before it was never set.
_FIRST_SANE_TIME = 1_735_689_600
_PR_GET_CHILD_SUBREAPER = 37

_LOAD_CHECKSUMS = """
import apsw, apsw.sqlite_extra
apsw.sqlite_extra.load(apsw.Connection(":memory:"), "cksumvfs")
print(apsw.vfs_names())
"""


def state_dir_writable(patient: Patient) -> list[Finding]:
    folder = nearest_existing(patient.state_dir)
    try:
        with tempfile.TemporaryFile(dir=folder):
            return [Finding("State dir", "ok", f"{patient.state_dir} can be written")]
    except OSError as error:
        detail = f"{folder} cannot be written: {error.strerror or error}"
        remedy = f"Make {folder} writable for this user, or name another folder with --state-dir"
        return [Finding("State dir", "error", detail, remedy)]


def free_space(patient: Patient) -> list[Finding]:
    folder = nearest_existing(patient.state_dir)
    return [judge_space(shutil.disk_usage(folder).free, folder)]


def judge_space(free_bytes: int, folder: Path) -> Finding:
    detail = f"{free_bytes / 1e9:.1f} GB free on the disk of {folder}"
    if free_bytes >= _ENOUGH_FREE:
        return Finding("Disk space", "ok", detail)
    remedy = "Free at least 1 GB there, or name another folder with --state-dir"
    return Finding("Disk space", "error" if free_bytes < _LEAST_FREE else "warning", detail, remedy)


def file_system(patient: Patient) -> list[Finding]:
    if not sys.platform.startswith("linux"):
        return []
    mounts = Path("/proc/self/mountinfo").read_text(encoding="utf-8", errors="surrogateescape")
    kind = file_system_kind(nearest_existing(patient.state_dir).resolve(), mounts)
    if kind in _NETWORK_KINDS:
        remedy = "Name a folder on a local disk with --state-dir: locks and SQLite need one"
        return [Finding("File system", "warning", f"the state dir lies on {kind}, over the network", remedy)]
    return [Finding("File system", "ok", f"the state dir lies on {kind or 'an unknown file system'}")]


def file_system_kind(path: Path, mountinfo: str) -> str:
    """The type of the file system that holds `path`, or ""; of mounts in one place the last counts."""
    best, kind = -1, ""
    for line in mountinfo.splitlines():
        left, _, right = line.partition(" - ")
        fields = left.split(" ")
        if len(fields) < 5 or not right:
            continue
        point = Path(fields[4].encode().decode("unicode_escape"))
        if path.is_relative_to(point) and len(point.parts) >= best:
            best, kind = len(point.parts), right.split(" ")[0]
    return kind


def checksums(patient: Patient) -> list[Finding]:
    """In a process of its own: loading the extension changes every later connection."""
    probe = run_python(_LOAD_CHECKSUMS, patient.environ)
    if probe.status == 0 and "cksmvfs" in probe.output:
        return [Finding("Journal checksums", "ok", "SQLite's checksum extension can be loaded")]
    detail = (probe.errors.strip().splitlines() or ["the extension did not register itself"])[-1]
    return [Finding("Journal checksums", "error", detail, "pip install --force-reinstall apsw (the wheel of PyPI)")]


def kernel(_patient: Patient) -> list[Finding]:
    """What following child processes exactly needs on Linux."""
    if not sys.platform.startswith("linux"):
        return []
    lacking = [name for name, has in _facilities().items() if not has]
    if not lacking:
        return [Finding("Kernel", "ok", "pidfd, child subreaper and lists of children are there")]
    detail = f"not available: {', '.join(lacking)}; exits are found by polling"
    return [Finding("Kernel", "warning", detail, "Use Linux 5.3 or later, with CONFIG_PROC_CHILDREN")]


def _facilities() -> dict[str, bool]:
    return {
        "pidfd": _has_pidfd(),
        "child subreaper": _has_subreaper(),
        "/proc/<pid>/task/<tid>/children": Path(
            f"/proc/{os.getpid()}/task/{threading.get_native_id()}/children"
        ).exists(),
    }


def _has_pidfd() -> bool:
    if sys.platform != "linux":
        return False
    try:
        os.close(os.pidfd_open(os.getpid()))
    except (AttributeError, OSError):
        return False
    return True


def _has_subreaper() -> bool:
    is_set = ctypes.c_int()
    try:
        return int(ctypes.CDLL(None).prctl(_PR_GET_CHILD_SUBREAPER, ctypes.byref(is_set), 0, 0, 0)) == 0
    except (AttributeError, OSError):
        return False


def open_files(_patient: Patient) -> list[Finding]:
    if sys.platform != "win32":
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        return [judge_open_files(soft, hard, is_endless=soft == resource.RLIM_INFINITY)]
    return []


def judge_open_files(soft: int, hard: int, *, is_endless: bool) -> Finding:
    if is_endless or soft >= _FILES_WANTED:
        return Finding("Open files", "ok", "no limit" if is_endless else f"up to {soft}")
    remedy = f"ulimit -n {_FILES_WANTED}" if hard < 0 or hard >= _FILES_WANTED else "Raise `nofile` in limits.conf"
    return Finding("Open files", "warning", f"limited to {soft}; each service takes up to 4", remedy)


def clock(_patient: Patient) -> list[Finding]:
    return [judge_clock(time.time())]


def judge_clock(now: float) -> Finding:
    day = time.strftime("%Y-%m-%d", time.gmtime(now))
    if now < _FIRST_SANE_TIME:
        remedy = "Set the date, for instance with `sudo timedatectl set-ntp true`"
        return Finding("Clock", "error", f"the machine believes that it is {day}", remedy)
    return Finding("Clock", "ok", f"{day} (UTC)")


def nearest_existing(path: Path) -> Path:
    """The folder itself, or the nearest one above it that is there."""
    path = path.absolute()
    return next((folder for folder in (path, *path.parents) if folder.exists()), path)
