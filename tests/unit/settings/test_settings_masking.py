"""What a program prints of its own environment."""

from hypothesis import given
from hypothesis import strategies as st

from aurora_desktop.core.settings.values import SHORTEST_SECRET, Environment

SECRETS = st.dictionaries(st.text("AB", min_size=1), st.text("abcdef123", min_size=SHORTEST_SECRET), max_size=4)


@given(SECRETS, st.text(" xyz\n"))
def test_no_value_of_the_environment_is_left_in_the_text(secrets: dict[str, str], around: str) -> None:
    masked = Environment(secrets).masked(around.join(["", *secrets.values(), ""]))
    assert not any(value in masked for value in secrets.values())


def test_a_longer_value_goes_before_one_that_it_contains() -> None:
    assert Environment({"A": "secret", "B": "secret-and-more"}).masked("x secret-and-more y") == "x *** y"


def test_a_value_too_short_to_be_told_from_ordinary_words_stays() -> None:
    assert Environment({"DEBUG": "1"}).masked("1 of 10") == "1 of 10"
