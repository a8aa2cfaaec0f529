"""A service with children, a child in a session of its own, and one that went away by a double fork.

Each writes its pid as a line into the file `argv[1]`; nobody of them heeds the others' end.
"""

import os
import signal
import sys

book = os.open(sys.argv[1], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)


def stay() -> None:
    os.write(book, f"{os.getpid()}\n".encode())
    signal.pause()
    os._exit(0)


if not os.fork():
    stay()
if not os.fork():
    os.setsid()
    stay()
if not os.fork():
    os.setsid()
    if not os.fork():
        os.setsid()
        stay()
    os._exit(0)
else:
    os.wait()
stay()
