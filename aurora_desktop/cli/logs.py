"""The command `logs`: what a service printed, and what it goes on printing."""

import time
from typing import Any
from urllib.parse import quote

from aurora_desktop.cli.call import OK, Call
from aurora_desktop.cli.console import Console, harmless

FOLLOW_INTERVAL_S = 0.25


def logs(call: Call) -> int:
    """The last lines; with `--follow` also what is added, until interrupted."""
    address = f"/v1/services/{quote(call.given.name, safe='')}/log"
    reply = call.client.get(address, lines=call.given.lines)
    writer = _Writer(call.console, as_json=call.given.json)
    try:
        writer.write(reply)
        while call.given.follow:
            if not reply["text"]:
                time.sleep(FOLLOW_INTERVAL_S)  # programs write their logs by themselves: the door hears of no new line
            reply = call.client.get(address, offset=reply["offset"])
            if reply["text"]:
                writer.write(reply)
    finally:
        writer.finish()
    return OK


class _Writer:
    """To a pipe the text as it is; to a terminal whole lines, without what would act on the terminal."""

    def __init__(self, console: Console, *, as_json: bool) -> None:
        self._console = console
        self._as_json = as_json
        self._unfinished = ""

    def write(self, reply: dict[str, Any]) -> None:
        if self._as_json:
            self._console.json(reply, compact=True)
        elif self._console.is_terminal:
            self._write_lines(reply["text"])
        else:
            self._console.out.write(reply["text"])
        self._console.flush()

    def _write_lines(self, text: str) -> None:
        """An escape sequence may be cut in two by a read: what follows the last line end waits for the rest."""
        whole, end, self._unfinished = (self._unfinished + text).rpartition("\n")
        self._show(whole + end)

    def finish(self) -> None:
        """Write the line that has no end yet, and leave no colour behind."""
        if self._unfinished:
            self._show(self._unfinished + "\n")
            self._unfinished = ""

    def _show(self, text: str) -> None:
        if text:
            has_colour = self._console.has_colour
            self._console.out.write(harmless(text, keep_colours=has_colour) + ("\x1b[0m" if has_colour else ""))
