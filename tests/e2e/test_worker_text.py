"""Text arrives exactly, in real programs, on many keyboard layouts."""

import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from aurora_desktop.input.actions import Key, Paste, Type

from .fields import Field, GtkField, QtField, XtermField
from .screen import Screen
from .waiting import eventually
from .worker_rig import WorkerRig, run_on

pytestmark = pytest.mark.brake

SAMPLE = "aB é ñ € 漢 😀 {[~@#]} \\|/ «Ça» Größe ΩΑα Жж אב عر e\u0301 \u200d👩\u200d💻 “”—\n\tend"
LAYOUTS = ("us", "de", "fr", "ru", "gr", "il", "ara")


@pytest.fixture
def worker(screen: Screen, tmp_path: Path) -> Iterator[WorkerRig]:
    with WorkerRig(screen.environment, tmp_path / "pictures") as rig:
        rig.up()
        yield rig
        if rig.process.poll() is None:  # what a killed one held is let go by the guard, and here is none
            assert not rig.held.keys() + rig.held.buttons() + rig.held.remapped()


@pytest.fixture
def _clipboard_ended(screen: Screen) -> Iterator[None]:
    """Whoever holds the clipboard ends when another takes it, and that one with its first reader."""
    yield
    _copy(screen, "last", "-loops", "1")
    assert _clipboard(screen) == "last"


@pytest.fixture(autouse=True)
def _layout_put_back(screen: Screen) -> Iterator[None]:
    yield
    run_on(screen, "setxkbmap", "us", "-option", "")


def _many_different(count: int) -> str:
    """More different characters than there are spare keys, so that these are lent again and again."""
    chosen = random.Random(7)
    return "".join(chr(chosen.randrange(0x4E00, 0x9FA0)) for _ in range(count)) + "end"


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("program", [QtField, GtkField, XtermField])
def test_every_script_on_every_layout(
    worker: WorkerRig, screen: Screen, tmp_path: Path, program: type[Field], layout: str
) -> None:
    run_on(screen, "setxkbmap", layout)
    with program(screen, tmp_path) as field:
        finished = worker.do(Type(text=SAMPLE), focus=_focus(worker))
        assert (finished.outcome, finished.reason) == ("done", "")
        field.until(SAMPLE)


@pytest.mark.parametrize("program", [QtField, GtkField, XtermField])
def test_more_characters_than_spare_keys(
    worker: WorkerRig, screen: Screen, tmp_path: Path, program: type[Field]
) -> None:
    text = _many_different(200)
    with program(screen, tmp_path) as field:
        assert worker.do(Type(text=text)).outcome == "done"
        field.until(text)


@pytest.mark.parametrize("lock", ["Caps_Lock", "Num_Lock"])
@pytest.mark.parametrize("program", [QtField, GtkField, XtermField])
def test_a_lock_of_the_keyboard_changes_nothing(
    worker: WorkerRig, screen: Screen, tmp_path: Path, program: type[Field], lock: str
) -> None:
    text = "aB éÉ Жж 漢 Ωω 1!290"
    with program(screen, tmp_path) as field:
        screen.press(lock)
        try:
            finished = worker.do(Type(text=text))
        finally:
            screen.press(lock)
        assert (finished.outcome, finished.reason) == ("done", "")
        field.until(text)


def test_a_second_layout_in_use(worker: WorkerRig, screen: Screen, tmp_path: Path) -> None:
    run_on(screen, "setxkbmap", "us,ru", "-option", "grp:menu_toggle")
    with QtField(screen, tmp_path) as field:
        screen.press("ISO_Next_Group")
        finished = worker.do(Type(text=SAMPLE))
        assert (finished.outcome, finished.reason) == ("done", "")
        field.until(SAMPLE)


def test_a_layout_that_is_changed_between_two_texts(worker: WorkerRig, screen: Screen, tmp_path: Path) -> None:
    with QtField(screen, tmp_path) as field:
        assert worker.do(Type(text="azqw;[")).outcome == "done"
        field.until("azqw;[")  # or the field reads old keys with the new map
        run_on(screen, "setxkbmap", "fr")
        assert worker.do(Type(text="azqw;[")).outcome == "done"
        field.until("azqw;[azqw;[")


def test_a_modifier_that_somebody_else_holds(worker: WorkerRig, screen: Screen, tmp_path: Path) -> None:
    with QtField(screen, tmp_path) as field:
        run_on(screen, "xdotool", "keydown", "shift")
        try:
            finished = worker.do(Type(text="abc"))
        finally:
            run_on(screen, "xdotool", "keyup", "shift")
        assert (finished.outcome, finished.events) == ("refused", 0)
        assert "Shift" in finished.reason
        field.until("")


def test_the_keyboard_goes_elsewhere(worker: WorkerRig, screen: Screen, tmp_path: Path) -> None:
    with QtField(screen, tmp_path / "1"), XtermField(screen, tmp_path / "2") as other:
        elsewhere = _focus(worker)
        screen.activate(screen.named("^qt-field$"))
        number = worker.start(Type(text="x" * 100_000), focus=_focus(worker))
        worker.until_events(50)
        other.take_keyboard()
        finished = worker.finished()
        assert (finished.outcome, finished.id) == ("partial", number)
        assert "keyboard" in finished.reason
        refused = worker.do(Type(text="y"), focus=elsewhere + 1)
        assert (refused.outcome, refused.events) == ("refused", 0)
        # The display may hand the keyboard on between the look and the key: at most that one key goes along.
        assert other.content() in ("", "x")


@pytest.mark.usefixtures("_clipboard_ended")
@pytest.mark.parametrize("program", [QtField, GtkField, XtermField])
def test_paste_leaves_the_clipboard_as_it_was(
    worker: WorkerRig, screen: Screen, tmp_path: Path, program: type[Field]
) -> None:
    _copy(screen, "what was there: é漢😀")
    with program(screen, tmp_path) as field:
        finished = worker.do(Paste(text="pasted: é漢😀"), focus=_focus(worker))
        assert (finished.outcome, finished.reason) == ("done", "")
        assert _clipboard(screen) == "what was there: é漢😀"
        field.until("pasted: é漢😀")


@pytest.mark.usefixtures("_clipboard_ended")
def test_a_paste_that_nobody_takes_puts_the_clipboard_back(worker: WorkerRig, screen: Screen) -> None:
    _copy(screen, "what was there")
    finished = worker.do(Paste(text="top secret", secret=True))
    assert finished.outcome == "partial"
    assert _clipboard(screen) == "what was there"


@pytest.mark.usefixtures("_clipboard_ended")
def test_a_killed_worker_takes_nobodys_clipboard(worker: WorkerRig, screen: Screen) -> None:
    _copy(screen, "what was there")
    worker.start(Paste(text="top secret", secret=True))
    worker.until_events(1)
    worker.process.kill()
    assert worker.exit_code() != 0
    eventually(lambda: _clipboard(screen) == "what was there", "the clipboard is as it was")
    run_on(screen, "xdotool", "keyup", "ctrl", "keyup", "v")


def test_a_key_that_the_layout_lacks(worker: WorkerRig, screen: Screen, tmp_path: Path) -> None:
    run_on(screen, "setxkbmap", "ru")
    with QtField(screen, tmp_path) as field:
        assert worker.do(Type(text="abc def")).outcome == "done"
        assert worker.do(Key(keys="ctrl+a")).outcome == "done"
        assert worker.do(Key(keys="x")).outcome == "done"
        field.until("x")


def _copy(screen: Screen, text: str, *options: str) -> None:
    run_on(screen, "xclip", "-selection", "clipboard", *options, given=text)


def _clipboard(screen: Screen) -> str:
    return run_on(screen, "xclip", "-selection", "clipboard", "-o")


def _focus(worker: WorkerRig) -> int:
    focus = worker.look().focus
    assert focus is not None
    return focus.id
