"""Each test gets an Aurora of its own, and leaves neither process nor zombie behind."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from .aurora import Aurora, clean_environment
from .cockpit import Cockpit
from .observer import Observer
from .operator import Operator
from .screen import Screen
from .vnc import VncScreen

if sys.platform != "linux":
    collect_ignore_glob = ["test_*.py"]  # reads /proc and drives an X display


@pytest.fixture
def make_aurora(tmp_path: Path) -> Iterator[Callable[..., Aurora]]:
    """Make an Aurora in a folder (by default the test's own); each is ended and searched for leftovers."""
    made: list[Aurora] = []

    def make(folder: Path = tmp_path, **environment: str) -> Aurora:
        folder.mkdir(parents=True, exist_ok=True)
        made.append(Aurora(folder, clean_environment(folder, **environment)))
        return made[-1]

    yield make
    complaints = [complaint for aurora in made for complaint in aurora.clean_up()]
    assert not complaints, "\n".join(complaints)


@pytest.fixture
def aurora(make_aurora: Callable[..., Aurora]) -> Aurora:
    """An Aurora that is not started yet, without settings."""
    return make_aurora()


@pytest.fixture(scope="session")
def _session_screen(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Screen]:
    with Screen(tmp_path_factory.mktemp("screen")) as screen:
        yield screen


@pytest.fixture
def screen(_session_screen: Screen) -> Screen:
    """The virtual display, with a window manager that has a tray."""
    _session_screen.start_host()
    return _session_screen


@pytest.fixture
def on_screen(make_aurora: Callable[..., Aurora], screen: Screen) -> Aurora:
    """An Aurora with tray and window, not started yet."""
    return make_aurora(**screen.environment)


@pytest.fixture(scope="session")
def _session_vnc(tmp_path_factory: pytest.TempPathFactory) -> Iterator[VncScreen]:
    with VncScreen(tmp_path_factory.mktemp("vnc")) as screen:
        yield screen


@pytest.fixture
def vnc(_session_vnc: VncScreen) -> VncScreen:
    """A display whose operator has a keyboard and a pointer that count as physical; with a window manager."""
    _session_vnc.start_host()
    return _session_vnc


@pytest.fixture
def operator(vnc: VncScreen) -> Iterator[Operator]:
    """The hands at that display; what they hold is let go in the end."""
    with vnc.operator() as operator:
        yield operator


@pytest.fixture
def observer(vnc: VncScreen) -> Iterator[Observer]:
    """The independent witness at that display."""
    with Observer(vnc.name) as observer:
        yield observer


@contextmanager
def _manned(screen: VncScreen, folder: Path) -> Iterator[Cockpit]:
    """An Aurora, not started yet, with operator and observer; nothing of it may be left or held in the end."""
    screen.start_host()
    with screen.operator() as operator, Observer(screen.name) as observer:
        aurora = Aurora(folder, clean_environment(folder, **screen.environment))
        try:
            yield Cockpit(aurora, screen, operator, observer)
        finally:
            complaints = aurora.clean_up()
        held = observer.held()
    assert not complaints, "\n".join(complaints)
    assert not held, f"left held down: {held}"


@pytest.fixture
def cockpit(_session_vnc: VncScreen, tmp_path: Path) -> Iterator[Cockpit]:
    """An Aurora of the test's own, not started yet, with its operator."""
    with _manned(_session_vnc, tmp_path) as cockpit:
        yield cockpit


@pytest.fixture(scope="module")
def _module_cockpit(_session_vnc: VncScreen, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cockpit]:
    with _manned(_session_vnc, tmp_path_factory.mktemp("armed")) as cockpit:
        cockpit.start_armed()
        yield cockpit


@pytest.fixture
def armed(_module_cockpit: Cockpit) -> Cockpit:
    """An armed Aurora that a module's tests share, for those that only act; armed anew where one disarmed it."""
    if _module_cockpit.control()["state"] != "armed":
        _module_cockpit.write_gate()
        _module_cockpit.arm_by_hand()
    _module_cockpit.observer.clear()
    return _module_cockpit
