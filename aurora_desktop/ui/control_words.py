"""Control in words and shapes, as strip, tray, banner and page say it alike."""

import time
from typing import TYPE_CHECKING

from aurora_desktop.input.view import Outcome, Status, TaskView
from aurora_desktop.safety.standing import NOT_ARMED
from aurora_desktop.safety.view import UNNAMED_AGENT, ControlView, HotkeyState, Mode
from aurora_desktop.ui import phrases

if TYPE_CHECKING:  # the tray says these words too, and does without the window's modules
    from aurora_desktop.ui.theme import Tone

ARM_KEYS = "Ctrl+Shift+A"
RESET_KEYS = "Ctrl+Shift+R"
YES_KEYS = "Ctrl+Shift+Y"
STOP_KEYS = "F12"

MODE_WORDS: dict[Mode, str] = {"ask": "Ask before each action", "act": "Act", "dry_run": "Dry run, without events"}
_ARMED_WORDS: dict[Mode, str] = {
    "ask": "Armed: agents ask before each action", "act": "Armed: agents may act",
    "dry_run": "Armed for a dry run: nothing is sent",
}  # fmt: skip
_ARMED_ICONS: dict[Mode, str] = {"ask": "control-ask", "act": "control-act", "dry_run": "control-dry-run"}
HOTKEY_WORDS: dict[HotkeyState, str] = {
    "off": "Not watched", "lost": "Not heard: nothing can be armed", "listening": "Listening, not yet proven",
    "proven": "Proven",
}  # fmt: skip
HOTKEY_LOOKS: "dict[HotkeyState, tuple[str, Tone]]" = {
    "off": ("state-stopped", "muted"), "lost": ("state-failed", "bad"), "listening": ("state-unhealthy", "warn"),
    "proven": ("state-ready", "ok"),
}  # fmt: skip
TASK_WORDS: dict[Outcome | Status, str] = {
    "refused": "Refused", "not_started": "Not started", "done": "Done", "partial": "Done in part",
    "uncertain": "Uncertain", "queued": "Waiting", "running": "Under way", "retrying": "To be tried again",
    "completed": "Done", "failed": "Failed",
}  # fmt: skip
_TASK_LOOKS: "dict[Outcome | Status, tuple[str, Tone]]" = {
    "refused": ("state-stopped", "muted"), "not_started": ("state-failed", "bad"), "done": ("state-ready", "ok"),
    "partial": ("state-degraded", "warn"), "uncertain": ("state-unhealthy", "warn"),
    "queued": ("state-waiting", "muted"), "running": ("state-running", "info"), "retrying": ("state-starting", "warn"),
    "completed": ("state-ready", "ok"), "failed": ("state-failed", "bad"),
}  # fmt: skip
_STOPPERS = {
    "hotkey": "the stop key", "window": "Aurora's window", "tray": "the tray",
    "command": "the command \u201caurora estop\u201d", "api": "a program, by the API",
    "corner": "the pointer in a corner of the screen",
}  # fmt: skip
PROVE_FIRST = "Prove the stop key first: the page Input has the button"
PENDING = "Changed settings that loosen safety wait for you on the page Input"


def is_emergency(view: ControlView) -> bool:
    """Latched by a stop; a fresh installation is latched too, without anybody having stopped anything."""
    return view.state == "latched" and bool(view.stopped_by or view.stopped_at)


def state_icon(view: ControlView) -> str:
    """The shape of the state."""
    return _ARMED_ICONS[view.mode] if view.state == "armed" else f"control-{view.state}"


def state_tone(view: ControlView) -> "Tone":
    if view.state == "armed":
        return "info" if view.mode == "dry_run" else "warn"
    return "bad" if is_emergency(view) else "muted"


def state_sentence(view: ControlView) -> str:
    """The state in a sentence."""
    match view.state:
        case "armed":
            return _ARMED_WORDS[view.mode]
        case "arming":
            return "Arming"
        case "latched":
            return "Stopped and latched" if is_emergency(view) else "Latched, as on every first start"
        case "closed":
            return "Closed: agents cannot use mouse and keyboard"
        case _:
            return "Disarmed: agents cannot use mouse and keyboard"


def next_step(view: ControlView) -> str:
    """Who acts and does what; else why not, and what to do about it."""
    return f"{_next_step(view)}. {PENDING}" if view.pending else _next_step(view)


def _next_step(view: ControlView) -> str:
    match view.state:
        case "armed":
            return _who(view)
        case "latched":
            return way_to("reset", RESET_KEYS, view)
        case "disarmed":
            return sentences(why_lost(view), way_to_arm(view))
        case _:
            return sentences(view.reason, view.hint)


def why_lost(view: ControlView) -> str:
    """Why control is armed no more; "" where the operator knows."""
    known = view.reason in ("", NOT_ARMED) or view.reason.startswith("disarmed by")
    return "" if view.state != "disarmed" or known else f"No longer armed: {view.reason}"


def can_arm(view: ControlView) -> bool:
    """Whether a held press would arm now."""
    return view.state == "disarmed" and view.hotkey_state == "proven"


def way_to_arm(view: ControlView) -> str:
    """What is to be done to arm."""
    return way_to("arm", ARM_KEYS, view) if can_arm(view) else PROVE_FIRST


def what_to_do(view: ControlView) -> str:
    """The hint, in the order in which things are to be done."""
    if view.state == "latched":
        return way_to("reset", RESET_KEYS, view)
    return way_to_arm(view) if view.state == "disarmed" else sentences(view.hint)


def sentences(*parts: str) -> str:
    """Each part that says something as a sentence of its own, without the last full stop."""
    said = (phrases.quoted(part) for part in parts if part)
    return ". ".join(part[:1].upper() + part[1:] for part in said)


def way_to(act: str, keys: str, view: ControlView) -> str:
    """How the operator does it."""
    if view.needs_passphrase:
        done = f"{act} with your passphrase" if view.has_passphrase else f"choose a passphrase and {act}"
        return f"Press {keys} to {done}"
    return f"Hold {keys} for one second to {act}"


def _who(view: ControlView) -> str:
    if view.human_active:
        return f"{agent_name(view.holder)} waits: you are using mouse or keyboard"
    if view.doing:
        return narration(view.holder, view.doing)
    return f"{agent_name(view.holder)} has control" if view.holder else "Nobody acts now"


def agent_name(agent: str) -> str:
    """`agent claude`; one that gave no name is told as such."""
    return UNNAMED_AGENT if agent in ("", UNNAMED_AGENT) else f"agent {agent}"


def narration(agent: str, sentence: str) -> str:
    """`agent claude: clicking "Save"`."""
    return f"{agent_name(agent)}: {sentence}"


def overlay_sentence(task: TaskView, *, waits: bool) -> str:
    """The narration on the screen itself."""
    if waits:
        return f"{agent_name(task.agent)} waits: you are using mouse or keyboard"
    return narration(task.agent, task_sentence(task))


def countdown(seconds: float | None) -> str:
    """`14:32`; hours only where there are any."""
    if seconds is None:
        return phrases.NONE
    minutes, second = divmod(max(int(seconds), 0), 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours}:{minute:02}:{second:02}" if hours else f"{minute:02}:{second:02}"


def stopper(source: str) -> str:
    """Who or what stopped: the source by its name on the screen, with whatever else is said of it."""
    name = next(
        (each for each in _STOPPERS if source == each or source.startswith((f"{each},", f"{each}:", f"{each} "))), ""
    )
    return f"{_STOPPERS[name]}{source.removeprefix(name)}" if name else phrases.quoted(source)


def stopped_sentence(view: ControlView) -> str:
    """Who stopped, and when."""
    by = f" by {stopper(view.stopped_by)}" if view.stopped_by else ""
    when = f" at {phrases.moment(view.stopped_at, time.time())}" if view.stopped_at else ""
    said = "," if when and ": " in by else ""  # the reason is somebody's own words, and the time none of them
    return f"Emergency stop{by}{said}{when}"


def tray_sentence(view: ControlView) -> str:
    """What the tray says of control; "" while there is nothing to say."""
    if is_emergency(view):
        return f"{stopped_sentence(view)}. Reset it in the window"
    if view.state != "armed":
        return ""
    left = countdown(view.remaining_s)
    return f"Dry run: {left} left" if view.mode == "dry_run" else f"Agents may act: {left} left"


def hotkey_text(hotkey: str) -> str:
    """`Ctrl+Alt+Shift+Escape`, from the way it is written in the settings."""
    return "+".join(part[:1].upper() + part[1:] for part in hotkey.split("+")) if hotkey else phrases.NONE


def task_sentence(task: TaskView) -> str:
    """What it does: its own words, else the action's name."""
    return task.sentence or task.action.replace("_", " ")


def task_state(task: TaskView) -> str:
    """How it ended, or how far it is."""
    return TASK_WORDS[task.outcome or task.status]


def task_look(task: TaskView) -> "tuple[str, Tone]":
    """Shape and tone of how it ended."""
    return _TASK_LOOKS[task.outcome or task.status]
