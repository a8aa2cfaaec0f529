"""How late the loop is: what every click, request and renewal of the brake's lease waits."""

import asyncio
from collections.abc import Callable

EVERY_S = 3.0
# Qt rounds timers of a tenth of a second and more by a twentieth; shorter ones are exact.
PROBE_S = 0.05


async def measured() -> float:
    """Seconds by which a short timer came late just now, 0.0 if it did not."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    await asyncio.sleep(PROBE_S)
    return max(0.0, loop.time() - began - PROBE_S)


async def measure(tell: Callable[[float], None]) -> None:
    """For ever: a sixtieth of the time is looked at, for each look wakes the whole program.

    A block of 0.2 s and more is an event besides (`stalled`).
    """
    while True:
        await asyncio.sleep(EVERY_S)
        tell(await measured())
