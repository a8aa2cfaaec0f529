"""The process that makes a backup: `python -m aurora_desktop.backups.program`.

It exists only while one is made, so that the tray app carries no zstandard, and a disk that hangs holds up nobody. The
request comes over stdin; the answer is one JSON line on stdout. Main kills it when its time is over: what is half-made
has no name, and is removed by the next.
"""

import os
import sys

import msgspec

from aurora_desktop.backups.making import make
from aurora_desktop.backups.messages import Request

_NICENESS = 10


def main() -> None:
    if hasattr(os, "nice"):
        os.nice(_NICENESS)
    answer = make(msgspec.json.decode(sys.stdin.buffer.read(), type=Request))
    os.write(1, msgspec.json.encode(answer) + b"\n")


if __name__ == "__main__":
    main()
