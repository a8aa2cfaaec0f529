"""What an X display has for input: extensions and devices. Looked at in a process of its own, for a display that hangs
or a library that crashes is a finding of the doctor and not its end."""

import json
import sys
from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec import Struct

from aurora_desktop.desktop.finding import ProbeResult, run_python

EXTENSIONS = ("XInputExtension", "XTEST", "RECORD")
XINPUT_WANTED = (2, 2)
_ALL_DEVICES = 0
_LOOK = "from aurora_desktop.desktop.display_facts import tell; tell()"


class InputDevice(Struct, frozen=True, array_like=True):
    """`use`: XInput2's number of what it serves as; `keys`: how many it has."""

    id: int
    use: int
    name: str
    enabled: bool
    keys: int


class DisplayFacts(Struct, frozen=True):
    """`xinput`: the version of XInput2, or (0, 0)."""

    extensions: tuple[str, ...]
    xinput: tuple[int, int]
    devices: tuple[InputDevice, ...]


def look(environ: Mapping[str, str]) -> DisplayFacts | ProbeResult:
    """The facts of the display of `environ`, or how the look failed."""
    probe = run_python(_LOOK, environ)
    if probe.status != 0:
        return probe
    return msgspec.json.decode(probe.output, type=DisplayFacts)


def tell() -> None:
    """Write the facts of this process' display as JSON."""
    import xcffib
    import xcffib.xinput
    import xcffib.xproto  # before connecting: xcffib learns the core requests by it

    connect: Any = xcffib.connect  # untyped
    display = connect()
    present = [name for name in EXTENSIONS if display.core.QueryExtension(len(name), name).reply().present]
    version, devices = (0, 0), []
    if EXTENSIONS[0] in present:
        xinput = display(xcffib.xinput.key)
        reply = xinput.XIQueryVersion(*XINPUT_WANTED).reply()
        version = (reply.major_version, reply.minor_version)
        devices = [_device(info) for info in xinput.XIQueryDevice(_ALL_DEVICES).reply().infos]
    json.dump({"extensions": present, "xinput": version, "devices": devices}, sys.stdout)


def _device(info: Any) -> tuple[int, int, str, bool, int]:
    keys = sum(getattr(part, "num_keys", 0) for part in info.classes)
    return info.deviceid, info.type, info.name.to_string(), bool(info.enabled), keys
