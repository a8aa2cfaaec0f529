"""Job Objects: on Windows, the kernel's own list of what belongs to one spawn, whatever became of the parents.

The job is named after the spawn's marker and lives as long as a process is in it, so that the next Aurora finds
it again. It does not end its processes when Aurora dies: they are to be adopted. Elsewhere nothing is done.
"""

import sys

if sys.platform == "win32":
    import ctypes
    from ctypes import wintypes

    _JOB_OBJECT_QUERY = 0x0004
    _SET_QUOTA_AND_TERMINATE = 0x0101
    _BASIC_PROCESS_ID_LIST = 3
    _MOST_PIDS = 1024
    _kernel32 = ctypes.WinDLL("kernel32", use_last_error=True)
    _kernel32.CreateJobObjectW.restype = wintypes.HANDLE
    _kernel32.OpenJobObjectW.restype = wintypes.HANDLE
    _kernel32.OpenProcess.restype = wintypes.HANDLE
    _kernel32.AssignProcessToJobObject.argtypes = (wintypes.HANDLE, wintypes.HANDLE)
    _kernel32.CloseHandle.argtypes = (wintypes.HANDLE,)

    class _ProcessIdList(ctypes.Structure):
        """JOBOBJECT_BASIC_PROCESS_ID_LIST of winnt.h."""

        _fields_ = (
            ("assigned", wintypes.DWORD),
            ("in_list", wintypes.DWORD),
            ("pids", ctypes.c_size_t * _MOST_PIDS),
        )

    def _name(marker: str) -> str:
        return f"Local\\aurora-desktop-{marker}"

    def put_in_job(marker: str, pid: int) -> bool:
        """Put a process into the job of the marker; its children follow by themselves."""
        process = _kernel32.OpenProcess(_SET_QUOTA_AND_TERMINATE, False, pid)  # noqa: FBT003 - a C signature
        job = _kernel32.CreateJobObjectW(None, _name(marker))
        try:
            return bool(process and job and _kernel32.AssignProcessToJobObject(job, process))
        finally:
            for handle in filter(None, (process, job)):
                _kernel32.CloseHandle(handle)  # the job stays while a process is in it

    def job_pids(marker: str) -> tuple[int, ...]:
        """The processes in the job of the marker; none when there is no such job (any more)."""
        job = _kernel32.OpenJobObjectW(_JOB_OBJECT_QUERY, False, _name(marker))  # noqa: FBT003 - a C signature
        if not job:
            return ()
        found = _ProcessIdList()
        try:
            _kernel32.QueryInformationJobObject(
                wintypes.HANDLE(job), _BASIC_PROCESS_ID_LIST, ctypes.byref(found), ctypes.sizeof(found), None
            )
        finally:
            _kernel32.CloseHandle(job)
        return tuple(found.pids[: found.in_list])

else:

    def put_in_job(marker: str, pid: int) -> bool:
        """There are no jobs here; sessions and the subreaper serve instead."""
        del marker, pid
        return False

    def job_pids(marker: str) -> tuple[int, ...]:
        """There are no jobs here."""
        del marker
        return ()
