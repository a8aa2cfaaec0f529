"""A Redis of our own for the queues that need one: on a socket in the folder, with what it keeps beside it."""

import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rig.programs import MissingError, end

SERVER = "redis-server"
START_TIMEOUT_S = 10.0


@contextmanager
def redis_server(folder: Path) -> Iterator[str]:
    """The path of its socket. Each write is synced within a second, as it comes. Raises MissingError."""
    if shutil.which(SERVER) is None:
        raise MissingError(f"{SERVER} is not installed (apt-get install redis-server)")
    socket = folder / "redis.sock"
    options = {
        "port": 0,
        "unixsocket": socket,
        "dir": folder,
        "appendonly": "yes",
        "save": '""',
        "logfile": folder / "redis.log",
    }
    words = [word for name, value in options.items() for word in (f"--{name}", str(value))]
    process = subprocess.Popen([SERVER, *words], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + START_TIMEOUT_S
        while not socket.exists():
            if process.poll() is not None or time.monotonic() > deadline:
                raise MissingError(f"{SERVER} did not start: see {folder / 'redis.log'}")
            time.sleep(0.01)
        yield str(socket)
    finally:
        end(process)
