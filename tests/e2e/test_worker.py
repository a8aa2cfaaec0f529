"""The input worker's brake: whatever happens, it stops, says how far it came, and leaves nothing held."""

import random
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from PIL import Image

from aurora_desktop.input.actions import (
    HoldKey,
    LeftClick,
    LeftClickDrag,
    LeftMouseDown,
    MouseMove,
    Point,
    ReleaseAll,
    Screenshot,
    Type,
    Wait,
    Zoom,
)
from aurora_desktop.input.messages import Failed, Picture, Pictured
from aurora_desktop.input.messages import Screen as Displays

from .fields import Canvas, QtField
from .screen import Screen
from .vnc import VncScreen
from .waiting import eventually
from .worker_rig import WorkerRig, run_on

pytestmark = pytest.mark.brake

SLOW_DRAG = LeftClickDrag(start=Point(x=300, y=250), to=Point(x=600, y=350), duration_s=9)
LONG_TEXT = Type(text="Shift and no shift. " * 5_000)


@pytest.fixture
def worker(screen: Screen, tmp_path: Path) -> Iterator[WorkerRig]:
    with WorkerRig(screen.environment, tmp_path / "pictures", events_per_s=1000) as rig:
        rig.up()
        yield rig
        rig.socket.close()
        rig.exit_code()
        assert not rig.held.keys() + rig.held.buttons() + rig.held.remapped()
        assert not _pressed(screen)


def _pressed(screen: Screen) -> set[str]:
    """Buttons and keys that the display itself says are down."""
    told = run_on(screen, sys.executable, "-c", _ASK_WHAT_IS_DOWN)
    assert told, "the display tells what is down"
    return set(told.split()) - {"nothing"}


_ASK_WHAT_IS_DOWN = """
import xcffib, xcffib.xproto
x = xcffib.connect()
keys = bytes(x.core.QueryKeymap().reply().keys)
mask = x.core.QueryPointer(x.get_setup().roots[0].root).reply().mask
print("nothing", *(f"key{n}" for n in range(256) if keys[n // 8] >> n % 8 & 1), *(["button"] if mask >> 8 & 31 else []))
"""


def _begin_drag(worker: WorkerRig) -> None:
    worker.began(SLOW_DRAG)
    eventually(lambda: worker.held.buttons() == (1,), "the button is down")


# --- what ends the worker -----------------------------------------------------------------------------------------


def test_an_expired_permit_ends_it(worker: WorkerRig) -> None:
    _begin_drag(worker)
    worker.grant(for_ns=0)
    assert worker.finished().outcome == "partial"
    assert worker.exit_code() == 0


def test_an_expired_permit_ends_an_idle_one(worker: WorkerRig) -> None:
    worker.permit.revoke()
    assert worker.exit_code() == 0


def test_another_generation_ends_it(worker: WorkerRig) -> None:
    _begin_drag(worker)
    worker.permit.grant(worker.permit.generation + 1, worker.permit.deadline_ns)
    assert worker.exit_code() == 0


def test_sigterm_ends_it(worker: WorkerRig) -> None:
    _begin_drag(worker)
    worker.process.send_signal(signal.SIGTERM)
    assert worker.finished().outcome == "partial"
    assert worker.exit_code() == 0


def test_main_hanging_up_ends_it(worker: WorkerRig) -> None:
    _begin_drag(worker)
    worker.socket.close()
    assert worker.exit_code() == 0


@pytest.mark.parametrize("line", [b"not json\n", b'{"type":"unknown"}\n', b'{"type":"do","id":1}\n'])
def test_what_is_no_message_ends_it(worker: WorkerRig, line: bytes) -> None:
    worker.socket.sendall(line)
    assert worker.exit_code() == 0


def test_it_ends_with_its_parent(screen: Screen, tmp_path: Path) -> None:
    with WorkerRig(screen.environment, tmp_path, below=_GUARD_THAT_DIES) as worker:
        up, _ = worker.up()
        _begin_drag(worker)
        worker.process.kill()
        eventually(lambda: not Path(f"/proc/{up.pid}/exe").exists(), "the worker is gone")
        assert not worker.held.buttons()
        assert not _pressed(screen)


_GUARD_THAT_DIES = "import subprocess, sys; subprocess.run(sys.argv[1:], close_fds=False)"


def test_the_display_gone_is_told(tmp_path: Path) -> None:
    with Screen(tmp_path) as own, WorkerRig(own.environment, tmp_path / "pictures") as worker:
        worker.up()
        worker.began(SLOW_DRAG)
        worker.until_events(3)
        own.kill_server()
        finished = worker.finished()
        assert (finished.outcome, finished.reason) == ("uncertain", "the display is gone")
        assert "display" in worker.hear(Failed).reason
        assert worker.exit_code() == 1


def test_no_display_is_told(tmp_path: Path) -> None:
    with WorkerRig({"DISPLAY": ":4711"}, tmp_path) as worker:
        assert "display" in worker.hear(Failed).reason
        assert worker.exit_code() == 1


@pytest.mark.parametrize("action", [SLOW_DRAG, LONG_TEXT])
def test_a_killed_worker_has_written_down_what_it_held(
    screen: Screen, tmp_path: Path, action: LeftClickDrag | Type
) -> None:
    moments = random.Random(5)
    for _ in range(5):
        with WorkerRig(screen.environment, tmp_path) as worker:
            worker.up()
            worker.began(action)
            worker.until_events(moments.randrange(4, 60))
            worker.process.kill()
            worker.exit_code()
            codes = worker.held.keys()
            held = {f"key{code}" for code in codes} | ({"button"} if worker.held.buttons() else set())
            assert _pressed(screen) <= held
            words = [word for code in codes for word in ("keyup", str(code))]
            run_on(screen, "xdotool", "mouseup", "1", *words)


# --- what ends an action --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("action", [SLOW_DRAG, LONG_TEXT, HoldKey(keys="shift", duration_s=9)])
def test_cancelled_in_the_middle(worker: WorkerRig, action: LeftClickDrag | Type | HoldKey) -> None:
    number = worker.began(action)
    eventually(lambda: worker.held.events > 0, "the first event")
    worker.cancel(number)
    finished = worker.finished()
    assert (finished.outcome, finished.reason) == ("partial", "cancelled")
    assert worker.do(ReleaseAll()).outcome == "done"


def test_cancelled_before_the_first_event(worker: WorkerRig) -> None:
    number = worker.start(LeftClick(at=Point(x=300, y=300)), linger_s=30)
    worker.cancel(number)
    finished = worker.finished()
    assert (finished.outcome, finished.events) == ("not_started", 0)


def test_the_operator_breaks_a_drag(worker: WorkerRig) -> None:
    _begin_drag(worker)
    worker.permit.pause(paused=True)
    eventually(lambda: not worker.held.buttons(), "the button is released")
    worker.permit.pause(paused=False)
    finished = worker.finished()
    assert (finished.outcome, finished.human_active) == ("partial", True)


def test_text_goes_on_after_the_operator(worker: WorkerRig, screen: Screen, tmp_path: Path) -> None:
    text = "Exactly THIS text, not one character more or LESS. é漢😀 " * 20
    with QtField(screen, tmp_path) as field:
        worker.began(Type(text=text))
        for _ in range(8):
            worker.until_events(37)
            worker.permit.pause(paused=True)
            eventually(lambda: _stands_still(worker), "it sends nothing")
            assert not worker.held.keys()
            worker.permit.pause(paused=False)
        finished = worker.finished()
        assert (finished.outcome, finished.human_active) == ("done", True)
        field.until(text)


def _stands_still(worker: WorkerRig) -> bool:
    """Nothing was sent for as long as many characters take."""
    before = worker.held.events
    with suppress(AssertionError):
        eventually(lambda: worker.held.events != before, timeout_s=0.1)
    return worker.held.events == before


def test_nothing_is_sent_while_the_operator_works(worker: WorkerRig) -> None:
    worker.permit.pause(paused=True)
    number = worker.began(MouseMove(at=Point(x=500, y=500)))
    worker.cancel(number)
    finished = worker.finished()
    assert (finished.outcome, finished.events) == ("not_started", 0)


def test_a_held_key_is_released_after_the_limit(screen: Screen, tmp_path: Path) -> None:
    with WorkerRig(screen.environment, tmp_path, max_hold_s=0.2) as worker:
        worker.up()
        finished = worker.do(HoldKey(keys="shift", duration_s=30))
        assert finished.outcome == "partial"
        assert "limit" in finished.reason
        assert not worker.held.keys()


def test_a_drag_beyond_the_limit_is_refused(screen: Screen, tmp_path: Path) -> None:
    with WorkerRig(screen.environment, tmp_path, max_hold_s=0.2) as worker:
        worker.up()
        finished = worker.do(SLOW_DRAG)
        assert (finished.outcome, finished.events) == ("refused", 0)
        assert "0.2 s" in finished.reason


def test_capitals_beyond_the_limit_are_typed(screen: Screen, tmp_path: Path) -> None:
    with QtField(screen, tmp_path) as field, WorkerRig(screen.environment, tmp_path, max_hold_s=0.2) as worker:
        worker.up()
        assert worker.do(Type(text="CAPITALS" * 100)).outcome == "done"
        field.until("CAPITALS" * 100)


def test_a_held_button_is_released_after_the_limit(screen: Screen, tmp_path: Path) -> None:
    with WorkerRig(screen.environment, tmp_path, max_hold_s=0.2) as worker:
        worker.up()
        assert worker.do(LeftMouseDown(at=Point(x=300, y=300))).outcome == "done"
        eventually(lambda: not worker.held.buttons(), "the button is released")
        assert worker.do(LeftMouseDown()).outcome == "done"
        assert worker.do(Wait(duration_s=5)).outcome == "partial"
        assert not worker.held.buttons()


# --- targets ----------------------------------------------------------------------------------------------------------


def test_another_window_under_the_place(worker: WorkerRig, screen: Screen, tmp_path: Path) -> None:
    with Canvas(screen, tmp_path, "below", "200,150,600,400"):
        below = worker.look((400, 300)).windows[0]
        assert below is not None
        assert (below.title, below.window_class) == ("below", "canvas")
        click = LeftClick(at=Point(x=400, y=300))
        worker.start(click, windows=(below.id,), linger_s=1.5)
        with Canvas(screen, tmp_path, "above", "200,150,600,400") as above:
            finished = worker.finished()
            assert (finished.outcome, finished.events) == ("refused", 0)
            assert "another window" in finished.reason
            found = worker.look((400, 300)).windows[0]
            assert found is not None
            assert (found.title, found.pid) == ("above", above.pid)
            assert worker.do(click, windows=(found.id,)).outcome == "done"
            eventually(lambda: above.events("press"), "the click")


def test_our_own_overlay_is_looked_through(worker: WorkerRig, screen: Screen, tmp_path: Path) -> None:
    with Canvas(screen, tmp_path, "below", "200,150,600,400"):
        overlay = subprocess.Popen([sys.executable, "-c", _OVERLAY], env=screen.environment_with(QT_QPA_PLATFORM="xcb"))
        try:
            eventually(lambda: run_on(screen, "xdotool", "search", "--onlyvisible", "--name", "^overlay$"), "overlay")
            below = worker.look((400, 300)).windows[0]
            assert below is not None
            assert below.title == "below"
        finally:
            overlay.kill()
            overlay.wait()


_OVERLAY = """
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication, QWidget
application = QApplication(["aurora-overlay"])
window = QWidget(None, Qt.WindowType.X11BypassWindowManagerHint | Qt.WindowType.FramelessWindowHint)
window.setWindowTitle("overlay")
window.setGeometry(0, 0, 1280, 800)
window.show()
application.exec()
"""


def test_off_the_screen_is_refused(worker: WorkerRig) -> None:
    finished = worker.do(LeftClick(at=Point(x=1280, y=10)))
    assert (finished.outcome, finished.events) == ("refused", 0)
    assert "no display" in finished.reason


def test_a_changed_resolution_ends_the_action(vnc: VncScreen, tmp_path: Path) -> None:
    with vnc.operator() as operator, WorkerRig(vnc.environment, tmp_path) as worker:
        worker.up()
        _begin_drag(worker)
        operator.resize(1000, 700)
        try:
            changed = worker.hear(Displays)
            assert (changed.number, changed.width, changed.height) == (2, 1000, 700)
            finished = worker.finished()
            assert (finished.outcome, finished.reason) == ("partial", "the displays changed")
            assert worker.do(MouseMove(at=Point(x=1100, y=400))).outcome == "refused"
        finally:
            operator.resize(1280, 800)
            operator.sync()


# --- pictures ---------------------------------------------------------------------------------------------------------


def test_a_screenshot_is_made_smaller_to_fit(worker: WorkerRig, tmp_path: Path) -> None:
    result = worker.do(Screenshot(max_width=640, max_height=640)).result
    assert result is not None
    assert (result["width"], result["height"], result["image_width"], result["image_height"]) == (1280, 800, 640, 400)
    with Image.open(result["path"]) as image:
        assert image.size == (640, 400)
    assert Path(result["path"]).parent.stat().st_mode & 0o777 == 0o700


def test_a_zoom_shows_the_very_pixels(worker: WorkerRig) -> None:
    worker.say(Picture(1, 100, 120, 200, 100))
    with Image.open(worker.hear(Pictured).path) as whole:
        result = worker.do(Zoom(corner=Point(x=150, y=130), opposite=Point(x=250, y=180))).result
        assert result is not None
        with Image.open(result["path"]) as part:
            assert part.tobytes() == whole.crop((50, 10, 150, 60)).tobytes()


def test_a_picture_for_a_question_about_keys_shows_the_window_that_gets_them(
    worker: WorkerRig, screen: Screen, tmp_path: Path
) -> None:
    with Canvas(screen, tmp_path, place="700,400,300,200") as canvas:
        canvas.take_keyboard()
        focus = worker.look().focus
        assert focus is not None
        worker.say(Picture(1, 0, 0, 480, 300, focus.id))
        pictured = worker.hear(Pictured)
        assert (pictured.left, pictured.top) == (700 + 150 - 240, 400 + 100 - 150)
        with Image.open(pictured.path) as image:
            assert image.size == (480, 300)


def test_a_picture_about_a_window_that_is_gone_shows_the_rectangle_itself(worker: WorkerRig) -> None:
    worker.say(Picture(1, -30, 40, 200, 100, 0x123456))
    pictured = worker.hear(Pictured)
    assert (pictured.left, pictured.top, pictured.reason) == (0, 40, "")


def test_an_unknown_display_is_refused(worker: WorkerRig) -> None:
    assert worker.do(Screenshot(display="nowhere")).outcome == "refused"
