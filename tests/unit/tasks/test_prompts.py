"""Templates of roles, filled in."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aurora_desktop.core.errors import AuroraError
from aurora_desktop.tasks import prompts
from aurora_desktop.tasks.task import MOST_PROMPT_BYTES


@settings(max_examples=40)
@given(prompt=st.text(), result=st.text(max_size=300))
def test_what_agents_write_is_never_a_template(prompt: str, result: str) -> None:
    text = prompts.filled("<{prompt}|{result}>", prompt + "{result}", result + "{prompt}")
    assert text == f"<{prompt}{{result}}|{result}{{prompt}}>"


def test_the_first_step_leaves_no_empty_lines_behind() -> None:
    assert prompts.filled("Do it.\n\n{prompt}\n\n{result}", "now") == "Do it.\n\nnow"


@settings(max_examples=40)
@given(text=st.text(min_size=1), times=st.integers(1, 20_000), most=st.integers(0, 5000))
def test_a_long_text_keeps_its_bounds(text: str, times: int, most: int) -> None:
    assert len(prompts.shortened(text * times, most).encode("utf-8")) <= most


def test_a_cut_result_says_how_much_is_missing() -> None:
    cut = prompts.shortened("a" * 500 + "b" * 500, 280)
    assert cut == "a" * 100 + "\n[… 800 of 1,000 characters left out …]\n" + "b" * 100


def test_a_result_never_makes_the_prompt_too_long() -> None:
    prompt = "p" * (MOST_PROMPT_BYTES - 1000)
    text = prompts.filled("{result}{result}{prompt}", prompt, "r" * 10_000)
    assert len(text) <= MOST_PROMPT_BYTES
    assert "left out" in text


def test_a_prompt_that_leaves_no_room_for_its_role_is_refused() -> None:
    with pytest.raises(AuroraError) as refused:
        prompts.filled("Do it: {prompt}", "p" * MOST_PROMPT_BYTES)
    assert "1,000,007 bytes" in refused.value.detail
