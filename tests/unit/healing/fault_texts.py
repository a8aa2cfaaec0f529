"""The texts of `fault_texts.txt`, and what each is to be recognised as."""

from pathlib import Path
from typing import NamedTuple

from aurora_desktop.healing.faults import Sighting


class Text(NamedTuple):
    kind: str
    facts: dict[str, str]
    lines: tuple[str, ...]

    @property
    def name(self) -> str:
        return f"{self.kind}: {self.lines[-1][:60]}"


def texts() -> list[Text]:
    content = Path(__file__).with_suffix(".txt").read_text(encoding="utf-8")
    found = []
    for section in content.split("\n=== ")[1:]:
        head, *lines = section.rstrip("\n").split("\n")
        kind, *facts = head.split(" | ")
        found.append(Text(kind, dict(fact.split("=", 1) for fact in facts), tuple(lines)))
    return found


def sighting(*lines: str, message: str = "exited with code 1 after 0.1 s", **more: object) -> Sighting:
    """A failure of the service `web` that printed these lines."""
    known = {"at": 0.0, "component": "service:web", "event": "service_failed", "event_id": 1, "kind": "exit"}
    return Sighting(message=message, lines=lines, **{**known, **more})  # type: ignore[arg-type] # made from a table
