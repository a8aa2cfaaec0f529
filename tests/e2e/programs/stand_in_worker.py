"""A worker that presses keys of its own, and does what a test wants it to do when the permit is gone.

    stand_in_worker.py MANNER KEYCODES --socket FD --permit FD --held FD --generation N

`obedient` leaves when the permit is gone, everything released; `stubborn` never does, and presses nothing more;
`careless` presses keys without writing them down; `crashing` presses and dies.
"""

import sys
import time
from typing import Any

import xcffib
import xcffib.xproto
import xcffib.xtest

from aurora_desktop.safety.permit import HeldTable, Permit, SharedPage

PRESS, RELEASE, BUTTON_PRESS = 2, 3, 4


def main(manner: str, codes: list[int], options: dict[str, int]) -> int:
    permit = Permit(SharedPage(options["--permit"], writable=False))
    held = HeldTable(SharedPage(options["--held"], writable=True))
    module: Any = xcffib
    connection = module.connect()
    xtest = connection(xcffib.xtest.key)

    def send(kind: int, detail: int) -> None:
        xtest.FakeInput(kind, detail, 0, 0, 0, 0, 0)
        connection.core.GetInputFocus().reply()

    held.set_busy(busy=manner != "careless")
    for code in codes:
        assert permit.allows(options["--generation"])
        if manner != "careless":
            held.hold_key(code)
        held.begin_event()
        send(PRESS, code)
        held.end_event()
    held.hold_button(1)
    send(BUTTON_PRESS, 1)
    if manner == "crashing":
        return 3
    while permit.allows(options["--generation"]) or manner != "obedient":
        time.sleep(0.002)
    for code in codes:
        send(RELEASE, code)
        held.drop_key(code)
    send(BUTTON_PRESS + 1, 1)
    held.drop_button(1)
    held.set_busy(busy=False)
    return 0


if __name__ == "__main__":
    given = dict(zip(sys.argv[3::2], map(int, sys.argv[4::2]), strict=True))
    sys.exit(main(sys.argv[1], [int(code) for code in sys.argv[2].split(",") if code], given))
