"""The second hotkey detector: pynput, in a process of its own, which dies with the guard.

    python -m aurora_desktop.safety.guard.second HOTKEY FD

It says `up`, then `alive` every half second, and `hotkey` for each press, on the pipe FD. On Windows and macOS it is
the first detector. Synthetic input is seen here too, and cannot be told from the operator's.
"""

import os
import sys
import threading
from typing import Any

from aurora_desktop.safety.hotkey import MODIFIER_KEYSYMS, MODIFIERS, Hotkey, parse

HEARTBEAT_S = 0.5
_PYNPUT_NAMES = {"escape": "esc", "return": "enter", "print": "print_screen", "break": "pause"}
_MODIFIER_NAMES = {
    **{f"{name}{side}": name for name in ("ctrl", "alt", "shift") for side in ("", "_l", "_r")},
    **{f"cmd{side}": "super" for side in ("", "_l", "_r")},
}


class Matcher:
    """Which keys are down, by name; complete once per press."""

    def __init__(self, hotkey: Hotkey) -> None:
        self._wanted = {*hotkey.modifiers, hotkey.key}
        self._down: set[str] = set()

    def press(self, name: str) -> bool:
        """Whether this key completes the combination."""
        news = name not in self._down
        self._down.add(name)
        return news and name in self._wanted and self._wanted <= self._down

    def release(self, name: str) -> None:
        self._down.discard(name)


def name_of(key: Any, hotkey: Hotkey) -> str:
    """The name of one of pynput's keys, as hotkeys have it; Alt arrives as Meta while Shift is held."""
    if (name := getattr(key, "name", None)) is not None:
        return _MODIFIER_NAMES.get(name) or (hotkey.key if name == _PYNPUT_NAMES.get(hotkey.key, hotkey.key) else name)
    vk, char = getattr(key, "vk", None), getattr(key, "char", None)
    if sys.platform != "win32" and sys.platform != "darwin":
        for modifier in MODIFIERS:
            if vk in MODIFIER_KEYSYMS[modifier]:
                return modifier
    return str(char).lower() if char else f"vk{vk}"


def main(hotkey_text: str, fd: int) -> int:
    """Until the guard is gone or the listener dies."""
    from pynput import keyboard

    hotkey = parse(hotkey_text)
    matcher = Matcher(hotkey)

    def on_press(key: Any) -> None:
        if matcher.press(name_of(key, hotkey)):
            os.write(fd, b"hotkey\n")

    def on_release(key: Any) -> None:
        matcher.release(name_of(key, hotkey))

    listener = keyboard.Listener(on_press=on_press, on_release=on_release)
    listener.start()
    listener.wait()
    pause = threading.Event()
    word = b"up\n"
    # `running` stays true when its connection to the display is gone: only `is_alive()` tells.
    while listener.is_alive():
        try:
            os.write(fd, word)
        except BrokenPipeError:
            return 0  # the guard is gone
        word = b"alive\n"
        _forget_events(listener)
        pause.wait(HEARTBEAT_S)
    return 1


def _forget_events(listener: Any) -> None:
    """On X11 pynput never reads what its recording connection is told besides: every change of the keyboard's map,
    of which an agent that types makes thousands, would stay in memory.
    """
    recording = getattr(listener, "_display_record", None)
    if recording is not None:
        del recording.display.event_queue[:]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], int(sys.argv[2])))
