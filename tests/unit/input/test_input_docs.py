"""What `docs/input-actions.md` shows is what is read."""

import re
from pathlib import Path

import pytest

from aurora_desktop.input.actions import name_of
from aurora_desktop.input.request import parse
from aurora_desktop.input.schema_check import ACTION_NAMES

PAGE = (Path(__file__).parents[3] / "docs" / "input-actions.md").read_text(encoding="utf-8")
EXAMPLES = [line for block in re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL) for line in block.splitlines()]


@pytest.mark.parametrize("example", EXAMPLES)
def test_an_example_of_the_page_is_read(example: str) -> None:
    assert name_of(parse(example.encode()).action) in ACTION_NAMES


def test_the_page_has_an_example_of_every_action() -> None:
    assert {name_of(parse(example.encode()).action) for example in EXAMPLES} == set(ACTION_NAMES)
