"""Main's hold on the guard: started, spoken to, listened to, covered for when it is silent, and started again."""

import asyncio
import contextlib
import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import msgspec

from aurora_desktop.core.errors import AuroraError
from aurora_desktop.core.paths import StatePaths
from aurora_desktop.safety.guard_process import READY_S, GuardProcess, gone
from aurora_desktop.safety.messages import (
    Arm,
    Armed,
    Configure,
    Disarmed,
    FromGuard,
    Marked,
    NotArmed,
    Pong,
    Ready,
    Retire,
    Stopped,
    ToGuard,
    WorkerEnded,
)
from aurora_desktop.safety.permit import HeldTable, Permit, SharedPage, create_page
from aurora_desktop.supervisor.exits import owned
from aurora_desktop.supervisor.processes import SPAWN_MARKER, STATE_MARKER

RETIRE_S = 1.0
FIRST_DELAY_S = 0.1
MAX_DELAY_S = 5.0
STEADY_S = 30.0
LOG_BYTES = 1 << 20

_PROGRAM = (sys.executable, "-P", "-m", "aurora_desktop.safety.guard")
_RELEASER = (sys.executable, "-P", "-m", "aurora_desktop.safety.guard.release")

_ENDS = (Disarmed, Stopped, WorkerEnded, NotArmed)


class GuardLink:
    """The guard's only client. `on_message` gets what it says, `on_lost` why it is gone; it is started again then.

    All calls on the loop's thread. A new guard is told the last Configure and Marked before its Ready is passed on.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        paths: StatePaths,
        environment: Mapping[str, str],
        on_message: Callable[[FromGuard], None],
        on_lost: Callable[[str], None],
    ) -> None:
        self._loop, self._paths = loop, paths
        # Like all that belongs to this state dir, and no service.
        self._environment = {**environment, STATE_MARKER: paths.digest}
        self._environment.pop(SPAWN_MARKER, None)
        self._on_message, self._on_lost = on_message, on_lost
        self._decoder = msgspec.json.Decoder(FromGuard)
        self._encoder = msgspec.json.Encoder()
        self._permit_fd, self._held_fd = create_page("aurora-permit"), create_page("aurora-held")
        # Written here only once the guard, whose page it is, is dead.
        self._permit_page = SharedPage(self._permit_fd, writable=True)
        self._held_page = SharedPage(self._held_fd, writable=False)
        self.permit, self.held = Permit(self._permit_page), HeldTable(self._held_page)
        self._guard: GuardProcess | None = None
        self._configure: Configure | None = None
        self._marked: Marked | None = None
        self._ready: asyncio.Future[None] | None = None
        self._retry: asyncio.TimerHandle | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._delay_s = FIRST_DELAY_S
        self._is_closed = False
        self.restarts = 0

    @property
    def pid(self) -> int:
        """0 while there is no guard."""
        return self._guard.process.pid if self._guard is not None else 0

    @property
    def is_up(self) -> bool:
        """It has said that it is ready, and was not lost since."""
        return self._guard is not None and self._guard.is_ready

    async def start(self) -> None:
        """Until the guard is ready. Raises AuroraError when it does not become so, or cannot run on this platform."""
        if sys.platform == "win32":
            raise AuroraError(
                "Control of mouse and keyboard is not available on Windows yet",
                "the guard passes descriptors over unix sockets, which Windows lacks",
                "Everything else of Aurora works.",
            )
        self._ready = self._loop.create_future()
        self._spawn()
        try:
            async with asyncio.timeout(READY_S):
                await self._ready
        except TimeoutError:
            log = self._paths.logs / "guard.log"
            raise AuroraError("The guard does not start", f"it was not ready in {READY_S:g} s", f"See {log}") from None
        finally:
            self._ready = None

    def send(self, message: ToGuard) -> None:
        """Tell the guard; never waits, and is silently lost when there is none."""
        if isinstance(message, Configure):
            self._configure = message
        elif isinstance(message, Marked):
            self._marked = message
        if self._guard is not None:
            self._guard.send(self._encoder.encode(message) + b"\n")

    def arm(self, message: Arm, worker_socket: socket.socket) -> None:
        """Have the worker started with this end of its socket, which stays the caller's to close."""
        if self._guard is not None:
            self._guard.ask(soon=True)
            self._guard.send(self._encoder.encode(message) + b"\n", worker_socket.fileno())

    def cover(self, reason: str) -> None:
        """The guard did not do what it must: end it and its worker, release what is held, and start another."""
        if self._guard is not None:
            self._lose(self._guard, reason)

    def abandon(self) -> None:
        """The loop is gone: the guard ends what it guards, and itself once no marked service lives."""
        self._is_closed = True
        guard, self._guard = self._guard, None
        if guard is not None:
            guard.hang_up()

    async def close(self) -> None:
        """Retire the guard; it is killed when it does not go."""
        self._is_closed = True
        if self._retry is not None:
            self._retry.cancel()
        guard, self._guard = self._guard, None
        if guard is not None:
            guard.send(self._encoder.encode(Retire()) + b"\n")
            guard.stop_listening()
            if not await gone(guard.process, RETIRE_S):
                await self._cover(guard)
            guard.close()
        for task in tuple(self._tasks):
            await task
        self._permit_page.close()
        self._held_page.close()
        os.close(self._permit_fd)
        os.close(self._held_fd)

    # --- one guard after another --------------------------------------------------------------------------------

    def _spawn(self) -> None:
        self._retry = None
        ours, theirs = socket.socketpair()
        command = (
            *_PROGRAM,
            *("--channel", str(theirs.fileno())),
            *("--permit", str(self._permit_fd)),
            *("--held", str(self._held_fd)),
            *("--socket", str(self._paths.guard_socket.absolute())),
            *("--clearance", str(self._paths.clearance.absolute())),
        )
        try:
            with theirs:
                process = self._run(command, (theirs.fileno(), self._permit_fd, self._held_fd))
        except OSError as error:
            ours.close()
            self._spawn_later()
            self._on_lost(f"the guard cannot be started: {error.strerror}")
            return
        self._guard = GuardProcess(self._loop, process, ours, self._take, self._lose)

    def _run(self, command: tuple[str, ...], fds: tuple[int, ...]) -> "subprocess.Popen[bytes]":
        """In a session of its own, which no terminal's Ctrl+C reaches."""
        with _opened(self._paths.logs / "guard.log") as log:
            process = subprocess.Popen(
                command,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                pass_fds=fds,
                start_new_session=True,
            )
        owned.add(process.pid)  # nobody else's to reap, and no stray of a service that ends
        return process

    def _take(self, guard: GuardProcess, line: bytes) -> None:
        try:
            message = self._decoder.decode(line)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            self._lose(guard, f"the guard said what is not understood: {error}")
            return
        if isinstance(message, Pong):
            return
        if isinstance(message, Ready):
            self._take_ready(guard)
        elif isinstance(message, Armed):
            guard.watch_worker(message.worker_pid)
        elif isinstance(message, _ENDS):
            guard.forget_worker()
        self._on_message(message)

    def _take_ready(self, guard: GuardProcess) -> None:
        guard.is_ready = True
        guard.ask(soon=False)
        for message in (self._configure, self._marked):
            if message is not None:
                self.send(message)
        if self._ready is not None and not self._ready.done():
            self._ready.set_result(None)
        self._loop.call_later(STEADY_S, self._forget_delay, guard)

    def _forget_delay(self, guard: GuardProcess) -> None:
        if self._guard is guard:
            self._delay_s = FIRST_DELAY_S

    def _lose(self, guard: GuardProcess, reason: str) -> None:
        if self._guard is not guard:
            return
        self._guard = None
        guard.stop_listening()
        task = self._loop.create_task(self._replace(guard))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        self._on_lost(reason)

    async def _replace(self, guard: GuardProcess) -> None:
        await self._cover(guard)
        guard.close()
        self._spawn_later()

    def _spawn_later(self) -> None:
        if not self._is_closed:
            self.restarts += 1
            self._retry = self._loop.call_later(self._delay_s, self._spawn)
            self._delay_s = min(2 * self._delay_s, MAX_DELAY_S)

    async def _cover(self, guard: GuardProcess) -> None:
        """What the guard would have done: no permit, no worker, nothing held."""
        guard.kill()
        self.permit.revoke()
        await guard.end_worker()
        await gone(guard.process, RETIRE_S)
        self.permit.revoke()  # it may have granted one more between the two
        if guard.had_worker:
            await self._release()

    async def _release(self) -> None:
        with contextlib.suppress(OSError):
            releaser = self._run((*_RELEASER, str(self._held_fd)), (self._held_fd,))
            if not await gone(releaser, RETIRE_S):
                releaser.kill()
                await gone(releaser, RETIRE_S)


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[int]:
    """What the guard complains of is kept, up to a limit; where it cannot be kept it is lost."""
    try:
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        if os.fstat(fd).st_size > LOG_BYTES:
            os.truncate(fd, 0)
    except OSError:
        fd = os.open(os.devnull, os.O_WRONLY)
    try:
        yield fd
    finally:
        os.close(fd)
