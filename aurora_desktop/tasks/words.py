"""What is meant by words to Aurora: one of a few commands, or words for an agent. Pure; it does nothing."""

import re
from collections.abc import Collection

from msgspec import Struct


class Restart(Struct, frozen=True):
    """Restart a component by its name; "" is Aurora itself."""

    name: str = ""


class Heal(Struct, frozen=True):
    """Look at a component and apply what helps; "" is everything."""

    name: str = ""


class StopEverything(Struct, frozen=True):
    """The emergency stop."""


class TellStatus(Struct, frozen=True):
    """How the whole is."""


class TellCommands(Struct, frozen=True):
    """What can be said."""


class Unknown(Struct, frozen=True):
    """Written as a command (`/...`) that there is not."""

    text: str


class Say(Struct, frozen=True):
    """Words for the agent."""

    text: str


Meaning = Restart | Heal | StopEverything | TellStatus | TellCommands | Unknown | Say

COMMANDS = (
    ("status", "how everything is"),
    ("heal yourself", "look at everything and mend what can be mended"),
    ("heal NAME, fix NAME", "the same for one service or agent"),
    ("restart NAME", "restart one service"),
    ("restart yourself", "restart Aurora; services go on"),
    ("stop", "the emergency stop"),
)
"""What can be said, and what it does."""

MOST_CHARACTERS = 200
"""What is longer is no command."""

_COURTESY = re.compile(r"^(?:(?:hey|hi|hello|ok|okay|please|aurora|could you|can you)\b[\s,:!]*)+", re.IGNORECASE)
_END = re.compile(r"(?:[\s,]*\b(?:please|now|thanks|thank you))*[\s.!?]*$", re.IGNORECASE)
_SELF = frozenset({"", "yourself", "aurora", "everything", "all"})
_STOPS = frozenset(
    {"stop", "stop now", "stop everything", "stop all", "stop all agents", "emergency stop", "estop", "halt"}
)
_STATUS = frozenset({"status", "how are you", "how is everything", "what is going on", "health"})
_HELP = frozenset({"help", "commands", "what can you do"})
_VERBS: dict[str, type[Heal] | type[Restart]] = {
    "heal": Heal,
    "fix": Heal,
    "mend": Heal,
    "repair": Heal,
    "restart": Restart,
}


def meaning_of(text: str, names: Collection[str] = ()) -> Meaning:
    """What `text` asks for; `names` are the services and agents that there are.

    Only what can mean nothing else is a command: "fix the login" is work for an agent, "fix web" is one if there is a
    service `web`. A slash in front says that a command is meant.
    """
    words = text.strip()
    if len(words) > MOST_CHARACTERS:
        return Say(words)
    if words.startswith("/"):
        bare = _bare(words[1:])
        return _command(bare, names, is_meant=True) or Unknown(bare)
    return _command(_bare(words), names, is_meant=False) or Say(words)


def _bare(text: str) -> str:
    """Without what is said for courtesy, in single spaces."""
    return " ".join(_END.sub("", _COURTESY.sub("", text.strip())).split())


def _command(words: str, names: Collection[str], *, is_meant: bool) -> Meaning | None:
    lower = words.casefold()
    if lower in _STOPS:
        return StopEverything()
    if lower in _STATUS:
        return TellStatus()
    if lower in _HELP:
        return TellCommands()
    verb, _, what = words.partition(" ")
    verb = verb.casefold()
    return _about(verb, what, names, is_meant=is_meant) if verb in _VERBS else None


def _about(verb: str, what: str, names: Collection[str], *, is_meant: bool) -> Meaning | None:
    """The verb with its object, unless that can only be understood as a part of a sentence."""
    make = _VERBS[verb]
    if what.casefold() in _SELF and (what or is_meant):
        return make("")
    name = _named(what, names)
    if name or (is_meant and what):
        return make(name or what)
    # Nobody heals but Aurora, so an unknown name is answered with the near ones; to fix is what agents do all day.
    return make(what) if verb == "heal" and what and " " not in what else None


def _named(what: str, names: Collection[str]) -> str:
    """The name as it is written in the settings, whatever stands around it and in which case."""
    wanted = re.sub(r"^(?:the|my|our)\s+|\s+(?:service|agent|worker)$", "", what.casefold())
    for name in names:
        if wanted and wanted in (name.casefold(), name.casefold().partition(":")[2]):
            return name
    return ""
