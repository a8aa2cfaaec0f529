"""The composition root: gathers what a start needs, and gives the house a loop, with Qt in front or without."""

import asyncio
import contextlib
import gc
import logging
import os
import signal as signals
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple

from aurora_desktop.cli.call import RunOptions
from aurora_desktop.core.errors import AlreadyRunningError, AuroraError
from aurora_desktop.core.events import Record, SettingsApplied
from aurora_desktop.core.idle_code import give_back_code
from aurora_desktop.core.lean import give_back_memory
from aurora_desktop.core.paths import StatePaths, default_config_file, gate_file
from aurora_desktop.core.settings.edit import create_default, create_gate
from aurora_desktop.core.settings.loader import load
from aurora_desktop.core.settings.problems import SettingsError
from aurora_desktop.core.settings.watch import SettingsSource
from aurora_desktop.core.storage.program_log import FORMAT, ProgramLog
from aurora_desktop.desktop import session, systemd
from aurora_desktop.desktop.autostart import for_this_platform
from aurora_desktop.desktop.launch import replace_program
from aurora_desktop.desktop.notifications import Notifier
from aurora_desktop.desktop.scope import move_to_own_scope
from aurora_desktop.desktop.single_instance import InstanceLock
from aurora_desktop.healing.stalls.override import Override
from aurora_desktop.house import House, keep_last_good, last_good_copy
from aurora_desktop.supervisor.processes import SERVICE_MARKER, SPAWN_MARKER, STATE_MARKER

if TYPE_CHECKING:
    from aurora_desktop.parts import Parts
    from aurora_desktop.ui.desktop import Desktop

log = logging.getLogger("aurora")

GIL_SWITCH_S = 0.0005
"""A thread that computes (healing reads logs beside the loop) lets the loop in after this, not after Python's 5 ms: a
service that died then, and the lease, wait no longer."""


class Start(NamedTuple):
    """What a start has gathered before there is a loop; `own` speaks to systemd and is not passed on to children."""

    options: RunOptions
    paths: StatePaths
    source: SettingsSource
    refused: SettingsError | None
    environment: Mapping[str, str]
    own: Mapping[str, str]

    def house(self, mode: Literal["desktop", "headless"]) -> House:
        """Built in the loop that runs now."""
        stall_checking = Override(interval_s=self.options.stall_interval_s, threshold_s=self.options.stall_threshold_s)
        return House(self.paths, self.source, self.environment, self.own, mode, stall_checking)


def run(options: RunOptions) -> int:
    """Run the program until it is asked to quit; the exit code. Raises AuroraError when it cannot start."""
    paths = StatePaths(options.state_dir)
    _make(paths)
    lock = InstanceLock(paths.lock)
    try:
        lock.acquire()
    except AlreadyRunningError as error:
        return _raise_the_first(paths, error)
    source, refused = _settings(options, paths)
    program_log = ProgramLog(paths.logs / "aurora.log", source.current().logs)
    logging.basicConfig(level=logging.INFO, format=FORMAT, handlers=[program_log, logging.StreamHandler()])
    sys.setswitchinterval(GIL_SWITCH_S)
    own = systemd.take_notify_environment()
    for mark in (
        SPAWN_MARKER,
        STATE_MARKER,
        SERVICE_MARKER,
    ):  # started from a service of ours: what we start is not its
        os.environ.pop(mark, None)
    move_to_own_scope()
    start = Start(options, paths, source, refused, dict(os.environ), own)
    why_headless = _why_headless(options)
    if why_headless:
        print(why_headless, file=sys.stderr)  # noqa: T201 - said to the person who started it
    house = _run_headless(start) if why_headless else _run_desktop(start)
    if house.owes_an_end:
        _end_what_was_left(start, "it was to quit, not to start anew")
    if house.is_replaced:
        lock.release()
        replace_program(own)
    return 0


def _make(paths: StatePaths) -> None:
    try:
        paths.make()
    except OSError as error:
        raise AuroraError(
            "The state folder cannot be used",
            f"{paths.root}: {error.strerror or error}",
            "Give this user write access to the folder, or name another one with --state-dir",
        ) from error


def _raise_the_first(paths: StatePaths, running: AlreadyRunningError) -> int:
    """A second start: bring the window of the first to the front."""
    from aurora_desktop.cli.client import Client  # late: a first start does without http.client

    try:
        raised = Client(paths).post("/v1/window/raise")["raised"]
    except AuroraError:
        raise running from None
    print("Aurora is already running" + ("; its window is in front now" if raised else ""))  # noqa: T201
    return 0


def _settings(options: RunOptions, paths: StatePaths) -> tuple[SettingsSource, SettingsError | None]:
    """The settings; when the file is refused, those that were last accepted, and the refusal."""
    if options.config == default_config_file():
        _create(options.config)
    try:
        source = SettingsSource.load(options.config)
    except SettingsError as error:
        copy = last_good_copy(paths, options.config)
        try:
            last_good = load(copy)
        except SettingsError:
            raise error from None
        print(f"{error}\nThe settings that were last accepted are used instead.", file=sys.stderr)  # noqa: T201
        return SettingsSource.refused(options.config, last_good), error
    keep_last_good(paths, options.config)
    return source, None


def _create(path: Path) -> None:
    try:
        if create_default(path):
            print(f"Settings made from the sample: {path}", file=sys.stderr)  # noqa: T201
    except OSError as error:
        raise AuroraError(
            "The settings file cannot be made", f"{path}: {error.strerror or error}", "Name another one with --config"
        ) from error
    with contextlib.suppress(OSError):  # without the file the gate is closed all the same, and says where it belongs
        create_gate(gate_file(path))


def _why_headless(options: RunOptions) -> str:
    """A sentence that says why there is no window; "" when there is one."""
    if options.headless:
        return "Running headless, as asked; `aurora status` and `aurora ps` show how it is."
    facts = session.detect()
    if facts.kind == "headless":
        return "There is no display: running headless. `aurora status` and `aurora ps` show how it is."
    if not session.display_answers(facts):
        return f"The display {facts.display} does not answer: running headless. `aurora doctor` says more."
    return ""


# --- headless ---------------------------------------------------------------------------------------------------


def _run_headless(start: Start) -> House:
    houses: list[House] = []

    async def live() -> None:
        houses.append(start.house("headless"))
        await _live(houses[0], start.refused)

    asyncio.run(live())
    return houses[0]


async def _live(house: House, refused: SettingsError | None) -> None:
    """From the first event to the last one."""
    if refused is not None:
        house.refused(refused)
    _install_signals(house)
    asking = asyncio.ensure_future(house.quit_requested())
    beginning = asyncio.ensure_future(house.begin())
    await asyncio.wait((asking, beginning), return_when=asyncio.FIRST_COMPLETED)
    if beginning.done() and beginning.exception() is not None:
        await house.close("it could not start")
        asking.cancel()
        await beginning  # raises what kept it from starting
    # What was loaded stays: to look through it again and again holds the loop that keeps the lease for 30 ms each time.
    gc.collect()
    gc.freeze()
    give_back_memory()
    await asyncio.to_thread(give_back_code)
    reason = await asking
    beginning.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await beginning
    await house.close(reason)


def _install_signals(house: House) -> None:
    loop = asyncio.get_running_loop()
    for name in ("SIGTERM", "SIGINT", "SIGHUP"):
        number = getattr(signals, name, None)
        if number is None:
            continue
        try:
            loop.add_signal_handler(number, house.quit, name)
        except NotImplementedError:  # Windows
            signals.signal(number, lambda *_, name=name: loop.call_soon_threadsafe(house.quit, name))


# --- with a window ----------------------------------------------------------------------------------------------


def _run_desktop(start: Start) -> House:
    from aurora_desktop.ui.lean import load_shiboken

    load_shiboken()
    from aurora_desktop.ui import application

    houses: list[House] = []

    async def live() -> None:
        house = start.house("desktop")
        houses.append(house)
        fronts: list[Desktop] = []

        def show(parts: "Parts") -> None:
            fronts.append(front := _make_front(house, parts, start.options))
            front.start(hidden=start.options.hidden or start.source.current().ui.start_hidden)

        house.on_furnished = show
        application.on_session_end(lambda: house.quit("the session ends"))
        await _live(house, start.refused)
        for front in fronts:
            front.close()

    try:
        application.run(live)
    except application.DisplayLostError:
        _end_without_display(houses[0], start)
    return houses[0]


def _end_without_display(house: House, start: Start) -> None:
    """The X server died and took Qt's loop along: stop the services in order on a loop without Qt."""
    log.warning("the display went away: stopping")
    house.abandon()
    house.is_replaced = False
    for name in ("qasync", "asyncio"):  # they report each task that the lost loop still had
        logging.getLogger(name).setLevel(logging.CRITICAL)
    _end_what_was_left(start, "the display went away")


def _end_what_was_left(start: Start, reason: str) -> None:
    """Take over the services on a loop without Qt, and only stop them in order."""

    async def end() -> None:
        await start.house("headless").succeed_to_end(reason)

    asyncio.run(end())


def _make_front(house: House, parts: "Parts", options: RunOptions) -> "Desktop":
    from aurora_desktop.ui.context import UiContext
    from aurora_desktop.ui.desktop import Desktop

    notifier = Notifier(icon="aurora-desktop")
    front = Desktop(
        UiContext(
            supervisor=house.supervisor,
            bus=house.bus,
            health=house.health,
            recent_records=lambda limit: house.journal.recent(limit, recovery_only=True),
            settings=house.source,
            autostart=for_this_platform(options.config, options.state_dir),
            quit=house.quit,
            notify=notifier.notify,
            offer=notifier.offer,
            alerts=parts.alerts,
            control=parts.brake.control,
            input=parts.brake.input,
            answer_question=parts.brake.input.answer,
            healing=parts.healer,
            tasks=parts.tasks,
            link=parts.link,
            restart=house.restart,
        )
    )
    parts.alerts.desktop = notifier.notify
    parts.brake.input.screenside = front
    parts.tasks.screenside = front
    parts.brake.control.watch(front.show_control)
    parts.brake.input.watch(front.show_control)

    def raise_window() -> bool:
        front.raise_window()
        return True

    def follow(record: Record) -> None:
        if isinstance(record.event, SettingsApplied):
            front.apply_settings(house.source.current().ui)

    house.bus.subscribe(follow)
    house.front = raise_window
    return front
