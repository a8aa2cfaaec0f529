"""Files of settings, and what is wrong with them."""

from collections.abc import Callable
from pathlib import Path

import pytest

from aurora_desktop.core.settings.loader import parse
from aurora_desktop.core.settings.problems import Problem, SettingsError

ProblemsOf = Callable[..., tuple[Problem, ...]]


@pytest.fixture
def problems_of() -> ProblemsOf:
    """The problems of a text that has to be refused, named `aurora.yaml` or as told."""

    def problems(text: str, name: str = "aurora.yaml") -> tuple[Problem, ...]:
        with pytest.raises(SettingsError) as refused:
            parse(text, Path(name))
        return refused.value.problems

    return problems
