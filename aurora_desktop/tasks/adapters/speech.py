"""Words that come in pieces, put together to whole messages."""

from typing import Literal

from aurora_desktop.tasks.adapters.adapter import Observation, Said

MOST_MESSAGE = 1_000_000
"""Characters of one message that are kept; an agent may talk on for ever."""

Kind = Literal["message", "thinking"]


class Speech:
    """Each piece is told at once; the whole when another message begins, or when something else happens."""

    def __init__(self) -> None:
        self._pieces: list[str] = []
        self._length = 0
        self._of: tuple[Kind, str | None] = ("message", None)
        self.last_message = ""

    def hear(self, text: str, kind: Kind, message_id: str | None) -> list[Observation]:
        told = self.pause() if (kind, message_id) != self._of else []
        self._of = (kind, message_id)
        if not text:
            return told
        if self._length < MOST_MESSAGE:
            self._pieces.append(text[: MOST_MESSAGE - self._length])
            self._length += len(self._pieces[-1])
        return [*told, Said(text, kind, partial=True)]

    def pause(self) -> list[Observation]:
        """What was said so far is a whole message."""
        whole, kind = "".join(self._pieces).strip(), self._of[0]
        self._pieces, self._length = [], 0
        if not whole:
            return []
        if kind == "message":
            self.last_message = whole
        return [Said(whole, kind)]
