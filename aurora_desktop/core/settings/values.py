"""Values that people write in more than one way: sizes in bytes and command lines."""

import re
import shlex

_UNITS = {
    "": 1, "b": 1,
    "kb": 10**3, "mb": 10**6, "gb": 10**9, "tb": 10**12,
    "kib": 2**10, "mib": 2**20, "gib": 2**30, "tib": 2**40,
}  # fmt: skip
_TOO_LARGE = 2**63
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([a-z]*)", re.IGNORECASE)


class ByteSize(int):
    """A size in bytes, written as a number of bytes or as `100MB` (10^6) or `1GiB` (2^30)."""

    @classmethod
    def parse(cls, value: object) -> "ByteSize":
        """Raises ValueError with what is expected."""
        if isinstance(value, int) and not isinstance(value, bool) and 0 < value < _TOO_LARGE:
            return cls(value)
        if isinstance(value, str) and (match := _SIZE.fullmatch(value.strip())):
            factor = _UNITS.get(match[2].lower())
            if factor and 0 < (size := float(match[1]) * factor) < _TOO_LARGE:
                return cls(size)
        raise ValueError("expected a size above zero: a number of bytes, or one like `100MB` or `1GiB`")


class Command(tuple[str, ...]):
    """An argument list, written as a list of strings or as one string that is split as a shell splits words.

    No shell runs it.
    """

    @classmethod
    def parse(cls, value: object) -> "Command":
        """Raises ValueError with what is expected."""
        words = _words(value)
        if not words or not words[0]:
            raise ValueError("expected a command: a list of strings, or one string, with at least one word")
        if any("\0" in word for word in words):
            raise ValueError("a command cannot contain NUL characters")
        return cls(words)


SHORTEST_SECRET = 6


class Environment(dict[str, str]):
    """Environment variables whose values are not shown: a `repr` lands in tracebacks and logs."""

    def masked(self, text: str) -> str:
        """The text with each value of at least SHORTEST_SECRET characters replaced, longest first.

        For what a program printed of its own environment; shorter values would blot out ordinary words.
        """
        for value in sorted(self.values(), key=len, reverse=True):
            if len(value) >= SHORTEST_SECRET:
                text = text.replace(value, "***")
        return text

    def __repr__(self) -> str:
        return "{" + ", ".join(f"{name!r}: '***'" for name in self) + "}"


def _words(value: object) -> list[str]:
    if isinstance(value, str):
        try:
            return shlex.split(value)
        except ValueError as error:
            raise ValueError(f"the command cannot be split into words: {error}") from error
    if isinstance(value, list | tuple) and all(isinstance(word, str) for word in value):
        return list(value)
    raise ValueError("expected a command: a list of strings, or one string (write numbers in quotes)")
