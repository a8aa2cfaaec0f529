"""What is meant by words in the chat: commands that can mean nothing else, and words for an agent."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aurora_desktop.tasks.words import (
    Heal,
    Restart,
    Say,
    StopEverything,
    TellCommands,
    TellStatus,
    Unknown,
    meaning_of,
)

NAMES = ("web", "Indexer", "search-index", "worker:coder-1")


@pytest.mark.parametrize(
    ("text", "meaning"),
    [
        ("restart yourself", Restart()),
        ("Please restart Aurora now!", Restart()),
        ("restart web", Restart("web")),
        ("restart the web service, please", Restart("web")),
        ("heal yourself", Heal()),
        ("/heal", Heal()),
        ("Heal everything.", Heal()),
        ("heal indexer", Heal("Indexer")),
        ("HEAL INDEXER", Heal("Indexer")),
        ("heal coder-1", Heal("worker:coder-1")),
        ("heal indxer", Heal("indxer")),
        ("fix web", Heal("web")),
        ("fix yourself", Heal()),
        ("repair search-index", Heal("search-index")),
        ("stop", StopEverything()),
        ("STOP!!!", StopEverything()),
        ("Aurora, stop everything now", StopEverything()),
        ("emergency stop", StopEverything()),
        ("status", TellStatus()),
        ("how are you?", TellStatus()),
        ("help", TellCommands()),
        ("/frobnicate web", Unknown("frobnicate web")),
        ("/restart nosuch", Restart("nosuch")),
    ],
)
def test_commands_are_understood(text, meaning):
    assert meaning_of(text, NAMES) == meaning


@pytest.mark.parametrize(
    "text",
    [
        "fix the login bug", "fix CI", "stop using tabs", "restart the counter at zero",
        "heal the wounds of the parser",
        "what is the status of the migration", "help me with the parser", "webfix", "", "   ",
    ],
)  # fmt: skip
def test_what_can_be_work_for_an_agent_is_words_for_it(text):
    assert meaning_of(text, NAMES) == Say(text.strip())


def test_without_names_a_service_is_not_guessed():
    assert meaning_of("fix web") == Say("fix web")


@given(st.text())
def test_whatever_is_typed_has_a_meaning_and_no_word_for_an_agent_is_lost(text):
    meaning = meaning_of(text, NAMES)
    if isinstance(meaning, Say):
        assert meaning.text == text.strip()


@given(
    st.sampled_from(NAMES), st.sampled_from(["heal", "Fix", "MEND", "repair"]), st.sampled_from(["", "!", " please"])
)
def test_a_name_is_found_in_any_case_and_courtesy(name, verb, end):
    assert meaning_of(f"please {verb} {name.upper()}{end}", NAMES) == Heal(name)
