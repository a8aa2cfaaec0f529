"""Writes `argv[2] up` into the file `argv[1]` at the start and `argv[2] down` when asked to end."""

import signal
import sys


def note(what: str) -> None:
    with open(sys.argv[1], "a") as diary:
        diary.write(f"{sys.argv[2]} {what}\n")


def end(*_: object) -> None:
    note("down")
    sys.exit(0)


signal.signal(signal.SIGTERM, end)
note("up")
print("up", flush=True)
while True:
    signal.pause()
