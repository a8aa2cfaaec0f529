"""What `docs/command-agents.md` shows is what is understood."""

import re
from pathlib import Path

import pytest

from aurora_desktop.core.settings.loader import parse
from aurora_desktop.tasks.adapters.adapter import Odd
from tests.unit.tasks.test_command_agent import understood

PAGE = (Path(__file__).parents[3] / "docs" / "command-agents.md").read_text(encoding="utf-8")
EVENTS = [line for block in re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL) for line in block.splitlines()]


@pytest.mark.parametrize("event", EVENTS)
def test_an_event_of_the_page_is_understood(event: str) -> None:
    (seen,) = understood(event.encode())

    assert not isinstance(seen, Odd)


def test_the_settings_of_the_page_are_taken() -> None:
    (settings,) = (parse(block, Path("aurora.yaml")) for block in re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL))

    assert {name: agent.prompt for name, agent in settings.tasks.agents.items()} == {
        "summarize": "argument",
        "translate": "stdin",
        "build": "file",
    }
