"""What is wrong in a settings file, and where. No message carries the value of anything in the file."""

from collections.abc import Iterable
from pathlib import Path
from typing import NoReturn

from msgspec import Struct

from aurora_desktop.core.errors import AuroraError
from aurora_desktop.core.settings.tree import Spot

MOST_TOLD = 100


class Problem(Struct, frozen=True):
    """One mistake; `line` and `column` count from 1, `field` is the path of the key (`services.web.command`)."""

    file: str
    line: int | None
    column: int | None
    field: str
    message: str
    hint: str = ""

    def __str__(self) -> str:
        place = self.file if self.line is None else f"{self.file}:{self.line}"
        words = f"{self.message} ({self.hint})" if self.hint else self.message
        return ": ".join(part for part in (place, self.field, words) if part)


class SettingsError(AuroraError):
    """The settings cannot be used as they are; `problems` holds every one that was found."""

    def __init__(self, problems: Iterable[Problem], title: str = "") -> None:
        self.problems = tuple(problems)
        super().__init__(title or _title(self.problems), "\n".join(map(str, self.problems)))


class Findings:
    """Collects the problems of one file; the first `MOST_TOLD` are kept, the others counted."""

    def __init__(self, path: Path) -> None:
        self._file = str(path)
        self._problems: list[Problem] = []
        self._untold = 0

    def add(self, at: Spot | None, field: str, message: str, hint: str = "") -> None:
        """Note a problem at a place of the text, or of the file as a whole."""
        if len(self._problems) >= MOST_TOLD:
            self._untold += 1
            return
        line, column = (at.line, at.column) if at and at.line else (None, None)
        self._problems.append(Problem(self._file, line, column, field, message, hint))

    def stop(self, at: Spot | None, field: str, message: str, hint: str = "") -> NoReturn:
        """Note a problem after which nothing more can be read. Raises SettingsError with all so far."""
        self.add(at, field, message, hint)
        # Without the cause: the parser's own error quotes the file, and a traceback would show it.
        raise self.error() from None

    def raise_if_any(self) -> None:
        """Raises SettingsError if there is a problem."""
        if self._problems:
            raise self.error()

    def error(self) -> SettingsError:
        """Every problem so far, in the order of the file."""
        found = sorted(self._problems, key=lambda p: (p.line or 0, p.column or 0))
        if self._untold:
            found.append(Problem(self._file, None, None, "", f"and {self._untold} more problems"))
        return SettingsError(found)


def shown_key(key: str) -> str:
    """A key as it may be shown: short, in one line, and without what follows a `=` (it may be a secret)."""
    name, equals, _ = key.partition("=")
    safe = "".join(c if c.isprintable() else "?" for c in name[:64])
    return safe + ("=..." if equals else "..." if len(name) > 64 else "")


def joined(path: str, key: str | int) -> str:
    """The path of a member: `services` and `web` make `services.web`, `requires` and 0 make `requires[0]`."""
    if isinstance(key, int):
        return f"{path}[{key}]"
    return f"{path}.{shown_key(key)}" if path else shown_key(key)


def _title(problems: tuple[Problem, ...]) -> str:
    count = len(problems)
    return "a problem in the settings" if count == 1 else f"{count} problems in the settings"
