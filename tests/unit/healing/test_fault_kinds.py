"""Real messages are recognised as what they are, with the facts that they hold; and no text does any harm."""

import re
import string
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from aurora_desktop.healing.remedies.builtin import FAULT_KINDS, REMEDIES
from aurora_desktop.healing.remedies.kinds import KindRegistry
from aurora_desktop.healing.remedies.recognise import UNKNOWN, filled, recognise
from healing.fault_texts import Text, sighting, texts

KINDS = KindRegistry(FAULT_KINDS)
_FAILURES = {"memory_max": "memory"}
# Ten times what the slowest needs, on a machine that does other things too; an explosion takes minutes.
_LONG_S = 5.0


@pytest.mark.parametrize("text", texts(), ids=lambda text: text.name)
def test_a_real_text_is_recognised(text: Text) -> None:
    fault = recognise(sighting(*text.lines, kind=_FAILURES.get(text.kind, "exit")), KINDS)
    assert fault.kind == text.kind
    assert {name: fault.facts.get(name) for name in text.facts} == text.facts


@pytest.mark.parametrize("text", texts(), ids=lambda text: text.name)
def test_a_text_is_recognised_as_the_message_of_a_failure_too(text: Text) -> None:
    fault = recognise(sighting(*text.lines[:-1], message=text.lines[-1], kind=_FAILURES.get(text.kind, "exit")), KINDS)
    assert fault.kind == text.kind


def test_every_kind_and_every_remedy_is_explained() -> None:
    explained = (Path(__file__).resolve().parents[3] / "docs/healing/faults.md").read_text()
    assert [kind.name for kind in FAULT_KINDS if f"`{kind.name}`" not in explained] == []
    assert [remedy.name for remedy in REMEDIES if f"`{remedy.name}`" not in explained] == []


@pytest.mark.parametrize("probe", ["startup", "readiness", "liveness"])
def test_a_service_that_refuses_its_own_probe_asks_nobody_itself(probe: str) -> None:
    refused = sighting(message=f"{probe} probe: connection refused", event="service_failed", kind=probe)
    assert recognise(refused, KINDS).kind == UNKNOWN
    assert recognise(replace(refused, lines=("db: connection refused",)), KINDS).kind == "refused_connection"


def test_a_404_of_its_own_probe_is_a_matter_of_routing() -> None:
    fault = recognise(sighting(message="answered with HTTP status 404", event="probe_failing", kind=""), KINDS)
    assert (fault.kind, fault.facts["status"]) == ("routing", "404")


def test_over_memory_high_is_recognised_in_a_warning_alone() -> None:
    message = "over memory_high: 1.5 GB of 1.0 GB"
    assert recognise(sighting(message, message=""), KINDS).kind == "unknown"
    fault = recognise(sighting(message=message, event="limit_warning", kind=""), KINDS)
    assert (fault.kind, fault.facts) == ("memory_high", {"used": "1.5 GB", "limit": "1.0 GB"})


def test_every_kind_has_a_sentence_and_a_next_step_that_can_be_filled() -> None:
    for kind in FAULT_KINDS:
        for template in (kind.sentence, kind.next_step):
            words = filled(template, sighting(), {})
            assert len(words) > 10
            assert "{" not in words
        assert filled(kind.sentence, sighting(), {}).startswith("web")


def test_the_remedies_are_for_kinds_that_there_are() -> None:
    assert {kind for remedy in REMEDIES for kind in remedy.kinds} <= {kind.name for kind in FAULT_KINDS}
    assert len({remedy.name for remedy in REMEDIES}) == len(REMEDIES)


def test_every_kind_is_met_in_a_text() -> None:
    met = {text.kind for text in texts()} | {"memory_high", "routing"}
    assert met >= {kind.name for kind in FAULT_KINDS}


@pytest.mark.parametrize("text", texts(), ids=lambda text: text.name)
def test_the_hints_keep_no_kind_from_being_recognised(text: Text) -> None:
    slow = KindRegistry(replace(kind, hints=()) for kind in FAULT_KINDS)
    seen = sighting(*text.lines, kind=_FAILURES.get(text.kind, "exit"))
    assert recognise(seen, slow) == recognise(seen, KINDS)


_WORDS = sorted({word for text in texts() for line in text.lines for word in re.findall(r"[\w.:/']+|\W", line)})


@given(st.lists(st.sampled_from(_WORDS) | st.text(alphabet=string.printable, max_size=5), max_size=60))
def test_no_mixture_of_their_words_raises(words: list[str]) -> None:
    assert recognise(sighting("".join(words)), KINDS).kind


@pytest.mark.parametrize(
    "piece",
    [
        "a", " ", "a ", "[", "'", "''", "\\", "a.", "a:", ":1", "/a", "=", "-1", "a-1", "1", "((", "x:1:1 ",
        "::1:", "'a':1 ",
        "port 1 ", "bind ", "File ", "at (", "Error: ", "already running ", "lock file ", "cors ", "import cycle ",
        "could not open lock ", "cannot open ", "address in use ", "connection refused ", "permission denied ",
    ],
)  # fmt: skip
def test_no_line_takes_long(piece: str) -> None:
    line = (piece * 5000)[:5000]
    began = time.process_time()
    recognise(sighting(*[line] * 50), KINDS)
    assert time.process_time() - began < _LONG_S
