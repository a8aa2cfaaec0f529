"""Reads the ends of log files that others write: the last lines, and what came since the last look."""

import codecs
from pathlib import Path

MOST_LINE_CHARACTERS = 1000
_LONGEST_CHARACTER_BYTES = 4


def tail(path: Path, lines: int, max_bytes: int = 64 * 1024) -> tuple[str, ...]:
    """The last `lines` lines out of the last `max_bytes`; empty for a file that is not there.

    Invalid UTF-8 is replaced, lines over MOST_LINE_CHARACTERS are cut. A first line of which the beginning
    is out of reach is left out, unless it is the only one. Raises OSError.
    """
    if lines <= 0:
        return ()
    content, is_whole = _last_bytes(path, max_bytes)
    found = content.decode("utf-8", "replace").removesuffix("\n").split("\n") if content else []
    if not is_whole and len(found) > 1:
        del found[0]
    return tuple(_shortened(line.removesuffix("\r")) for line in found[-lines:])


def read_from(path: Path, offset: int, max_bytes: int) -> tuple[str, int]:
    """What was written since `offset`, and the offset for the next call; a file that was emptied starts at 0.

    A character of which only a part is written yet waits for the next call. A file that was emptied and has
    since outgrown `offset` cannot be told from one that grew. A missing file reads as empty. Raises OSError.
    """
    try:
        with path.open("rb") as file:
            start = offset if offset <= file.seek(0, 2) else 0
            file.seek(start)
            content = file.read(max(max_bytes, _LONGEST_CHARACTER_BYTES))
    except FileNotFoundError:
        return "", 0
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    text = decoder.decode(content)
    return text, start + len(content) - len(decoder.getstate()[0])


def _last_bytes(path: Path, most: int) -> tuple[bytes, bool]:
    """The end of the file, and whether that is all of it."""
    try:
        with path.open("rb") as file:
            start = max(0, file.seek(0, 2) - most)
            if not start:
                file.seek(0)
                return file.read(most), True
            file.seek(start - 1)
            begins_line = file.read(1) == b"\n"
            return file.read(most), begins_line
    except FileNotFoundError:
        return b"", True


def _shortened(line: str) -> str:
    if len(line) <= MOST_LINE_CHARACTERS:
        return line
    return f"{line[:MOST_LINE_CHARACTERS]}… ({len(line) - MOST_LINE_CHARACTERS} more characters)"
