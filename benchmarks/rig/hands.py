"""How quick an agent's hands are, and how exact: submit to first event, speed beside others, long texts."""

import random
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from functools import partial

from aurora_desktop.core.errors import AuroraError
from rig.bench import Bench
from rig.cockpit import (
    FULL_SPEED,
    KEY_PRESS,
    Canvas,
    Cockpit,
    GtkField,
    Observed,
    QtField,
    VncScreen,
    XtermField,
    cockpit,
)
from rig.figures import Figure
from rig.loads import text as random_text
from rig.programs import RIG, MissingError

BUTTON_PRESS = KEY_PRESS + 2
PLACE = "200,150,600,400"
PIECE = 50_000
TRIES = 5
LEASE_LOST = "lost the lease"
ANY_SCRIPT = "".join(map(chr, range(0x20, 0x7F))) + "äöüßéèñøÅŁžπλЖяשש漢字かな한글€„“…😀🚀"
RIVALS = {
    "pyautogui, default": ("pyautogui", "0.1"),
    "pyautogui, PAUSE=0": ("pyautogui", "0"),
    "pynput": ("pynput", "0"),
}


def submit(bench: Bench) -> list[Figure]:
    """From the moment before the HTTP request to the first event as the observer received it."""
    figure = bench.report.figure(
        "submit", "submit to first event", "ms", "a mouse_move by the local API: gate, policy, audit on disk, permit"
    )
    with cockpit(bench, **FULL_SPEED) as pit, Canvas(pit.screen, bench.folder / "canvas", place=PLACE):
        bench.report.measure([figure], "Aurora", partial(_submits, bench, figure, pit))
    return [figure]


def _submits(bench: Bench, figure: Figure, pit: Cockpit) -> None:
    for number in range(bench.runs * 10):
        pit.observer.clear()
        to = {"x": 300 + number % 2 * 100, "y": random.randint(200, 500)}
        began_ns = time.monotonic_ns()
        task = pit.submit("mouse_move", at=to)
        pit.until_events(0, 1)
        figure.add("Aurora", (pit.observer.since(0)[0].received_ns - began_ns) / 1e6)
        pit.task(task["task_id"], 10)


# --- speed beside others --------------------------------------------------------------------------------------


def speed(bench: Bench) -> list[Figure]:
    """The same clicks and characters, into the same windows, on the same display, in one run."""
    note = "first to last press by the X server's clock; lower-case ASCII, which all can type"
    clicks = bench.report.figure("clicks", "clicks", "per s", note)
    characters = bench.report.figure("characters", "characters", "per s", note)
    count = bench.runs * 10
    with cockpit(bench, **FULL_SPEED) as pit:
        for _ in range(3):
            ways: dict[str, tuple[Callable[[], object], Callable[[], object]]] = {
                "Aurora": (partial(_click_all, pit, count), partial(_type_all, pit, count)),
                **{who: _rival(pit.screen, who, count) for who in (*RIVALS, "xdotool")},
            }
            for who, (click, write) in ways.items():
                with Canvas(pit.screen, bench.folder / "canvas", place=PLACE):
                    bench.report.measure([clicks], who, partial(_rate, pit, clicks, who, click, BUTTON_PRESS))
                with QtField(pit.screen, bench.folder / "field"):
                    bench.report.measure([characters], who, partial(_rate, pit, characters, who, write, KEY_PRESS))
    return [clicks, characters]


def _rate(pit: Cockpit, figure: Figure, who: str, do: Callable[[], object], kind: int) -> None:
    pit.observer.clear()
    do()
    pressed = [event for event in pit.observer.since(0) if event.kind == kind]
    figure.add(who, _per_s(pressed))


def _per_s(pressed: Sequence[Observed]) -> float:
    if len(pressed) < 2:
        raise RuntimeError("no press of a device was seen (pynput types by XSendEvent)")
    return 1000 * (len(pressed) - 1) / max(1, pressed[-1].server_ms - pressed[0].server_ms)


def _click_all(pit: Cockpit, count: int) -> None:
    for _ in range(count):
        pit.act("left_click", at={"x": 500, "y": 300})


def _type_all(pit: Cockpit, count: int) -> None:
    pit.act("type", text=random_text(count * 10).replace("\n", " "))


def _rival(screen: VncScreen, who: str, count: int) -> tuple[Callable[[], object], Callable[[], object]]:
    if who == "xdotool":
        click = ["xdotool", "mousemove", "500", "300", "click", "--delay", "0", "--repeat", str(count), "1"]
        write = ["xdotool", "type", "--delay", "0", random_text(count * 10).replace("\n", " ")]
    else:
        library, pause = RIVALS[who]
        # With its pause, a tenth is enough to know its pace.
        number = str(count if pause == "0" else max(2, count // 10))
        script = [sys.executable, str(RIG / "rival_input.py"), library, pause, number]
        click, write = [*script, "click"], [*script, "type"]
    return partial(_run, screen, click), partial(_run, screen, write)


def _run(screen: VncScreen, command: Sequence[str]) -> None:
    if shutil.which(command[0]) is None:
        raise MissingError(f"{command[0]} is not installed")
    done = subprocess.run(command, env=screen.environment_with(), capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError((done.stderr.strip().splitlines() or ["it ended"])[-1])


# --- long texts -----------------------------------------------------------------------------------------------


def text(bench: Bench) -> list[Figure]:
    """Characters of many scripts into real text fields; what differs is said, and counts as not measured."""
    note = "letters, accents, CJK, emoji at random; in pieces of 50,000"
    figure = bench.report.figure("text", "long text, equal in the end", "characters per s", note)
    plain = bench.report.figure("text_ascii", "the same, ASCII alone", "characters per s")
    with cockpit(bench, **FULL_SPEED) as pit:
        for into, alphabet in ((figure, ANY_SCRIPT), (plain, ANY_SCRIPT[:95])):
            for kind, length in (
                (QtField, bench.runs * 1000),
                (GtkField, bench.runs * 100),
                (XtermField, bench.runs * 100),
            ):
                who = f"{kind.title}, {length}"
                bench.report.measure([into], who, partial(_type_long, bench, into, who, pit, kind, length, alphabet))
    return [figure, plain]


def _type_long(
    bench: Bench,
    figure: Figure,
    who: str,
    pit: Cockpit,
    kind: type[QtField | GtkField | XtermField],
    length: int,
    alphabet: str,
) -> None:
    """In pieces, each into a field of its own, so that a busy machine that costs the lease costs one piece alone."""
    for number, begin in enumerate(range(0, length, PIECE)):
        piece = random_text(min(PIECE, length - begin), alphabet, seed=length + number)
        for _ in range(TRIES):
            rate = _typed(bench, pit, kind, piece)
            if rate is not None:
                figure.add(who, rate)
                break
        else:
            raise RuntimeError(f"the lease was lost {TRIES} times in one piece")


def _typed(bench: Bench, pit: Cockpit, kind: type[QtField | GtkField | XtermField], piece: str) -> float | None:
    """Characters per second once the field holds exactly the piece; None when the lease was lost on the way."""
    with kind(pit.screen, bench.folder / "text") as field:
        if pit.control()["state"] != "armed":
            pit.arm_by_hand()
            field.take_keyboard()
        began = time.monotonic()
        if not performed(pit, {"action": "type", "text": piece}):
            return None
        took_s = time.monotonic() - began
        field.until(piece, 60)
    return len(piece) / took_s


def performed(pit: Cockpit, action: dict[str, object]) -> bool:
    """Whether it was done; False when the lease was lost before or meanwhile. Raises RuntimeError for all else."""
    try:
        task = pit.submit(action)
        while task["status"] not in ("completed", "failed"):
            task = pit.task(task["task_id"], 60)
        reason = task["reason"] if task["outcome"] != "done" else ""
    except AuroraError as error:
        reason = str(error)
    if reason and LEASE_LOST not in reason:
        raise RuntimeError(f"{action['action']}: {reason}")
    if reason:
        print(f"    once more: {reason}", file=sys.stderr)
    return not reason
