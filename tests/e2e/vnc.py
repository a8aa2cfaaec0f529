"""A display with an operator: Xvnc, where the input of an RFB client is that of a physical keyboard and pointer."""

import shutil
import tempfile
from pathlib import Path

from .operator import Operator
from .screen import SIZE, Screen
from .waiting import eventually

_GEOMETRY, _, _DEPTH = SIZE.rpartition("x")


class VncScreen(Screen):
    """Like `Screen`; the devices of its operator are "TigerVNC keyboard" and "TigerVNC pointer"."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        # The name of a socket must be short, which a test's own folder is not.
        self._sockets = Path(tempfile.mkdtemp(prefix="rfb-"))
        self.address = str(self._sockets / "rfb")

    def operator(self) -> Operator:
        """A new pair of hands. Close it."""
        eventually(lambda: Path(self.address).exists(), "the VNC server listens")
        return Operator(self.address)

    def _server_command(self) -> tuple[str, ...]:
        return (
            *("Xvnc", "-displayfd", "{fd}", "-geometry", _GEOMETRY, "-depth", _DEPTH, "-nolisten", "tcp", "-noreset"),
            *("-SecurityTypes", "None", "-AlwaysShared", "-rfbport", "-1", "-rfbunixpath", self.address),
        )

    def _close(self) -> None:
        super()._close()
        shutil.rmtree(self._sockets, ignore_errors=True)
