"""How a process ended, as a value that can say so in words."""

import signal as signals

from msgspec import Struct


class Outcome(Struct, frozen=True):
    """The end of a process: `exit_code`, or `signal` (a number), or neither where nobody can know (adopted)."""

    exit_code: int | None = None
    signal: int | None = None
    uptime_s: float = 0.0

    @classmethod
    def from_returncode(cls, returncode: int | None, uptime_s: float) -> "Outcome":
        """From Python's convention: negative is a signal, `None` is unknown."""
        if returncode is None:
            return cls(uptime_s=uptime_s)
        if returncode < 0:
            return cls(signal=-returncode, uptime_s=uptime_s)
        return cls(exit_code=returncode, uptime_s=uptime_s)

    @property
    def is_success(self) -> bool:
        """Whether it is known to have ended well; an unknown end counts as failure."""
        return self.exit_code == 0

    @property
    def is_unknown(self) -> bool:
        """Whether nobody can know how it ended."""
        return self.exit_code is None and self.signal is None

    @property
    def signal_name(self) -> str | None:
        """`SIGKILL` for 9; `None` when no signal ended it."""
        if self.signal is None:
            return None
        try:
            return signals.Signals(self.signal).name
        except ValueError:
            return f"signal {self.signal}"

    def words(self) -> str:
        """`exited with code 3 after 2.1 s`."""
        after = f"after {format_duration(self.uptime_s)}"
        if self.signal is not None:
            return f"killed by {self.signal_name} {after}"
        if self.exit_code is not None:
            return f"exited with code {self.exit_code} {after}"
        return f"ended {after} (exit status unknown: it was adopted)"


def format_duration(seconds: float) -> str:
    """`0.3 s`, `12 s`, `4 min 10 s`, `3 h 5 min`, `2 d 4 h`."""
    if round(seconds, 1) < 10:
        return f"{max(0.0, seconds):.1f} s"
    whole = round(seconds)
    for size, unit, part, part_unit in ((86400, "d", 3600, "h"), (3600, "h", 60, "min"), (60, "min", 1, "s")):
        if whole >= size:
            rest = whole % size // part
            return f"{whole // size} {unit}" + (f" {rest} {part_unit}" if rest else "")
    return f"{whole} s"


def format_bytes(size: float) -> str:
    """`512 B`, `3.4 MB`, `1.2 GB`, in powers of ten."""
    unit = "B"
    for larger in ("kB", "MB", "GB"):
        if round(size) < 1000:
            break
        size, unit = size / 1000, larger
    return f"{size:.{1 if unit != 'B' and round(size, 1) < 100 else 0}f} {unit}"
