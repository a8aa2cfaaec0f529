"""One guard process as main sees it: its channel, its pulse, and the worker that it last told of."""

import asyncio
import contextlib
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable

import msgspec

from aurora_desktop.safety.messages import Ping
from aurora_desktop.supervisor.exits import owned

READY_S = 10.0
# While armed it answers within PATIENCE_ARMED_S, or is taken for lost; unarmed there is more time.
PING_ARMED_S, PATIENCE_ARMED_S = 0.1, 0.3
PING_S, PATIENCE_S = 2.0, 3.0
WORKER_GRACE_S = 0.05

_READ_BYTES = 65536
_OUTBOX_BYTES = 1 << 20


class GuardProcess:
    """`on_line(self, line)` for each line that it says, `on_lost(self, reason)` when it ended or fell silent."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        process: "subprocess.Popen[bytes]",
        link: socket.socket,
        on_line: "Callable[[GuardProcess, bytes], None]",
        on_lost: "Callable[[GuardProcess, str], None]",
    ) -> None:
        self.process = process
        self._loop, self._link = loop, link
        self._on_line, self._on_lost = on_line, on_lost
        self._inbox = b""
        self._outbox: list[tuple[bytearray, int]] = []
        self._is_listening = True
        self._timer: asyncio.TimerHandle | None = loop.call_later(READY_S, self._lose_patience)
        self._soon = False
        self._number = 0
        self._heard = True
        self._worker = -1
        self.is_ready = self.had_worker = False
        link.setblocking(False)  # noqa: FBT003 - it takes no keyword
        loop.add_reader(link.fileno(), self._read)

    # --- talking --------------------------------------------------------------------------------------------------

    def send(self, data: bytes, fd: int = -1) -> None:
        """A line, and a descriptor along with it; never waits."""
        if not self._is_listening or sum(len(waiting) for waiting, _ in self._outbox) > _OUTBOX_BYTES:
            return
        self._outbox.append((bytearray(data), os.dup(fd) if fd >= 0 else -1))
        self._write()

    def _write(self) -> None:
        try:
            while self._outbox:
                self._send_first()
        except BlockingIOError:
            self._loop.add_writer(self._link.fileno(), self._write)
            return
        except OSError:
            return  # the reader is told of its end
        self._loop.remove_writer(self._link.fileno())

    def _send_first(self) -> None:
        if sys.platform == "win32":
            raise OSError("no descriptor can be passed on Windows, where `GuardLink.start` starts no guard")
        data, fd = self._outbox[0]
        sent = socket.send_fds(self._link, [data], [fd]) if fd >= 0 else self._link.send(data)
        if fd >= 0:
            os.close(fd)
        self._outbox[0] = (data[sent:], -1)
        if sent == len(data):
            del self._outbox[0]

    def _read(self) -> None:
        try:
            data = self._link.recv(_READ_BYTES)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._on_lost(self, "the guard ended")
            return
        self._heard = True
        *lines, self._inbox = (self._inbox + data).split(b"\n")
        for line in lines:
            if self._is_listening:
                self._on_line(self, line)

    def _lose_patience(self) -> None:
        self._on_lost(self, f"the guard was not ready in {READY_S:g} s")

    def stop_listening(self) -> None:
        """It is heard no more."""
        if self._is_listening:
            self._is_listening = False
            self._loop.remove_reader(self._link.fileno())
            self._loop.remove_writer(self._link.fileno())
        if self._timer is not None:
            self._timer.cancel()

    def hang_up(self) -> None:
        """The loop is gone: the guard is to see that main is too."""
        self._is_listening = False
        with contextlib.suppress(OSError):
            self._link.shutdown(socket.SHUT_RDWR)
        self._link.close()

    def close(self) -> None:
        """Let go of its descriptors."""
        self.stop_listening()
        for _, fd in self._outbox:
            if fd >= 0:
                os.close(fd)
        self._outbox.clear()
        self._link.close()
        self.forget_worker()

    # --- its pulse ------------------------------------------------------------------------------------------------

    def ask(self, *, soon: bool) -> None:
        """From now on, whether it is there: while armed (`soon`) more often and with less patience."""
        self._soon = soon
        self._ask()

    def _ask(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._number += 1
        self._heard = False
        self.send(msgspec.json.encode(Ping(self._number)) + b"\n")
        self._timer = self._loop.call_later(PATIENCE_ARMED_S if self._soon else PATIENCE_S, self._judge)

    def _judge(self) -> None:
        if self._is_listening and not self._heard:
            self._read()  # it may be we who were late: what it said meanwhile counts
        if not self._is_listening:
            return
        if self._heard:
            self._timer = self._loop.call_later(PING_ARMED_S if self._soon else PING_S, self._ask)
        else:
            patience_s = PATIENCE_ARMED_S if self._soon else PATIENCE_S
            self._on_lost(self, f"the guard did not answer for {patience_s * 1000:.0f} ms")

    # --- its worker -----------------------------------------------------------------------------------------------

    def watch_worker(self, pid: int) -> None:
        """It has a worker now."""
        self.had_worker = True
        if sys.platform == "linux":
            with contextlib.suppress(OSError):
                self._worker = os.pidfd_open(pid)

    def forget_worker(self) -> None:
        """It has none any more."""
        if self._worker >= 0:
            os.close(self._worker)
            self._worker = -1
        self.had_worker = False
        if self._is_listening and self._soon:
            self.ask(soon=False)

    def kill(self) -> None:
        """SIGKILL, which ends a stopped process too."""
        if sys.platform != "win32" and self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)

    async def end_worker(self) -> None:
        """It leaves by itself when its parent is gone; it is killed when it does not."""
        if sys.platform == "linux" and self._worker >= 0:
            await _readable(self._loop, self._worker, WORKER_GRACE_S)
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._worker, signal.SIGKILL)
            await _readable(self._loop, self._worker, WORKER_GRACE_S)


async def _readable(loop: asyncio.AbstractEventLoop, fd: int, timeout_s: float) -> None:
    """Until `fd` can be read (a pidfd: until its process ended), or the time is over."""
    ready = asyncio.Event()
    loop.add_reader(fd, ready.set)
    try:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                await ready.wait()
    finally:
        loop.remove_reader(fd)


async def gone(process: "subprocess.Popen[bytes]", timeout_s: float) -> bool:
    """Whether the process ended in time; it is reaped then."""
    if sys.platform == "linux" and process.poll() is None:
        fd = os.pidfd_open(process.pid)
        try:
            await _readable(asyncio.get_running_loop(), fd, timeout_s)
        finally:
            os.close(fd)
    elif process.poll() is None:
        with contextlib.suppress(subprocess.TimeoutExpired):
            await asyncio.to_thread(process.wait, timeout_s)
    if process.poll() is None:
        return False
    owned.discard(process.pid)
    return True
