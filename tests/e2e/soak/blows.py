"""What is done to it: kills, hangs, a bad line, an outage, changed settings, backups in between."""

import random
import signal
import time
from collections import Counter
from collections.abc import Callable

from unit.link.proxy import FAULTS

from e2e import machine

from .world import HUNG, KILLED, World

OUTAGE_S = 2.0
CRASHED = "Aurora after kill -9, window and all"


class Blows:
    """One at a time, each until what it hit is there again; `struck` counts them."""

    def __init__(self, world: World, dice: random.Random) -> None:
        self._world, self._dice = world, dice
        self.struck: Counter[str] = Counter()
        self._ways: dict[str, tuple[int, Callable[[], None]]] = {
            "service killed": (6, self.kill_service),
            "service hung": (2, self.hang),
            "worker killed": (3, self.kill_worker),
            "fault of the line": (6, self.fault),
            "outage of the server": (1, self.outage),
            "settings changed": (1, self.change_settings),
            "backup by command": (1, self.back_up),
        }

    def strike(self) -> None:
        """Any but the end of Aurora, which is `crash`."""
        names = list(self._ways)
        (name,) = self._dice.choices(names, [weight for weight, _ in self._ways.values()])
        self.do(name)

    def do(self, name: str) -> None:
        self._ways[name][1]()
        self.struck[name] += 1

    def each(self) -> None:
        """Every one of them once."""
        for name in self._ways:
            self.do(name)

    def kill_service(self) -> None:
        self._replaced(self._dice.choice(KILLED), lambda pid: machine.kill(pid), "service after kill -9")

    def hang(self) -> None:
        """Found by its watchdog."""
        self._replaced(HUNG, lambda pid: machine.kill(pid, signal.SIGSTOP), "service after SIGSTOP, watchdog 2 s")

    def _replaced(self, name: str, blow: Callable[[int], None], recovered: str) -> None:
        world, pids = self._world, list[int]()

        def is_up() -> bool:
            if (pid := world.pid_of(name)) is not None:
                pids.append(pid)
            return bool(pids)

        world.until(is_up, f"{name} runs")
        blow(pids[-1])
        world.until(lambda: world.pid_of(name) not in (None, pids[-1]), f"{name} is replaced", recovered)

    def kill_worker(self) -> None:
        """If one works just now."""
        workers = [seen for seen in self._world.aurora.processes() if seen.service.startswith("worker:")]
        if workers:
            machine.kill(self._dice.choice(workers).pid)

    def fault(self) -> None:
        self._world.proxy.faults.append(self._dice.choice(FAULTS))

    def outage(self) -> None:
        world = self._world
        world.until(lambda: world.link_state() == "online", "the link is online")
        world.served.close_door()
        try:
            world.until(lambda: world.link_state() != "online", "the outage is noticed")
            time.sleep(OUTAGE_S)
        finally:
            world.served.open_door()
        world.until(lambda: world.link_state() == "online", "the link is back", "link after an outage")

    def change_settings(self) -> None:
        """One service has other settings, and is restarted for that."""
        world = self._world
        before = world.aurora.last_id()
        world.configure(mark=str(self._dice.random()))
        world.until(lambda: world.aurora.events("settings_applied", since=before), "the settings are applied")

    def back_up(self) -> None:
        made = self._world.aurora.command("backup", "create")
        assert made.returncode == 0, made.stderr

    def crash(self) -> None:
        """kill -9 of Aurora, and the next start."""
        begun = time.monotonic()
        self._world.aurora.crash()
        self._world.start()
        self._world.recoveries[CRASHED].append(time.monotonic() - begun)
        self.struck["Aurora killed"] += 1
