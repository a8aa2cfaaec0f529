"""Chaos: random services are killed, stopped, flooded, fed and ordered about, and every rule is watched.

AURORA_CHAOS_S: how long, in seconds (60); AURORA_CHAOS_SEED: the dice, to repeat a run that failed.
"""

import os
import random
import signal
import time
from pathlib import Path
from typing import Any

import pytest

from . import machine
from .aurora import Aurora
from .services import calm, family, free_port, notifier, python, shell
from .waiting import eventually, holds

LASTS_S = float(os.environ.get("AURORA_CHAOS_S", "60"))
SEED = int(os.environ.get("AURORA_CHAOS_SEED", str(random.randrange(10**6))))
UP_AGAIN_S = 30.0
OLDEST_ZOMBIE_S = 6.0
# Quick restarts without a budget: here it is about whether they come back, and only once.
_TIRELESS = {
    "restart_sec": 0.05,
    "restart_max_delay_sec": 0.5,
    "start_limit_burst": 100_000,
    "timeout_stop_sec": 1,
    "timeout_start_sec": 5,
}
_HANGABLE = ("db", "api", "busy")
_FLAPPING = ("crasher", "eater")


def _services(folder: Path) -> dict[str, dict[str, Any]]:
    port, heart = free_port(), folder / "heart"
    page = {"http": {"url": f"http://127.0.0.1:{port}/"}, "timeout_sec": 0.5}
    services = {
        "web": calm(requires=["api"]),
        "api": calm(
            command=python("server", port),
            requires=["db"],
            readiness_probe={**page, "period_sec": 0.1},
            liveness_probe={**page, "period_sec": 0.3, "failure_threshold": 3},
        ),
        "db": notifier(0.1, watchdog_sec=1),
        "busy": calm(
            command=shell(f"while :; do touch {heart}; sleep 0.1; done"),
            liveness_probe={"file_age": {"path": str(heart), "max_age_sec": 1}, "period_sec": 0.3},
        ),
        "family": family(folder / "book"),
        "flood": calm(
            command=shell("while :; do yes 'a line of a flood' | head -n 20000; sleep 0.05; done"),
            log={"max_bytes": "500kB", "keep": 1},
        ),
        "eater": calm(command=python("eater"), memory_max="60MB"),
        "crasher": calm(command=shell("sleep 3600 & sleep 0.5; exit 9")),
        "checked": calm(liveness_probe={"exec": {"command": ["true"]}, "period_sec": 0.2}, requires=["busy"]),
        "plain": calm(),
    }
    return {name: {**spec, **_TIRELESS} for name, spec in services.items()}


class Chaos:
    """The dice, what the operator asked for, and the rules."""

    def __init__(self, aurora: Aurora, services: dict[str, dict[str, Any]], dice: random.Random) -> None:
        self.aurora = aurora
        self._services = services
        self._dice = dice
        self._stopped: set[str] = set()  # asked to be by the operator
        self._down: set[str] = set()  # ... and seen to be: from then on not a single process
        self._zombies: dict[int, float] = {}
        self._hung: set[int] = set()  # sent SIGSTOP: sooner or later each is found and replaced
        self._last_id = 0
        self.done: list[str] = []

    # --- what happens -------------------------------------------------------------------------------------------

    def strike(self) -> None:
        """One random blow."""
        weights = {
            self._kill_any: 6,
            self._kill_many: 2,
            self._hang: 3,
            self._stop: 2,
            self._start: 2,
            self._restart: 2,
        }
        (blow,) = self._dice.choices(list(weights), list(weights.values()))
        self.done.append(blow())

    def _kill_any(self) -> str:
        return self._kill(1)

    def _kill_many(self) -> str:
        return self._kill(5)

    def _kill(self, count: int) -> str:
        alive = sorted(self.aurora.processes())
        chosen = self._dice.sample(alive, min(count, len(alive)))
        for seen in chosen:
            machine.kill(seen.pid)
        return "killed " + ", ".join(f"{seen.service} {seen.pid}" for seen in chosen)

    def _hang(self) -> str:
        name = self._dice.choice(_HANGABLE)
        if (pid := self.aurora.service(name)["pid"]) is not None:
            machine.kill(pid, signal.SIGSTOP)
            self._hung.add(pid)
        return f"SIGSTOP to {name} {pid}"

    def _stop(self) -> str:
        name = self._any()
        self._stopped.add(name)
        self.aurora.tell("stop", name)
        return f"stop {name}"

    def _start(self) -> str:
        name = self._any()
        self._is_wanted(*self._with_requirements(name))
        self.aurora.tell("start", name)
        return f"start {name}"

    def _restart(self) -> str:
        name = self._any()
        self._is_wanted(name)
        self.aurora.tell("restart", name)
        return f"restart {name}"

    def crash_aurora(self) -> None:
        """All are wanted again afterwards, since the operator's stop does not outlive Aurora."""
        self.aurora.crash()
        self.done.append("killed Aurora")
        self._is_wanted(*self._services)
        self._zombies.clear()
        self.aurora.start()
        self._last_id = self.aurora.last_id()

    def start_all(self) -> None:
        self._is_wanted(*self._services)
        self.aurora.tell("start", *self._services)

    def hung(self) -> set[int]:
        """The pids that were stopped and that nobody has replaced yet."""
        self._hung = {pid for pid in self._hung if machine.state_of(pid) == "T"}
        return self._hung

    def _any(self) -> str:
        return self._dice.choice(list(self._services))

    def _is_wanted(self, *names: str) -> None:
        self._stopped.difference_update(names)
        self._down.difference_update(names)

    def _with_requirements(self, name: str) -> set[str]:
        required = self._services[name].get("requires", [])
        return {name}.union(*(self._with_requirements(other) for other in required))

    # --- what must hold -----------------------------------------------------------------------------------------

    def check(self) -> bool:
        """Every rule, now. Raises AssertionError with what was done last."""
        trail = f"seed {SEED}, last blows: {self.done[-8:]}"
        processes = self.aurora.processes()
        rows = self.aurora.ps()
        self._no_twins(processes, trail)
        self._stopped_stay_stopped(processes, rows, trail)
        self._no_old_zombies(trail)
        self._ids_grow(trail)
        return True

    def _no_twins(self, processes: list[machine.Seen], trail: str) -> None:
        spawns: dict[str, set[str]] = {}
        for seen in processes:
            if seen.spawn != "probe":
                spawns.setdefault(seen.service, set()).add(seen.spawn)
        # Read one after the other: one may have ended and been replaced within the reading.
        alive = [seen for seen in processes if len(spawns.get(seen.service, ())) > 1 and machine.is_alive(seen.pid)]
        twins = [seen for seen in alive if any(a.service == seen.service and a.spawn != seen.spawn for a in alive)]
        assert not twins, f"{twins}; {trail}"

    def _stopped_stay_stopped(self, processes: list[machine.Seen], rows: dict[str, Any], trail: str) -> None:
        for name in self._down:
            assert rows[name]["state"] == "stopped", f"{name} came back: {rows[name]}; {trail}"
            alive = [seen for seen in processes if seen.service == name and seen.spawn != "probe"]
            assert not alive, f"{name} is stopped, and yet: {alive}; {trail}"
        self._down |= {name for name in self._stopped if rows[name]["state"] == "stopped"}

    def _no_old_zombies(self, trail: str) -> None:
        now = time.monotonic()
        self._zombies = {pid: self._zombies.get(pid, now) for pid in machine.zombies(self.aurora.pid)}
        old = {pid: now - since for pid, since in self._zombies.items() if now - since > OLDEST_ZOMBIE_S}
        assert not old, f"zombies by age: {old}; {trail}"

    def _ids_grow(self, trail: str) -> None:
        ids = [event["id"] for event in self.aurora.events(since=self._last_id)]
        assert ids == list(range(self._last_id + 1, self._last_id + 1 + len(ids))), f"{self._last_id}: {ids}; {trail}"
        self._last_id = ids[-1] if ids else self._last_id


@pytest.mark.timeout(LASTS_S + 120)
def test_chaos_breaks_no_rule_and_everything_comes_back(aurora: Aurora, tmp_path: Path) -> None:
    services = _services(tmp_path)
    dice = random.Random(SEED)
    aurora.configure(services)
    aurora.start()
    chaos = Chaos(aurora, services, dice)
    for share_s in (LASTS_S / 2, LASTS_S / 2):
        end = time.monotonic() + share_s
        while time.monotonic() < end:
            chaos.strike()
            holds(chaos.check, dice.uniform(0.02, 0.3))
        if "killed Aurora" not in chaos.done:
            chaos.crash_aurora()
    chaos.start_all()
    _all_come_back(aurora, chaos)


def _all_come_back(aurora: Aurora, chaos: Chaos) -> None:
    def steady_are_up() -> bool:
        chaos.check()
        down = {n: (r["state"], r["cause"]) for n, r in aurora.ps().items() if r["state"] not in ("running", "ready")}
        assert set(down) <= set(_FLAPPING), f"{down}; seed {SEED}, {chaos.done[-20:]}"
        # One that hangs looks well until its probe or watchdog has failed often enough.
        assert not (hung := chaos.hung()), f"{hung} hang unnoticed; seed {SEED}, {chaos.done[-20:]}"
        return True

    eventually(steady_are_up, "every service is up again", UP_AGAIN_S)
    for name in _FLAPPING:
        aurora.until(name, "running")
    before = {name: pid for name, pid in aurora.pids().items() if name not in _FLAPPING}
    holds(chaos.check, 2.0)
    assert {name: aurora.pids()[name] for name in before} == before, "what is well is left alone"
