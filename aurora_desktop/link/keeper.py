"""The process that speaks to the keyring: `python -m aurora_desktop.link.keeper`.

The keyring costs 13 MB and may wait for somebody to unlock it, so it is in main at no time. What is asked comes over
stdin, never by argv or the environment, which other programs can read; the answer is one JSON line on stdout.
"""

import os
import sys
from pathlib import Path
from typing import Literal, NoReturn

import msgspec
from msgspec import Struct

from aurora_desktop.core.errors import AuroraError
from aurora_desktop.healing.alerts.secrets import SecretStore

SERVICE = "aurora-desktop link"
NAME = "link-tokens"


class Asked(Struct, frozen=True):
    """`value`: what is to be kept; the other verbs need none."""

    verb: Literal["find", "keep", "remove"]
    folder: str
    value: str = ""


class Told(Struct, frozen=True):
    """`warning`: why it lies in a file, where it does. `error`: why nothing could be done."""

    value: str = ""
    place: Literal["keyring", "file", "none"] = "none"
    warning: str = ""
    error: str = ""


def main() -> NoReturn:
    asked = msgspec.json.decode(sys.stdin.buffer.read(), type=Asked)
    os.write(1, msgspec.json.encode(perform(asked)) + b"\n")
    os._exit(0)  # a thread that waits for a keyring must not keep it


def store_in(folder: Path) -> SecretStore:
    """Keyring and folder, by the name under which the tokens lie there."""
    return SecretStore(folder, SERVICE, "let Aurora log in again")


def perform(asked: Asked) -> Told:
    """Do what is asked; never raises for what a person can mend."""
    try:
        return _perform(store_in(Path(asked.folder)), asked)
    except AuroraError as error:
        return Told(error=error.in_one_line)


def _perform(store: SecretStore, asked: Asked) -> Told:
    if asked.verb == "keep":
        kept = store.keep(NAME, asked.value)
        return Told(place=kept.place, warning=kept.why)
    if asked.verb == "remove":
        store.remove(NAME)
        return Told()
    found = store.find(NAME)
    return Told(value=found.value, place=found.place) if found else Told()


if __name__ == "__main__":
    main()
