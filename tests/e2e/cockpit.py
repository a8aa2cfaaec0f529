"""The operator before Aurora's window: the gate's file, reset, drill and arming by hand, and actions of an agent."""

import json
import os
import re
import signal
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any

from aurora_desktop.core.errors import AuroraError

from . import machine
from .aurora import Aurora
from .observer import Observer, now_ms
from .operator import Operator
from .vnc import VncScreen
from .waiting import PATIENCE_S, eventually, holds

HOTKEY = "ctrl+alt+shift+Escape"
REST = (640, 790)
QUIET_MS = 200
"""A press counts for a confirmation only if no program's input came shortly before: no person is as quick as a test."""
WINDOW = "^Aurora Desktop"
LEASE_LOST = "lost the lease"
"""What a machine that is busy with other things may do to an armed Aurora, and rightly so."""
TRIES = 4
SILENCE_S = 0.5
_GATE = {"operator_enabled": True, "features": {"control_mouse_keyboard": True}, "operator": {"authorized_by": "test"}}

Task = dict[str, Any]


class Cockpit:
    """`settings`: those of the section `input`, beside what every test wants."""

    def __init__(self, aurora: Aurora, screen: VncScreen, operator: Operator, observer: Observer) -> None:
        self.aurora, self.screen, self.operator, self.observer = aurora, screen, operator, observer
        self.hotkey = HOTKEY
        self.gate = aurora.config.with_name("operator_enabled.yaml")

    # --- up ---------------------------------------------------------------------------------------------------

    def start(self, services: Mapping[str, Any] | None = None, **settings: Any) -> None:
        """Aurora with its window, nothing armed."""
        quick = {"events_per_s": 500, "policy": {"max_actions_per_s": 1000, "max_characters_per_s": 1000}}
        chosen = {"mode": "act", "show_overlay": False, "max_hold_s": 60, **quick, **settings}
        self.aurora.configure(services or {}, input=chosen)
        self.aurora.start_desktop()

    def start_armed(self, services: Mapping[str, Any] | None = None, **settings: Any) -> None:
        """Aurora with the gate open, cleared, proven and armed: all by the operator's hand."""
        self.write_gate()
        self.start(services, **settings)
        self.arm_by_hand()

    def write_gate(self, text: str | None = None) -> None:
        """Replace the gate's file as an editor does; without a text it opens the gate."""
        draft = self.gate.with_name("gate-draft")
        draft.write_text(json.dumps(_GATE) if text is None else text)
        draft.replace(self.gate)

    def arm_by_hand(self) -> None:
        """From whatever state to armed; the pointer must be in no corner, and lies where no window takes it."""
        self.operator.move(*REST)
        self.until_guarded()
        if self.until_control("latched", "disarmed")["state"] == "latched":
            self.reset()
        if self.control()["hotkey_state"] != "proven":
            self.prove()
        self.arm()

    def reset(self) -> None:
        self.hold_in_window("ctrl+shift+r")
        self.until_control("disarmed")

    def arm(self) -> None:
        for _ in range(TRIES):
            self.hold_in_window("ctrl+shift+a")
            if self.until_control("armed", "disarmed")["state"] == "armed":
                return
            assert self.has_lost_lease(), self.control()
        raise AssertionError(f"the lease was lost {TRIES} times, each time at once")

    def has_lost_lease(self) -> bool:
        """Whether control is disarmed for no other reason; told, for whoever reads of a failure."""
        control = self.control()
        lost = control["state"] == "disarmed" and LEASE_LOST in control["reason"]
        if lost:
            print(f"disarmed while a test was prepared: {control['reason']}")
        return lost

    def prove(self) -> None:
        """The stop drill, by its button on the page Input."""
        self.take_window()
        self.operator.press("ctrl+2")
        eventually(self._begins_drill, "the drill has begun")
        self.operator.press(self.hotkey)
        eventually(lambda: self.control()["hotkey_state"] == "proven", "the stop key is proven")

    def _begins_drill(self) -> bool:
        """Press the button, which the window enables a moment after the guard is heard of."""
        self.operator.press("alt+p")
        with suppress(AssertionError):
            return eventually(lambda: bool(self.control()["drill"]), "the drill has begun", 1.0)
        return False

    def take_window(self) -> None:
        """Aurora's window in front, with the keyboard."""
        window = eventually(lambda: self.screen.named(WINDOW), "Aurora's window is open")
        self.screen.activate(window)
        eventually(lambda: self.screen.focused_name().startswith("Aurora Desktop"), "the window has the keyboard")

    def hold_in_window(self, combination: str) -> None:
        """A combination held in Aurora's window until it has had its second, and let go."""
        self.take_window()
        before = self.control()["state"]
        eventually(lambda: now_ms() - self.observer.last_ms() > QUIET_MS, "nobody's hand is on the devices")
        eventually(lambda: self._is_taken(combination, before), f"{combination}, held, was taken")

    def _is_taken(self, combination: str, before: str) -> bool:
        """Held once; again, as a person would, where the window did not know yet that there is something to confirm."""
        with self.operator.holding(combination), suppress(AssertionError):
            return eventually(lambda: bool(self.control()["state"] != before), combination, 3.0)
        return False

    # --- what it says -----------------------------------------------------------------------------------------

    def control(self) -> dict[str, Any]:
        return dict(self.aurora.client.get("/v1/control"))

    def until_control(self, *states: str, timeout_s: float = PATIENCE_S) -> dict[str, Any]:
        """The view of control, once it is in one of the states."""

        def there() -> dict[str, Any]:
            control = self.control()
            assert control["state"] in states, f"{control['state']}: {control['reason']}"
            return control

        return eventually(there, f"control is {' or '.join(states)}", timeout_s)

    def until_stopped(self, source: str) -> None:
        """Until it is latched, and known by whom."""
        self.until_control("latched")
        eventually(lambda: source in self.control()["stopped_by"], f"the stop is known to be by {source}")

    def until_guarded(self) -> None:
        """Until the guard listens to the stop key."""
        eventually(lambda: self.control()["hotkey_state"] in ("listening", "proven"), "the stop key is heard")

    # --- agents -----------------------------------------------------------------------------------------------

    def submit(self, action: Mapping[str, Any] | str, **parameters: Any) -> Task:
        """Queue an action, without waiting. Raises AuroraError when it is refused at once."""
        wanted = {"action": action, **parameters} if isinstance(action, str) else dict(action)
        return dict(self.aurora.client.post("/v1/input/submit", {"action": wanted}, scope="input"))

    def task(self, task_id: str, wait_s: float = 0.0) -> Task:
        return dict(self.aurora.client.get(f"/v1/input/task/{task_id}", wait_s=wait_s))

    def act(self, action: Mapping[str, Any] | str, wait_s: float = 60.0, **parameters: Any) -> Task:
        """Submit and wait for the end."""
        return self.task(self.submit(action, **parameters)["task_id"], wait_s)

    def refusal(self, action: Mapping[str, Any] | str, **parameters: Any) -> AuroraError:
        """The error with which an action was refused at once."""
        try:
            task = self.submit(action, **parameters)
        except AuroraError as error:
            return error
        raise AssertionError(f"it was not refused: {task}")

    # --- processes --------------------------------------------------------------------------------------------

    def guard_pid(self) -> int:
        """The guard, a child of main."""
        return eventually(lambda: self._running("aurora_desktop.safety.guard"), "the guard runs")

    def worker_pid(self) -> int:
        """The input worker, a child of the guard."""
        return eventually(lambda: self._running("aurora_desktop.input.worker"), "the worker runs")

    def until_no_worker(self) -> None:
        eventually(lambda: not self._running("aurora_desktop.input.worker"), "the worker is gone")

    def _running(self, module: str) -> int:
        pids = (seen.pid for seen in machine.marked(self.aurora.paths.digest) if f"-m {module} " in seen.program)
        return next(pids, 0)

    # --- what the display says ---------------------------------------------------------------------------------

    def until_nothing_held(self) -> None:
        """Also nothing that the operator holds."""
        eventually(lambda: not self.observer.held(), "nothing is held down")

    def stays_silent(self) -> None:
        """Nothing is held, and nothing comes any more although there is time for it."""
        self.until_nothing_held()
        mark = self.observer.mark()
        holds(lambda: self.observer.mark() == mark, SILENCE_S, "no event comes")

    def until_events(self, mark: int, count: int = 5) -> None:
        """Until so many events were seen behind the mark: somebody is at it."""
        eventually(lambda: self.observer.mark() - mark >= count, "events are coming")

    @contextmanager
    def busy(self, action: Mapping[str, Any]) -> Iterator[Task]:
        """An action under way: the block begins once its first events were seen."""
        for _ in range(TRIES - 1):
            mark = self.observer.mark()
            try:
                task = self.begin(action)
                break
            except (AuroraError, AssertionError):
                # Once an event was seen the test has begun, and what happened is its own.
                if not self.has_lost_lease() or self.observer.mark() > mark:
                    raise
            self.arm_again()
        else:
            task = self.begin(action)
        yield task

    def begin(self, action: Mapping[str, Any]) -> Task:
        """Submit, and wait for the first events."""
        mark = self.observer.mark()
        task = self.submit(action)
        self.until_under_way(task, mark)
        return task

    def arm_again(self) -> None:
        """Armed by hand as before; the window in front gets the keyboard back."""
        front = self.screen.focused_name()
        self.arm_by_hand()
        window = self.screen.named(f"^{re.escape(front)}$")
        assert window is not None, f"there is no {front} any more"
        self.screen.activate(window)
        eventually(lambda: self.screen.focused_name() == front, f"{front} has the keyboard")

    def until_under_way(self, task: Task, mark: int) -> None:
        """Until the first events of a task were seen behind the mark. Raises AssertionError also once it has ended."""
        count = 1 if task["action"] == "hold_key" else 5

        def ended() -> str:
            now = self.task(task["task_id"])
            told = f"{now['action']}: {now['status']}, {now['outcome']}: {now['reason']}"
            return told if now["status"] in ("completed", "failed") else ""

        def begun() -> bool:
            return self.observer.mark() - mark >= count

        told = eventually(lambda: begun() or ended(), "events are coming")
        assert told is True or begun(), told


def is_stopped(pid: int) -> bool:
    """Whether a process stands still by SIGSTOP."""
    return machine.state_of(pid) == "T"


def stop(pid: int) -> None:
    os.kill(pid, signal.SIGSTOP)
    eventually(lambda: is_stopped(pid), "it stands still")
