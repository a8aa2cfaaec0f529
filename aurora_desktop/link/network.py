"""Whether this machine has a network, and whether it was away: what brings the next attempt forward."""

import contextlib
import socket
from typing import NamedTuple

# Addresses for documentation: nothing is sent to them, only the way there is looked up.
_SOMEWHERE = ((socket.AF_INET, "192.0.2.1"), (socket.AF_INET6, "2001:db8::1"))
_SLEPT_S = 5.0
MACHINE_IS_BACK = "the machine is back"


def own_addresses() -> tuple[str, ...]:
    """Our addresses on the ways out; none without a network. Takes some 20 us, and sends nothing."""
    found = []
    for family, there in _SOMEWHERE:
        with contextlib.suppress(OSError), socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.connect((there, 9))
            found.append(str(probe.getsockname()[0]))
    return tuple(found)


class Glance(NamedTuple):
    """Taken now and then; clocks in seconds."""

    addresses: tuple[str, ...]
    monotonic: float
    wall: float


def what_came_back(before: Glance, now: Glance, every_s: float) -> str:
    """Why to try at once, in words; "" for no reason. A jump of either clock is a machine that slept, or was set."""
    if now.addresses and now.addresses != before.addresses:
        return "the network is back" if not before.addresses else "the network is another one"
    awake_s, passed_s = now.monotonic - before.monotonic, now.wall - before.wall
    if max(awake_s, passed_s) > every_s + _SLEPT_S:
        return MACHINE_IS_BACK
    return ""
