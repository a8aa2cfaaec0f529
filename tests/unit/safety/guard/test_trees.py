"""What a stop does with the marked trees, where one of them does not stand still at once."""

import pytest

from aurora_desktop.safety.guard import trees
from aurora_desktop.safety.guard.trees import Held, MarkedTrees
from aurora_desktop.safety.messages import MarkedTree

MARKED = (MarkedTree("web", "freeze", "m1", 1, 1), MarkedTree("job", "stop", "m2", 2, 2))


@pytest.fixture
def killed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The markers of the trees that were killed; none of them can be frozen."""
    killed: list[str] = []

    def kill(marker: str) -> bool:
        killed.append(marker)
        return True

    monkeypatch.setattr(trees, "_make", lambda marked: marked.marker)
    monkeypatch.setattr(trees, "_freeze", lambda _: False)
    monkeypatch.setattr(trees, "_kill", kill)
    return killed


@pytest.fixture
def marked(killed: list[str]) -> MarkedTrees:
    marked = MarkedTrees(lambda _: None)
    marked.replace(MARKED)
    return marked


def test_what_is_to_be_stopped_is_killed_although_it_did_not_freeze(marked: MarkedTrees, killed: list[str]) -> None:
    assert marked.hold() == Held(frozen=(), stopped=("job",), failed=("web",))
    assert killed == ["m2"]


def test_the_second_press_kills_what_did_not_freeze(marked: MarkedTrees, killed: list[str]) -> None:
    marked.hold()
    killed.clear()
    assert marked.kill_frozen() == Held(stopped=("web",))
    assert killed == ["m1"]


def test_a_third_press_kills_nothing_more(marked: MarkedTrees, killed: list[str]) -> None:
    marked.hold()
    marked.kill_frozen()
    killed.clear()
    assert marked.kill_frozen() == Held()
    assert killed == []
