"""Why something at the server did not work: the kinds that rules tell apart."""

import os
import re
import socket
from typing import Literal

Kind = Literal["unreachable", "certificate", "refused", "throttled", "server", "absent", "invalid", "odd"]
"""`refused`: 401 or 403. `absent`: 404, 405. `invalid`: it does not take this request. `odd`: it speaks something
else."""


_TOKEN = re.compile(r"eyJ[\w-]+\.[\w-]+\.[\w-]*")


class LinkError(Exception):
    """`is_doubtful`: what was asked may have been done all the same. `retry_after_s`: how long to ask nothing.

    `said`: the server's own words, if it gave a reason.
    """

    def __init__(
        self,
        kind: Kind,
        sentence: str,
        hint: str = "",
        *,
        is_doubtful: bool = False,
        retry_after_s: float = 0.0,
        said: str = "",
    ) -> None:
        super().__init__(sentence)
        self.kind = kind
        self.sentence = sentence
        self.hint = hint
        self.is_doubtful = is_doubtful
        self.retry_after_s = retry_after_s
        self.said = said


def why_unreachable(error: OSError) -> str:
    """In the system's words: asyncio puts addresses of sockets into its own."""
    number = None if isinstance(error, socket.gaierror) else error.errno
    words = os.strerror(number) if number is not None else error.strerror or str(error)
    return in_a_line(words[:1].lower() + words[1:]) or "the connection was cut"


def without_tokens(text: str) -> str:
    """The same with `***` for all that looks like a token."""
    return _TOKEN.sub("***", text)


def in_a_line(text: object, secrets: tuple[str, ...] = (), most: int = 200) -> str:
    """What a server said as one printable line, without what is secret or looks like a token."""
    said = without_tokens(str(text))
    for secret in filter(None, secrets):
        said = said.replace(secret, "***")
    line = " ".join(said.split())
    shown = "".join(sign if sign.isprintable() else "?" for sign in line)
    return shown if len(shown) <= most else shown[: most - 1] + "…"
