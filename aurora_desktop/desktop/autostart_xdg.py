"""Autostart as a desktop entry that every Linux desktop reads at login."""

from pathlib import Path

from aurora_desktop.desktop.launch import cannot, remove, through_shell, write_whole

_ENTRY = """\
[Desktop Entry]
Type=Application
Version=1.5
Name=Aurora Desktop
Comment=Supervises programs and AI agents
Exec={command}
Icon=aurora-desktop
Terminal=false
X-GNOME-Autostart-enabled=true
"""
_SWITCHED_OFF = ("hidden=true", "x-gnome-autostart-enabled=false")
# "Reserved characters" of the Desktop Entry Specification, section "The Exec key".
_RESERVED = set(" \t\n\"'\\><~|&;$*?#()`")


class XdgAutostart:
    """The entry `<name>.desktop` in the user's autostart folder."""

    def __init__(self, name: str, command: tuple[str, ...], config_home: Path) -> None:
        self._command = command
        self.path = config_home / "autostart" / f"{name}.desktop"

    def enable(self) -> None:
        write_whole(self.path, _ENTRY.format(command=quote_exec(self._command)))

    def disable(self) -> None:
        remove(self.path)

    def is_enabled(self) -> bool:
        """Desktops switch an entry off by a line in it rather than by removing it."""
        try:
            lines = self.path.read_text(encoding="utf-8", errors="replace").lower().splitlines()
        except FileNotFoundError:
            return False
        except OSError as error:
            raise cannot("read", self.path, error) from error
        return not any(line.replace(" ", "") in _SWITCHED_OFF for line in lines)

    def describe(self) -> str:
        return f"XDG autostart entry {self.path}"


def quote_exec(command: tuple[str, ...]) -> str:
    """The value of the Exec key that means exactly these words; a program must not have `=` in its path."""
    if "=" in command[0]:
        command = through_shell(command)
    quoted = " ".join(_quote(word) for word in command)
    # The value as a whole is escaped once more, as every string of a desktop entry.
    return quoted.replace("\\", "\\\\").replace("\n", "\\n").replace("\t", "\\t").replace("\r", "\\r")


def _quote(word: str) -> str:
    word = word.replace("%", "%%")
    if word and not _RESERVED & set(word):
        return word
    for character in '\\"`$':
        word = word.replace(character, "\\" + character)
    return f'"{word}"'
