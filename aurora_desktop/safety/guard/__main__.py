"""`python -m aurora_desktop.safety.guard`, started by `GuardLink`."""

import gc
import sys
from pathlib import Path

from aurora_desktop.core.lean import give_back_memory, load_msgspec
from aurora_desktop.safety.urgency import hurry


def main(arguments: list[str]) -> int:
    """`--channel FD --permit FD --held FD --socket PATH --clearance PATH`; DISPLAY from the environment."""
    hurry()
    load_msgspec()
    from aurora_desktop.safety.guard.guard import Places, run

    given = dict(zip(arguments[::2], arguments[1::2], strict=True))
    places = Places(
        int(given["--channel"]),
        int(given["--permit"]),
        int(given["--held"]),
        Path(given["--socket"]),
        Path(given["--clearance"]),
    )
    # What was loaded stays: looking through it again and again only costs time in the wrong moment.
    gc.freeze()
    give_back_memory()
    run(places)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
