"""Memory, descriptors and disk: restarted in a quiet moment, given more, or cleaned up."""

import asyncio
import os
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, TypeVar

import pytest
from core.clocks import FakeClock
from msgspec import Struct
from supervisor.machine import FakeTable, process

from aurora_desktop.core.settings.schema import Settings
from aurora_desktop.healing.faults import Fault, Sighting
from aurora_desktop.healing.remedies.builtin import REMEDIES, quiet, remedies_with
from aurora_desktop.healing.remedies.builtin.descriptors import RaiseDescriptorLimit, hoard_of
from aurora_desktop.healing.remedies.builtin.disk import MakeRoom
from aurora_desktop.healing.remedies.builtin.known_good import KnownGood
from aurora_desktop.healing.remedies.builtin.memory import RestartWhenQuiet
from aurora_desktop.healing.remedies.builtin.quiet import until_quiet
from aurora_desktop.healing.remedies.remedy import Done, RefusedError
from aurora_desktop.supervisor.view import ServiceView
from healing.catalogue_yard import CatalogueYard, fault, service

T = TypeVar("T")
OVER = fault("memory_high", message="over memory_high: 1.5 GB of 1.0 GB")


def run(work: Coroutine[Any, Any, T]) -> T:
    return asyncio.run(work)


# --- memory -----------------------------------------------------------------------------------------------------


class Play:
    """A service that is looked at each second of a made-up clock; `happens` tells what it does at each look."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch, happens: Any) -> None:
        self.log = folder / "web.log"
        self.log.touch()
        self.table = FakeTable()
        self.yard = CatalogueYard(web=service(folder))
        self.clock: FakeClock = self.yard.clock
        self.looks = 0
        self.happens = happens
        self.uses(0.0)
        self.yard.views["web"] = self.view(100)
        monkeypatch.setattr(quiet.asyncio, "sleep", self.sleep)

    def view(self, pid: int) -> ServiceView:
        return ServiceView(name="web", state="running", cause="", since=0.0, pid=pid, log_path=str(self.log))

    def uses(self, cpu_s: float) -> None:
        self.table.put(process(100, cpu_s=cpu_s))

    async def sleep(self, seconds: float) -> None:
        self.clock.advance(seconds)
        self.looks += 1
        self.happens(self)

    def until_quiet(self) -> bool:
        return run(until_quiet("web", self.yard, self.table, 5.0, 60.0, 1.0))


def test_a_service_that_does_nothing_is_quiet_after_five_seconds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    play = Play(tmp_path, monkeypatch, lambda _: None)
    assert play.until_quiet()
    assert play.looks == 5


def _prints(play: Play) -> None:
    if play.looks <= 20:
        with play.log.open("a") as log:
            log.write("busy\n")


def _computes(play: Play) -> None:
    if play.looks <= 20:
        play.uses(0.5 * play.looks)


@pytest.mark.parametrize("happens", [_prints, _computes])
def test_output_and_cpu_put_the_quiet_moment_off(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, happens: Any) -> None:
    play = Play(tmp_path, monkeypatch, happens)
    assert play.until_quiet()
    assert play.looks == 25


def test_what_is_busy_all_the_time_is_not_restarted_and_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    play = Play(tmp_path, monkeypatch, lambda play: play.uses(0.5 * play.looks))
    remedy = RestartWhenQuiet()
    vars(remedy)["_table"] = play.table
    with pytest.raises(RefusedError, match="no quiet moment within 10 min") as refused:
        run(remedy.apply(OVER, play.yard))
    assert "aurora restart web" in refused.value.hint
    assert play.yard.done == []


def test_in_a_quiet_moment_it_is_restarted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    play = Play(tmp_path, monkeypatch, lambda _: None)
    remedy = RestartWhenQuiet()
    vars(remedy)["_table"] = play.table
    done = run(remedy.apply(OVER, play.yard))
    assert (play.yard.done, done.sentence) == (["restart web"], "restarted web in a quiet moment, after 5.0 s")


def test_what_was_replaced_meanwhile_is_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def replaced(play: Play) -> None:
        play.yard.views["web"] = play.view(200)

    play = Play(tmp_path, monkeypatch, replaced)
    assert run(RestartWhenQuiet().apply(OVER, play.yard)).sentence == "web was restarted meanwhile"
    assert play.yard.done == []


# --- descriptors ------------------------------------------------------------------------------------------------


def test_the_limit_is_raised_and_the_hoard_named(tmp_path: Path) -> None:
    yard = CatalogueYard(web=service(tmp_path))
    yard.views["web"] = ServiceView(name="web", state="running", cause="", since=0.0, pid=os.getpid())
    opened = [(tmp_path / f"{number}").open("w") for number in range(200)]
    done = run(RaiseDescriptorLimit().apply(fault("too_many_open_files"), yard))
    for file in opened:
        file.close()
    assert yard.done == ["restart web"]
    assert done.sentence.startswith("web may open 4096 files now; 200 of its")
    assert done.sentence.endswith(f"in {tmp_path}")


def test_at_the_systems_limit_the_next_step_is_named() -> None:
    yard = CatalogueYard(web=service(None))
    yard.descriptors = None
    with pytest.raises(RefusedError, match="as many files as the system allows") as refused:
        run(RaiseDescriptorLimit().apply(fault("too_many_open_files"), yard))
    assert "ulimit" in refused.value.hint
    assert yard.done == []


def test_a_process_that_is_gone_hoards_nothing() -> None:
    assert hoard_of(2**22) == ""


# --- disk -------------------------------------------------------------------------------------------------------


class Freed(Struct):
    freed_bytes: int
    sentence: str


def room(freed_bytes: int, sentence: str) -> MakeRoom:
    async def free_space() -> Freed:
        return Freed(freed_bytes, sentence)

    return MakeRoom(free_space)


@pytest.mark.parametrize(("component", "done"), [("service:web", ["restart web"]), ("aurora", [])])
def test_room_is_made_and_the_service_restarted(component: str, done: list[str]) -> None:
    yard = CatalogueYard(web=service(None))
    full = fault("disk_full") if component == "service:web" else _of_aurora()
    made = run(room(1000, "freed 1.0 kB").apply(full, yard))
    assert (made.sentence, yard.done) == ("freed 1.0 kB", done)
    assert run(room(1000, "").verify(full, Done(""), yard))


def _of_aurora() -> Any:
    seen = Sighting(at=0.0, component="aurora", event="storage_failing", event_id=1)
    return Fault(kind="disk_full", sentence="", sighting=seen)


def test_where_nothing_can_be_freed_the_next_step_is_named() -> None:
    yard = CatalogueYard(web=service(None))
    with pytest.raises(RefusedError, match="Nothing could be freed") as refused:
        run(room(0, "nothing could be freed").apply(fault("disk_full"), yard))
    assert (yard.done, "temp_folders" in refused.value.hint) == ([], True)


# --- all of them ------------------------------------------------------------------------------------------------


def test_every_remedy_says_what_it_is(tmp_path: Path) -> None:
    async def free_space() -> Freed:
        return Freed(0, "")

    everything = remedies_with(KnownGood(Settings(), FakeClock(), tmp_path), free_space)
    assert len({remedy.name for remedy in everything}) == len(everything) == 13
    for remedy in everything:
        assert all((remedy.summary, remedy.verifies, remedy.undoes, remedy.kinds)), remedy.name


def test_no_remedy_does_anything_for_a_service_that_is_gone(tmp_path: Path) -> None:
    for remedy in REMEDIES:
        with pytest.raises(RefusedError, match="no service of the settings"):
            run(remedy.plan(fault(remedy.kinds[0], "gone"), CatalogueYard()))
