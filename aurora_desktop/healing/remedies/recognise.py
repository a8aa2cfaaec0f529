"""From a failure as it was seen to what it is: the declared kinds, searched within bounds."""

import re
from collections.abc import Iterable, Mapping

from aurora_desktop.healing.faults import Fault, Sighting
from aurora_desktop.healing.remedies.kinds import LONGEST_LINE, MOST_LINES, FaultKind, KindRegistry
from aurora_desktop.healing.remedies.matcher import Match
from aurora_desktop.healing.remedies.wording import in_words

UNKNOWN = "unknown"
_LONGEST_FACT = 300
_NOT_PRINTABLE = re.compile(r"[\x00-\x1f\x7f]+")


def searched(sighting: Sighting) -> list[str]:
    """The texts that are looked at: the message, then the lines, the newest first."""
    lines = sighting.lines[-MOST_LINES:]
    return [text[:LONGEST_LINE] for text in (sighting.message, *reversed(lines)) if text]


def recognise(sighting: Sighting, kinds: KindRegistry, own: Mapping[str, Match] | None = None) -> Fault:
    """The fault; `own`: what the user's remedies found, by the remedy's name. Their findings become facts, and where
    no declared kind matches, the first of them names the kind.

    Blocks for some ms at the most with 50 long lines: for a thread.
    """
    own = own or {}
    texts = searched(sighting)
    facts = {key: value for name, match in own.items() for key, value in own_facts(name, match).items()}
    for kind in kinds:
        found = _found(kind, sighting, texts)
        if found is not None:
            clean = {key: _clean(value) for key, value in found.items()}
            return _fault(kind.name, filled(kind.sentence, sighting, clean), sighting, {**facts, **clean})
    for name, match in own.items():
        clean = {key: _clean(value) for key, value in match.facts.items()}
        sentence = f"{subject(sighting)}: recognised by your remedy `{name}`: {_clean(match.text)}"
        return _fault(name, sentence, sighting, {**facts, **clean})
    return _fault(UNKNOWN, f"{subject(sighting)}: {_clean(sighting.message)}", sighting, facts)


def own_facts(remedy: str, match: Match) -> dict[str, str]:
    """What a user's remedy found, as facts: `<remedy>.` is the text itself, `<remedy>.<group>` each named group."""
    groups = {f"{remedy}.{name}": value[:LONGEST_LINE] for name, value in match.facts.items()}
    return {f"{remedy}.": match.text[:_LONGEST_FACT], **groups}


def next_step(fault: Fault, kinds: KindRegistry) -> str:
    """What to do where no remedy helps; "" for what nobody knows."""
    kind = kinds.get(fault.kind)
    return "" if kind is None else filled(kind.next_step, fault.sighting, fault.facts)


def subject(sighting: Sighting) -> str:
    """Who failed: the service's or the agent's name, else the component."""
    prefix, _, name = sighting.component.partition(":")
    return name or prefix


def filled(template: str, sighting: Sighting, facts: Mapping[str, str]) -> str:
    """The template with the facts, and words for what was not found."""
    return in_words(template, {**facts, "service": subject(sighting), "message": _clean(sighting.message)})


def _found(kind: FaultKind, sighting: Sighting, texts: Iterable[str]) -> dict[str, str] | None:
    if not _applies(kind, sighting):
        return None
    if not kind.patterns:
        return {}
    likely = [text for text in texts if not kind.hints or any(hint in text.lower() for hint in kind.hints)]
    for pattern in kind.compiled:
        for text in likely:
            if match := pattern.search(text):
                facts = {name: value for name, value in match.groupdict().items() if value is not None}
                return {**_more(kind, sighting, text), **facts}
    return None


def _more(kind: FaultKind, sighting: Sighting, matched: str) -> dict[str, str]:
    """What the lines around the one that matched tell: those after it first, as in a trace of JavaScript, then those
    before it, as in one of Python."""
    lines = [line[:LONGEST_LINE] for line in sighting.lines[-MOST_LINES:]]
    place = len(lines) - lines[::-1].index(matched) - 1 if matched in lines else len(lines)
    near, found = [*lines[place + 1 :], *reversed(lines[:place])], dict[str, str]()
    for pattern in kind.compiled_more:
        match = next((match for line in near if (match := pattern.search(line))), None)
        if match is not None and not match.groupdict().keys() & found.keys():
            found.update({name: value for name, value in match.groupdict().items() if value is not None})
    return found


def _applies(kind: FaultKind, sighting: Sighting) -> bool:
    return (
        (not kind.events or sighting.event in kind.events)
        and (not kind.failures or sighting.kind in kind.failures)
        and (not kind.exit_codes or sighting.exit_code in kind.exit_codes)
    )


def _fault(kind: str, sentence: str, sighting: Sighting, facts: dict[str, str]) -> Fault:
    return Fault(kind=kind, sentence=sentence, sighting=sighting, facts=facts)


def _clean(text: str) -> str:
    """On one line, and not endless: it goes into sentences."""
    text = _NOT_PRINTABLE.sub(" ", text)
    return text if len(text) <= _LONGEST_FACT else text[: _LONGEST_FACT - 1] + "…"
