"""From a failure as it was seen to what it is, within bounds, and the searching of strangers' expressions."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from supervisor.yard import in_loop

from aurora_desktop.core.settings.schema_healing import UserRemedy
from aurora_desktop.core.settings.values import Command
from aurora_desktop.healing.faults import Sighting
from aurora_desktop.healing.remedies import matcher
from aurora_desktop.healing.remedies.kinds import LONGEST_LINE, MOST_LINES, FaultKind, KindRegistry
from aurora_desktop.healing.remedies.matcher import Match
from aurora_desktop.healing.remedies.recognise import next_step, recognise, searched
from aurora_desktop.healing.remedies.remedy import RefusedError
from aurora_desktop.healing.remedies.user import filled


def seen(message: str = "exited with code 1", *lines: str, **keys: object) -> Sighting:
    return Sighting(
        **{"at": 0.0, "component": "service:web", "event": "service_failed", "event_id": 1, **keys},  # type: ignore[arg-type]
        message=message,
        lines=lines,
    )


def kind(name: str = "x", *patterns: str, **keys: object) -> FaultKind:
    return FaultKind(
        **{"sentence": "{service}: {what}", "next_step": "mend {what} of {who}", **keys},  # type: ignore[arg-type]
        name=name,
        title=name,
        patterns=patterns,
    )


def test_named_groups_become_facts_and_fill_the_sentences() -> None:
    kinds = KindRegistry([kind("x", r"no (?P<what>\w+)")])
    fault = recognise(seen("ended", "no luck"), kinds)
    assert (fault.kind, fault.sentence, fault.facts) == ("x", "web: luck", {"what": "luck"})
    assert next_step(fault, kinds) == "mend luck of its who"


def test_the_newest_line_decides() -> None:
    assert recognise(seen("ended", "no luck", "no money"), KindRegistry([kind("x", r"no (?P<what>\w+)")])).facts == {
        "what": "money"
    }


def test_the_highest_priority_wins_then_the_first() -> None:
    kinds = KindRegistry([kind("a", "no"), kind("b", "no"), kind("c", "no", priority=5)])
    assert recognise(seen("no"), kinds).kind == "c"
    assert recognise(seen("no"), KindRegistry([kind("a", "no"), kind("b", "no")])).kind == "a"


@pytest.mark.parametrize(
    ("conditions", "applies"),
    [
        ({"events": frozenset({"service_failed"})}, True),
        ({"events": frozenset({"probe_failing"})}, False),
        ({"failures": frozenset({"memory"})}, False),
        ({"failures": frozenset({"exit", "memory"})}, True),
        ({"exit_codes": frozenset({139})}, False),
        ({"exit_codes": frozenset({137})}, True),
    ],
)
def test_a_kind_without_patterns_matches_by_its_conditions(conditions: dict[str, object], applies: bool) -> None:
    fault = recognise(seen("x", kind="exit", exit_code=137), KindRegistry([kind("x", **conditions)]))
    assert (fault.kind == "x") == applies


def test_what_is_unknown_says_what_was_seen() -> None:
    fault = recognise(seen("exited\x1b[31m\nwith code 1"), KindRegistry([]))
    assert (fault.kind, fault.sentence, next_step(fault, KindRegistry([]))) == (
        "unknown",
        "web: exited [31m with code 1",
        "",
    )


def test_two_kinds_of_one_name_are_refused() -> None:
    with pytest.raises(ValueError, match="same name"):
        KindRegistry([kind("a"), kind("a")])


@given(st.lists(st.text(max_size=50), max_size=80), st.integers(0, 3))
def test_what_is_searched_is_bounded(lines: list[str], long: int) -> None:
    texts = searched(seen("m" * 5000, *lines, *["x" * 9000] * long))
    assert len(texts) <= MOST_LINES + 1
    assert all(len(text) <= LONGEST_LINE for text in texts)


def test_what_a_users_remedy_found_is_told_apart_from_other_facts() -> None:
    fault = recognise(
        seen("no luck"), KindRegistry([kind("x", r"no (?P<what>\w+)")]), {"own": Match("t", {"what": "y"})}
    )
    assert (fault.kind, fault.facts) == ("x", {"own.": "t", "own.what": "y", "what": "luck"})


@in_loop
async def test_expressions_are_searched_in_another_process() -> None:
    found = await matcher.search({"a": r"(?P<x>\d+)(?P<y>z)?", "b": "nowhere"}, ["one", "two 2", "three 3"])
    assert found == matcher.Matches({"a": Match("two 2", {"x": "2"})})
    assert await matcher.search({}, ["x"]) == matcher.Matches()


@in_loop
async def test_one_that_explodes_is_named_and_those_before_it_count() -> None:
    patterns = {"good": "a", "bomb": "(a|a)+$", "late": "a"}
    matches = await matcher.search(patterns, ["a" * 60 + "!"], patience_s=0.4)
    assert (set(matches.found), matches.exploded) == ({"good"}, "bomb")


@pytest.mark.parametrize(
    ("template", "found", "arguments"),
    [
        (["rm", "{x}"], {"x": "a b;c"}, ("rm", "a b;c")),
        (["rm", "--", "./{x}"], {"x": "-rf"}, ("rm", "--", "./-rf")),
        (["x", "-f{x}"], {"x": "a"}, ("x", "-fa")),
        (["awk", "{print}", "${HOME}"], {"x": "a"}, ("awk", "{print}", "${HOME}")),
        (["x", "{x}{x}"], {"x": "{service}"}, ("x", "{service}{service}")),
    ],
)
def test_what_was_found_stays_in_its_argument(
    template: list[str], found: dict[str, str], arguments: tuple[str, ...]
) -> None:
    assert filled(template, found, {"x"}) == arguments


@pytest.mark.parametrize("found", [{"x": "-rf"}, {"x": "a\0b"}, {}])
def test_what_would_be_an_option_or_was_not_found_is_refused(found: dict[str, str]) -> None:
    with pytest.raises(RefusedError):
        filled(["rm", "{x}"], found, {"x"})


@given(st.text(), st.sampled_from(["{x}", "a{x}", "{x}b", "--y={x}", "-{x}"]))
def test_no_value_ever_makes_an_option_or_another_argument(value: str, part: str) -> None:
    try:
        arguments = filled(["run", part], {"x": value}, {"x"})
    except RefusedError:
        return
    assert len(arguments) == 2
    assert part.startswith("-") or not arguments[1].startswith("-")


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ({"pattern": "("}, "no regular expression"),
        ({"command": ["{x}", "now"]}, "the program itself"),
        ({"command": ["sh", "-c", "rm {x}"]}, "run as code"),
        ({"undo": ["/usr/bin/env", "bash", "-ec", "rm {x}"]}, "run as code"),
        ({"command": ["sh", "-c", "--", "rm {x}"]}, "run as code"),
        ({"command": ["su", "app", "-c", "rm {x}"]}, "run as code"),
        ({"verify": ["python3.11", "-c", "print('{x}')"]}, "run as code"),
    ],
)
def test_a_dangerous_remedy_is_refused_when_the_settings_are_read(keys: dict[str, object], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        UserRemedy(**{"pattern": r"(?P<x>\w+)", "command": Command(["a"]), **keys})  # type: ignore[arg-type]


def test_an_argument_of_a_shell_script_is_no_code() -> None:
    command = Command(["sh", "-c", 'rm -- "$1" "{service}"', "sh", "{x}"])
    assert UserRemedy(pattern=r"(?P<x>\w+)", command=command, verify=Command(["test", "-e", "{x}"])).command == command


def test_facts_around_the_line_that_matched_are_found_too() -> None:
    kinds = KindRegistry([kind("x", r"no (?P<what>\w+)", more=(r'File "(?P<file>[^"]+)", line (?P<line>\d+)',))])
    fault = recognise(seen("x", 'File "far.py", line 1', 'File "near.py", line 2', "no luck"), kinds)
    assert fault.facts == {"what": "luck", "file": "near.py", "line": "2"}


def test_hints_spare_the_search_and_change_nothing_where_they_are_there() -> None:
    kinds = KindRegistry([kind("x", "(?i)no luck", hints=("luck",))])
    assert recognise(seen("x", "No LUCK"), kinds).kind == "x"
    assert recognise(seen("x", "no lack"), kinds).kind == "unknown"
