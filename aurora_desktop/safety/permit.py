"""Two pages of shared memory without a name: what is permitted, and what is held down.

The guard alone writes the permit, the input worker alone writes the held table. Every field is one aligned word of
64 bits, so that it is read and written whole. The clock is `time.monotonic_ns`, which all processes of a machine share.
"""

import mmap
import os
import sys
import time
from typing import Final

PAGE_BYTES: Final = 4096
NOTHING: Final = 0

_GENERATION, _DEADLINE, _PAUSED = range(3)
_EVENTS, _IN_FLIGHT, _BUTTONS, _BUSY = range(4)
_KEYS = 4
_REMAPPED = 8
_WORDS = 4  # of 64 bits: 256 keycodes


class SharedPage:
    """One page of memory that survives in whoever has its descriptor; it has no name that others could open."""

    def __init__(self, fd: int, *, writable: bool) -> None:
        """Maps `fd`, which stays the caller's. Raises OSError, ValueError."""
        access = mmap.ACCESS_WRITE if writable else mmap.ACCESS_READ
        self._map = mmap.mmap(fd, PAGE_BYTES, access=access)
        self.words = memoryview(self._map).cast("Q")

    def close(self) -> None:
        """Let go of the memory."""
        self.words.release()
        self._map.close()


def create_page(label: str) -> int:
    """A descriptor of a new page full of zeros, to be inherited; `label` is seen in /proc alone. Raises OSError."""
    if sys.platform == "linux":
        fd = os.memfd_create(label, os.MFD_CLOEXEC)
    else:
        import tempfile

        fd, path = tempfile.mkstemp(prefix=label)
        os.unlink(path)
    os.ftruncate(fd, PAGE_BYTES)
    return fd


def read_only(fd: int) -> int:
    """Another descriptor of the same page through which it cannot be written (Linux; elsewhere a plain copy)."""
    if sys.platform == "linux":
        return os.open(f"/proc/self/fd/{fd}", os.O_RDONLY | os.O_CLOEXEC)
    return os.dup(fd)


class Permit:
    """Which generation may send events, until when, and whether it is to pause."""

    def __init__(self, page: SharedPage) -> None:
        self._words = page.words

    # --- the guard's ------------------------------------------------------------------------------------------

    def grant(self, generation: int, deadline_ns: int) -> None:
        """Permit one generation (1 and up) until `deadline_ns`."""
        self._words[_PAUSED] = 0
        self._words[_DEADLINE] = deadline_ns
        self._words[_GENERATION] = generation

    def extend(self, deadline_ns: int) -> None:
        """Move the deadline."""
        self._words[_DEADLINE] = deadline_ns

    def revoke(self) -> None:
        """Permit nothing from now on."""
        self._words[_GENERATION] = NOTHING

    def pause(self, *, paused: bool) -> None:
        """Ask the worker to let go and wait, or to go on."""
        self._words[_PAUSED] = int(paused)

    # --- everybody's ------------------------------------------------------------------------------------------

    @property
    def generation(self) -> int:
        """The generation that is permitted; 0 for none."""
        return self._words[_GENERATION]

    @property
    def deadline_ns(self) -> int:
        return self._words[_DEADLINE]

    @property
    def is_paused(self) -> bool:
        return bool(self._words[_PAUSED])

    def allows(self, generation: int) -> bool:
        """Whether this generation may send one more primitive event now."""
        return self._words[_GENERATION] == generation != NOTHING and time.monotonic_ns() < self._words[_DEADLINE]


class HeldTable:
    """What the worker holds down, written before it presses, and how far it is."""

    def __init__(self, page: SharedPage) -> None:
        self._words = page.words

    # --- the worker's -----------------------------------------------------------------------------------------

    def begin_event(self) -> None:
        """A primitive event is about to be sent."""
        self._words[_IN_FLIGHT] = 1

    def end_event(self) -> None:
        """It was sent, and the display has taken it."""
        self._words[_EVENTS] += 1
        self._words[_IN_FLIGHT] = 0

    def hold_key(self, keycode: int) -> None:
        self._set(_KEYS, keycode)

    def drop_key(self, keycode: int) -> None:
        self._clear(_KEYS, keycode)

    def hold_button(self, button: int) -> None:
        self._words[_BUTTONS] |= 1 << button

    def drop_button(self, button: int) -> None:
        self._words[_BUTTONS] &= ~(1 << button)

    def remap(self, keycode: int) -> None:
        """This spare keycode was given a character of our own; it is to be emptied in the end."""
        self._set(_REMAPPED, keycode)

    def unmap(self, keycode: int) -> None:
        self._clear(_REMAPPED, keycode)

    def set_busy(self, *, busy: bool) -> None:
        """An action begins or is over."""
        self._words[_BUSY] = int(busy)

    # --- whoever cleans up ------------------------------------------------------------------------------------

    @property
    def events(self) -> int:
        """Primitive events sent since the page was cleared."""
        return self._words[_EVENTS]

    @property
    def in_flight(self) -> bool:
        """Whether one more may or may not have been sent."""
        return bool(self._words[_IN_FLIGHT])

    @property
    def is_busy(self) -> bool:
        return bool(self._words[_BUSY])

    def keys(self) -> tuple[int, ...]:
        """Keycodes that are or may be held down."""
        return self._read(_KEYS)

    def buttons(self) -> tuple[int, ...]:
        return tuple(button for button in range(1, 64) if self._words[_BUTTONS] >> button & 1)

    def remapped(self) -> tuple[int, ...]:
        return self._read(_REMAPPED)

    def clear(self) -> None:
        """Forget everything; only while no worker runs."""
        for place in range(_REMAPPED + _WORDS):
            self._words[place] = 0

    def _set(self, base: int, number: int) -> None:
        self._words[base + number // 64] |= 1 << number % 64

    def _clear(self, base: int, number: int) -> None:
        self._words[base + number // 64] &= ~(1 << number % 64)

    def _read(self, base: int) -> tuple[int, ...]:
        return tuple(n for n in range(64 * _WORDS) if self._words[base + n // 64] >> n % 64 & 1)
