"""Zero restarts and zero rungs over pauses of Aurora, jumps of the clock, a suspended machine, a waiting operator."""

import asyncio
import os
import tempfile
from pathlib import Path
from typing import Literal

from core.clocks import FakeClock
from hypothesis import given, settings
from hypothesis import strategies as st

from aurora_desktop.core.clock import StallMeter
from aurora_desktop.core.settings.schema import Service
from aurora_desktop.core.settings.schema_healing import StallRule, StallSource
from aurora_desktop.core.settings.values import Command
from healing.flock import FakeServices, Flock, flocking

Happening = tuple[Literal["work", "pause", "jump"], float]
_happenings: st.SearchStrategy[list[Happening]] = st.lists(
    st.one_of(
        st.tuples(st.just("work"), st.floats(1.0, 30.0)),
        st.tuples(st.just("pause"), st.floats(1.0, 1e6)),
        st.tuples(st.just("jump"), st.floats(-1e8, 1e8)),
    ),
    max_size=25,
)


class Metered(FakeServices):
    """Stands still for as long as the supervisor's own meter says."""

    def __init__(self, clock: FakeClock) -> None:
        self.meter = StallMeter(clock)
        super().__init__()

    @property
    def stood_still_s(self) -> float:
        return self.meter.total_s()

    @stood_still_s.setter
    def stood_still_s(self, value: float) -> None:
        """The meter's matter."""


async def happen(flock: Flock, metered: Metered, what: Happening, workspace: Path) -> None:
    kind, amount = what
    if kind == "jump":
        flock.clock.jump(amount)
    elif kind == "pause":  # stopped by a signal, or with the machine asleep: everything around stood still as well
        flock.clock.advance(amount)
    else:
        for _ in range(int(amount / metered.meter.interval_s)):
            flock.clock.advance(metered.meter.interval_s)
            metered.meter.beat()
        os.utime(workspace / "status.json", ns=(0, os.stat(workspace / "status.json").st_mtime_ns + 1))
        with (flock.folder / "web.log").open("a") as log:
            log.write("on\n")
    await flock.look()


async def live_through(folder: Path, happenings: list[Happening]) -> Flock:
    async with flocking(folder) as flock:
        metered = Metered(flock.clock)
        flock.services = metered
        (folder / "web.log").write_text("")
        metered.up["web"], metered.logs["web"] = "m", folder / "web.log"
        sources: list[StallSource] = ["output", "status", "inbox", "files"]
        rule = StallRule(sources=sources, threshold_sec=60.0, proactive_threshold_sec=40.0, check_interval_sec=0.1)
        web = Service(command=Command(["true"]), stall=rule)
        flock.begin(flock.settings(services={"web": web}, agents={"stall": rule}))
        workspace = flock.agent()
        flock.agent("waits", status="WAITING_APPROVAL")
        await flock.look()
        for what in happenings:
            await happen(flock, metered, what, workspace)
        return flock


@settings(max_examples=12)
@given(_happenings)
def test_who_works_or_waits_is_left_alone_whatever_the_clocks_do(happenings: list[Happening]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        flock = asyncio.run(live_through(Path(folder), happenings))
    assert flock.events == []
    assert flock.services.replaced == []


def test_silence_is_still_found_after_any_of_them(tmp_path: Path) -> None:
    """Else the test above would pass for a watch that sees nothing."""

    async def story() -> None:
        async with flocking(tmp_path) as flock:
            flock.agent()
            await flock.look()
            flock.clock.jump(-86_400.0)
            flock.clock.advance(3600.0)
            flock.services.stood_still_s += 3600.0
            await flock.later(150.0)
            assert flock.state() == "healing"

    asyncio.run(story())
