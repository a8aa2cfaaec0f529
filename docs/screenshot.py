"""Takes the pictures of the README: the real program at work on the shipped sample, on a display of its own.

`make screenshot` runs it, in about three minutes. Nothing in the pictures is made up: a service is killed with
SIGKILL and comes back, Aurora itself is killed and the next one adopts what it left, a service is stopped where
it stands until Aurora finds it hung, and an agent types until the operator presses the stop key. Claude Code, which
does tasks, is the real program; the words of its model are those of the stand-in that the tests have.
"""

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any

sys.path.append(str(Path(__file__).resolve().parents[1] / "tests"))

from e2e.agents import path_with_node, program
from e2e.agents.anthropic import StandIn, Tool, says
from e2e.operator import Operator

ROOT = Path(__file__).resolve().parent.parent
IMAGES = ROOT / "docs" / "images"
SAMPLE = ROOT / "config" / "aurora.yaml"
CLOSED_GATE = ROOT / "config" / "operator_enabled.yaml"
SAMPLE_PORT = "18765"
VICTIM = "web"
ALL_STARTED_S, BEFORE_THE_KILL_S, FULL_BARS_S = 5, 20, 63
"""With a check each second, sixty of them fill the bar."""

# Wide enough for every column, and room around for the frame, the tray, and what the agent types into.
SCREEN, WINDOW, TALL_WINDOW = (1440, 1240), (1280, 800), (1280, 960)
TRAY_PICTURE = (500, 224)
LARGEST_BYTES = 150_000
PATIENCE_S = 120.0
PAINTING_S = 1.5
"""From a key or an event to the last repaint that follows; nothing outside of the program tells when that was."""

SERVICES, INPUT, RECOVERY, AGENTS = "ctrl+1", "ctrl+2", "ctrl+3", "ctrl+4"
HOTKEY, RESET, ARM, DRILL = "ctrl+alt+shift+escape", "ctrl+shift+r", "ctrl+shift+a", "alt+p"
NOTES = ("xterm", "-T", "Notes", "-geometry", "120x6+80+1080", "-e", "cat")
IN_NOTES, IN_AURORA = {"x": 400, "y": 1140}, {"x": 700, "y": 300}
LETTER = "Dear Ms Novák, thank you for your order of 27 November. " * 40

# Where the display takes the operator's hands, in the home.
HANDS = "rfb"

# For icewm: a taskbar with the tray alone.
DESKTOP = "TaskBarShowTray=1\nColorDefaultTaskBar=rgb:E6/EA/EE\n" + "".join(
    f"TaskBarShow{part}=0\n"
    for part in (
        "Clock", "StartMenu", "Workspaces", "WindowListMenu", "ShowDesktopButton", "CPUStatus", "MEMStatus",
        "NetStatus", "MailboxStatus", "CollapseButton", "APMStatus", "Windows",
    )
)  # fmt: skip


def wait_for(what: str, ask: Callable[[], bool]) -> None:
    """Until `ask` says yes; raises TimeoutError that names `what`."""
    deadline = time.monotonic() + PATIENCE_S
    while not ask():
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what}: not within {PATIENCE_S:g} s")
        time.sleep(0.1)


@contextmanager
def running(command: list[str], **options: Any) -> Iterator[None]:
    """The program while the block runs; then it is ended."""
    with subprocess.Popen(command, stderr=subprocess.DEVNULL, **options) as process:
        try:
            yield
        finally:
            process.terminate()


@contextmanager
def desktop(home: Path) -> Iterator[dict[str, str]]:
    """The environment of an empty desktop: a display, a window manager that is the tray too, a home of its own."""
    reading, writing = os.pipe()
    xvnc = ["Xvnc", "-displayfd", str(writing), "-geometry", f"{SCREEN[0]}x{SCREEN[1]}", "-depth", "24", "-dpi", "96"]
    xvnc += ["-nolisten", "tcp", "-SecurityTypes", "None", "-rfbport", "-1", "-rfbunixpath", str(home / HANDS)]
    with ExitStack() as stack:
        stack.enter_context(running(xvnc, pass_fds=[writing]))
        os.close(writing)
        with os.fdopen(reading) as said:
            number = said.readline().strip()
        env = {"PATH": os.environ["PATH"], "LANG": "C.UTF-8", "SHELL": "/bin/sh", "HOME": str(home)}
        env |= {"DISPLAY": f":{number}", "ICEWM_PRIVCFG": str(home / "icewm")}
        (home / "icewm").mkdir()
        (home / "icewm" / "prefoverride").write_text(DESKTOP)
        (home / "icewm" / "toolbar").touch()
        stack.enter_context(running(["icewm"], env=env))
        stack.enter_context(running(["icewmbg", "--color=rgb:2B/3A/46", "--image="], env=env))
        yield env


class Aurora:
    """The real program, with the shipped sample in a home of its own."""

    def __init__(self, home: Path, env: dict[str, str]) -> None:
        self._env = env
        self._settings = home / "aurora.yaml"
        self._command = [sys.executable, "-m", "aurora_desktop.app", "--config", str(self._settings)]
        self._command += ["--state-dir", str(home / "state")]
        self._port = free_port()
        self._process: subprocess.Popen[bytes] | None = None
        self._agents: dict[str, Any] = {}
        self.write_settings("light")
        self._gate = home / "operator_enabled.yaml"
        self._gate.write_bytes(CLOSED_GATE.read_bytes())

    def __enter__(self) -> "Aurora":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.end()

    def run(self) -> None:
        """Start it and wait until all is well; services that an earlier one left running are adopted."""
        self._process = subprocess.Popen([*self._command, "run"], env=self._env, cwd=ROOT)
        self.wait_until_well()

    def write_settings(self, theme: str) -> None:
        """The sample, with a check each second, a service that a stop freezes, and agents that need not ask."""
        sample = SAMPLE.read_text(encoding="utf-8").replace(SAMPLE_PORT, self._port)
        sample = sample.replace("    # on_estop: freeze", "    on_estop: freeze")
        own = f"supervisor: {{check_interval_s: 1}}\nui: {{theme: {theme}}}\n"
        own += "input: {mode: act, evidence: {enabled: true}}\n"
        own += f"tasks: {json.dumps({'agents': self._agents})}\n"
        self._settings.write_text(f"{sample}\n{own}", encoding="utf-8")

    def employ(self, agents: dict[str, Any]) -> None:
        """Agents for tasks, from the next start on."""
        self._agents = agents

    def submit_task(self, agent: str, prompt: str) -> str:
        """Give an agent a task; its id."""
        asked = [*self._command, "task", "submit", "--agent", agent, "--json", prompt]
        return str(json.loads(subprocess.check_output(asked, env=self._env, cwd=ROOT))["id"])

    def cancel_task(self, task_id: str) -> None:
        """Take it back, and wait for its end."""
        subprocess.run([*self._command, "task", "cancel", task_id], env=self._env, cwd=ROOT, check=True)
        self.wait_for_task(task_id, "cancelled")

    def wait_for_task(self, task_id: str, status: str) -> None:
        asked = [*self._command, "task", "show", task_id, "--json"]

        def is_there() -> bool:
            return bool(json.loads(subprocess.check_output(asked, env=self._env, cwd=ROOT))["view"]["status"] == status)

        wait_for(f"{task_id} is {status}", is_there)

    def take_on(self, theme: str) -> None:
        """Change the colours in the settings and wait until the change is applied."""
        before = self._times_applied()
        self.write_settings(theme)
        wait_for("the settings are applied", lambda: self._times_applied() > before)
        time.sleep(PAINTING_S)

    def _times_applied(self) -> int:
        asked = [*self._command, "events", "--component", "aurora", "--json"]
        records = json.loads(subprocess.check_output(asked, env=self._env, cwd=ROOT))
        return sum(record["event"]["type"] == "settings_applied" for record in records)

    def end(self, number: signal.Signals = signal.SIGTERM) -> None:
        """SIGTERM is the ordered stop, which ends the services too; SIGKILL leaves them running."""
        if self._process is not None:
            self._process.send_signal(number)
            self._process.wait()
            self._process = None

    def wait_until_well(self) -> None:
        wait_for("all is well", self._is_well)

    def _is_well(self) -> bool:
        status = self._status()
        return bool(status and status["verdict"] == "healthy")

    def wait_for_uptime(self, seconds: float) -> None:
        wait_for(f"{seconds:g} s of uptime", lambda: bool((status := self._status()) and status["uptime_s"] > seconds))

    def _status(self) -> dict[str, Any]:
        """What `aurora status --json` tells; empty while Aurora is not there yet."""
        asked = [*self._command, "status", "--json"]
        said = subprocess.run(asked, env=self._env, cwd=ROOT, capture_output=True, check=False)
        return dict(json.loads(said.stdout)) if said.returncode == 0 else {}

    def open_gate(self) -> None:
        """What the operator does in an editor."""
        self._gate.write_text(CLOSED_GATE.read_text(encoding="utf-8").replace(": false", ": true"), encoding="utf-8")

    def control(self) -> dict[str, Any]:
        """Who may use mouse and keyboard."""
        return dict(self._status()["control"])

    def wait_for_control(self, state: str) -> None:
        wait_for(f"control is {state}", lambda: bool(self.control()["state"] == state))

    def submit(self, action: str, *options: str, **fields: Any) -> None:
        """What an agent asks for; how it ends is for the picture to tell."""
        wanted = json.dumps({"action": action, **fields})
        asked = [*self._command, "input", "submit", "--agent", "clerk", *options, wanted]
        subprocess.run(asked, env=self._env, cwd=ROOT, capture_output=True, check=False)

    def service(self, name: str) -> dict[str, Any]:
        """One service as `aurora ps --json` tells it."""
        said = subprocess.check_output([*self._command, "ps", "--json"], env=self._env, cwd=ROOT)
        return next(view for view in json.loads(said) if view["name"] == name)

    def send(self, name: str, number: signal.Signals) -> int:
        """Signal the service's process behind Aurora's back; its pid."""
        pid = int(self.service(name)["pid"])
        os.kill(pid, number)
        return pid

    def wait_for_another(self, name: str, former_pid: int) -> None:
        """Until the service is ready again, in another process."""

        def is_back() -> bool:
            view = self.service(name)
            return bool(view["state"] == "ready" and view["pid"] != former_pid)

        wait_for(f"{name} is back", is_back)


def free_port() -> str:
    """The sample's own port, or another one where that is taken."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", int(SAMPLE_PORT)))
        except OSError:
            probe.bind(("127.0.0.1", 0))
        return str(probe.getsockname()[1])


class Photographer:
    """Operator and eyes on the display."""

    def __init__(self, env: dict[str, str]) -> None:
        self._env = env

    def do(self, *words: str) -> str:
        """What xdotool answers to these words."""
        return subprocess.check_output(["xdotool", *words], env=self._env, text=True)

    def window(self, title: str) -> str:
        """The id of a window, once it is there."""
        return self.do("search", "--sync", "--onlyvisible", "--name", f"^{title}$").split()[0]

    def arrange(self, size: tuple[int, int] = WINDOW) -> str:
        """Aurora's window at its size, in front, and the pointer out of the way."""
        window = self.window("Aurora Desktop.*")
        self.do("windowsize", "--sync", window, *map(str, size))
        self.do("windowmove", window, "80", "60", "windowactivate", "--sync", window)
        self.do("mousemove", "5", str(SCREEN[1] - 60))
        return window

    def press(self, *keys: str) -> None:
        self.do("key", *keys)
        time.sleep(PAINTING_S)

    def click_tray(self, button: int) -> None:
        """The left button (1) shows or hides the window, the right one (3) opens the menu."""
        self.do("mousemove", "--window", self.window("SystemTray"), "12", "12", "click", str(button))
        time.sleep(PAINTING_S)

    def take(self, name: str, *what: str) -> None:
        """Store a picture of a window or of a part of the display, small enough for a README."""
        path = IMAGES / f"{name}.png"
        small = ["-dither", "None", "-colors", "256", "-strip", "-define", "png:compression-level=9"]
        subprocess.run(["import", *what, "+repage", *small, f"PNG8:{path}"], env=self._env, check=True)
        if (size := path.stat().st_size) > LARGEST_BYTES:
            raise ValueError(f"{path.name} has {size} bytes, more than {LARGEST_BYTES}")


def take_windows(aurora: Aurora, photographer: Photographer) -> None:
    """The services, one of which was killed and is back, with its log; in light and in dark."""
    window = photographer.arrange()
    aurora.wait_for_uptime(BEFORE_THE_KILL_S)
    aurora.wait_for_another(VICTIM, aurora.send(VICTIM, signal.SIGKILL))
    photographer.press(*VICTIM, "Return")  # typing chooses the row, Return opens the drawer
    aurora.wait_for_uptime(FULL_BARS_S)
    photographer.take("window-light", "-window", window)
    aurora.take_on("dark")
    photographer.take("window-dark", "-window", window)
    aurora.take_on("light")


def take_tray(aurora: Aurora, photographer: Photographer) -> None:
    """The menu while a service hangs, the window being hidden; then the service is replaced."""
    hung = aurora.send(VICTIM, signal.SIGSTOP)
    wait_for("the readiness probe fails", lambda: bool(aurora.service(VICTIM)["state"] == "unhealthy"))
    photographer.click_tray(1)
    photographer.click_tray(3)
    width, height = TRAY_PICTURE
    corner = f"{width}x{height}+{SCREEN[0] - width}+{SCREEN[1] - height}"
    photographer.take("tray", "-window", "root", "-crop", corner)
    photographer.press("Escape")
    photographer.click_tray(1)
    aurora.wait_for_another(VICTIM, hung)
    aurora.wait_until_well()


def take_recovery(photographer: Photographer) -> None:
    """The page of recovery events, with one of them in detail."""
    window = photographer.arrange()
    photographer.press(RECOVERY, "Down", "Return")
    time.sleep(PAINTING_S)
    photographer.take("recovery", "-window", window)


REPAIR = "The test of the invoice's total fails since Friday: find out why, and repair it."
FOUND = "The total is rounded for each line instead of once at the end. I change that, then run the tests again."
EDIT = {
    "file_path": "invoice.py",
    "content": "def total(lines):\n    return round(sum(price * count for price, count in lines), 2)\n",
}
TEST = {"command": "python3 -m unittest -v", "description": "Run the tests"}


def take_agents(aurora: Aurora, photographer: Photographer, home: Path) -> None:
    """Claude Code at work: one task is done, one waits for the operator's word, one waits its turn."""
    (home / "project").mkdir()
    (home / "claude").mkdir()
    script = (
        says("All 12 invoices of November are listed in november.csv."),
        says(FOUND, Tool("Write", EDIT | {"file_path": str(home / "project" / "invoice.py")})),
        says("Done.", Tool("Bash", TEST)),
    )
    with StandIn(*script) as provider:
        env = {**provider.environment(home / "claude"), "PATH": path_with_node()}
        command = [str(program("claude"))]
        claude = {"kind": "claude", "command": command, "env": env, "cwd": str(home / "project"), "permissions": "edit"}
        translate = {"kind": "command", "command": ["sh", "-c", 'sleep 600; echo "$1"', "translate"]}
        aurora.employ({"claude": claude, "translate": translate})
        aurora.write_settings("light")
        aurora.run()
        window = photographer.arrange()
        photographer.press(AGENTS)
        aurora.wait_for_task(aurora.submit_task("claude", "List the invoices of November in a file."), "completed")
        waiting = aurora.submit_task("claude", REPAIR)
        aurora.wait_for_task(waiting, "waiting_approval")
        others = [
            aurora.submit_task("claude", "Write the release notes from the commits since v1.4."),
            aurora.submit_task("translate", "The letter to Ms Novák, into Czech."),
        ]
        take_both(aurora, photographer, window, "agents")
        for task_id in (*others, waiting):  # what may have been begun would wait for the operator at the next start
            aurora.cancel_task(task_id)
        aurora.end()
        aurora.employ({})
        aurora.write_settings("light")


def take_control(aurora: Aurora, photographer: Photographer, hands: Operator) -> None:
    """The page of the input agent while one types, and the window after the stop key; in light and in dark."""
    window = photographer.arrange(TALL_WINDOW)
    photographer.press(INPUT)
    open_the_way(aurora, hands)
    let_agent_work(aurora)
    take_both(aurora, photographer, window, "input")
    hands.press(HOTKEY)
    aurora.wait_for_control("latched")
    photographer.arrange()
    photographer.press(SERVICES)
    take_both(aurora, photographer, window, "emergency")


def take_both(aurora: Aurora, photographer: Photographer, window: str, name: str) -> None:
    """In light, then in dark."""
    time.sleep(PAINTING_S)
    photographer.take(f"{name}-light", "-window", window)
    aurora.take_on("dark")
    photographer.take(f"{name}-dark", "-window", window)
    aurora.take_on("light")


def open_the_way(aurora: Aurora, hands: Operator) -> None:
    """Reset, drill and arming, by the operator's own hands; Aurora's window has the keyboard."""
    wait_for("the stop key is heard", lambda: bool(aurora.control()["hotkey_state"] == "listening"))
    with hands.holding(RESET):
        aurora.wait_for_control("disarmed")
    time.sleep(PAINTING_S)
    hands.press(DRILL)
    wait_for("the drill has begun", lambda: bool(aurora.control()["drill"]))
    hands.press(HOTKEY)
    wait_for("the stop key is proven", lambda: bool(aurora.control()["hotkey_state"] == "proven"))
    with hands.holding(ARM):
        aurora.wait_for_control("armed")


def let_agent_work(aurora: Aurora) -> None:
    """Some actions that are over, one that is refused, a long one under way, and two that wait for it."""
    aurora.submit("left_click", at=IN_NOTES)
    aurora.submit("type", text="Invoice 17: paid\n")
    aurora.submit("left_click", at=IN_AURORA)
    aurora.submit("key", keys="Return")
    aurora.submit("type", "--no-wait", text=LETTER)
    aurora.submit("key", "--no-wait", keys="ctrl+d")
    aurora.submit("screenshot", "--no-wait")


def main() -> None:
    """All pictures, on one state dir."""
    IMAGES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="aurora-") as folder, desktop(Path(folder)) as env:
        photographer = Photographer(env)
        with Aurora(Path(folder), env) as aurora:
            aurora.run()
            aurora.wait_for_uptime(ALL_STARTED_S)
            aurora.end(signal.SIGKILL)
            aurora.run()  # adopts what runs
            aurora.end()
            aurora.run()
            take_windows(aurora, photographer)
            take_tray(aurora, photographer)
            take_recovery(photographer)
            aurora.end()
            take_agents(aurora, photographer, Path(folder))
            aurora.open_gate()
            aurora.run()
            with Operator(str(Path(folder) / HANDS)) as hands, running([*NOTES], env=env):
                photographer.window("Notes")
                take_control(aurora, photographer, hands)


if __name__ == "__main__":
    main()
