"""No sentence of a fault shows a gap, whatever was not found."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aurora_desktop.healing.remedies.builtin import FAULT_KINDS
from aurora_desktop.healing.remedies.wording import in_words

FOUND = {"file": "app.py", "line": "7", "host": "db", "port": "5432", "path": "/run/x", "error": "it broke", "pid": "9"}
_TEMPLATES = [template for kind in FAULT_KINDS for template in (kind.sentence, kind.next_step)]


@pytest.mark.parametrize(
    ("template", "known", "sentence"),
    [
        ("web: {error} ({file} line {line})", "error file line", "web: it broke (app.py line 7)"),
        ("web: {error} ({file} line {line})", "error file", "web: it broke (app.py)"),
        ("web: {error} ({file} line {line})", "error line", "web: it broke"),
        ("Correct {file} at line {line}; then", "", "Correct one of its files; then"),
        ("port {port} is in use", "", "its port is in use"),
        ("nothing at {host}:{port}", "host port", "nothing at db:5432"),
        ("nothing at {host}:{port}", "port", "nothing at port 5432"),
        ("nothing at {host}:{port}", "host", "nothing at db"),
        ("nothing at {host}:{port}", "", "nothing at the address that it asks"),
        ("running, by {path} (pid {pid})", "path", "running, by /run/x"),
        ("Add it (the scheme, no path)", "", "Add it (the scheme, no path)"),
    ],
)
def test_what_was_not_found_is_left_out_or_named(template: str, known: str, sentence: str) -> None:
    assert in_words(template, {name: FOUND[name] for name in known.split()}) == sentence


@given(st.sampled_from(_TEMPLATES), st.sets(st.sampled_from(sorted(FOUND))))
def test_no_template_of_the_catalogue_ever_shows_a_gap(template: str, known: set[str]) -> None:
    said = in_words(template, {"service": "web", "message": "it ended", **{name: FOUND[name] for name in known}})
    assert "?" not in said
    assert "{" not in said
    assert "  " not in said
    assert " ;" not in said
