"""One action from decision to outcome: look, judge, ask, audit, act."""

import asyncio
import contextlib
import datetime
import logging
import os
from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol, TypeVar

from msgspec import Struct, convert

from aurora_desktop.core.settings.schema import InputSettings
from aurora_desktop.input import policy
from aurora_desktop.input.actions import Action, DragPath, MouseMove, Screenshot, Zoom
from aurora_desktop.input.errors import AuditError, InputRefusedError
from aurora_desktop.input.messages import NOBODY, PERMIT_ENDED, Do, Finished, Seen
from aurora_desktop.input.places import Pixel, Screenshots, Shot, needs_pointer, places, resolve
from aurora_desktop.input.sentences import describe
from aurora_desktop.input.task import Task
from aurora_desktop.input.view import Display, Outcome, Question
from aurora_desktop.input.worker_link import WorkerGoneError, WorkerLink
from aurora_desktop.safety.view import Mode

RING_S = 0.15
"""How long the ring shows where a button will be pressed: short enough for work, long enough for an eye."""
PICTURE_SIZE = (480, 300)
LOST_S = 1.0
MANY_POINTS = 200
BACK_TRIES, BACK_S = 20, 0.05
"""How long the window of a question is given to get the keyboard back."""

log = logging.getLogger(__name__)

T = TypeVar("T")


class Ending(Struct, frozen=True):
    """How an attempt ended."""

    outcome: Outcome
    reason: str = ""
    events: int = 0
    human_active: bool = False
    result: dict[str, object] | None = None


class Front(Protocol):
    """What performing needs of the screen and of whoever keeps the records."""

    @property
    def settings(self) -> InputSettings: ...

    def displays(self) -> Sequence[Display]:
        """As the worker told of them last."""
        ...

    def saw_pointer(self, place: Pixel) -> None:
        """Where the pointer was just now."""
        ...

    def point_at(self, pixels: tuple[Pixel, ...]) -> None:
        """The action goes there next: show it."""
        ...

    def has_overlay(self) -> bool: ...

    async def ask(self, question: Question) -> str:
        """Why not; "" for a yes."""
        ...

    def intent(self, task: Task) -> None:
        """Write the intent down. Raises AuditError."""
        ...

    def hidden(self) -> "contextlib.AbstractAsyncContextManager[None]":
        """The overlay is off the screen inside of it."""
        ...

    def keep_evidence(self, task: Task, path: str) -> Awaitable[None]: ...

    def changed(self) -> None: ...


def _title(seen: Seen) -> str:
    """Of the window that is reached: under the pointer, else the one with the keyboard."""
    under = seen.windows[seen.under[0]] if seen.under else None
    window = under or seen.focus
    return window.title if window is not None else ""


def _target(action: Action, seen: Seen, pixels: tuple[Pixel, ...]) -> object:
    """What an action would reach: windows by their ids, and places."""
    windows = policy.judged_windows(action, seen.windows, seen.focus)
    return tuple(window.id if window is not None else 0 for _, window in windows), seen.under, pixels


class Performer:
    """Performs on one worker, for as long as control is armed."""

    def __init__(self, link: WorkerLink, mode: Mode, front: Front, screenshots: Screenshots) -> None:
        self._link, self._mode, self._front, self._screenshots = link, mode, front, screenshots
        self._events = 0
        self._number: int | None = None
        self._began = False
        self._lost: Ending | None = None
        self._told = asyncio.Event()

    def lost(self, reason: str, events: int, *, in_flight: bool) -> None:
        """The worker is gone: what the action came to follows from what it had counted."""
        sent = max(0, events - self._events)
        if in_flight and self._began:
            self._lost = Ending("uncertain", reason, sent)
        elif sent:
            self._lost = Ending("partial", reason, sent)
        else:
            self._lost = Ending("not_started", reason)
        self._told.set()

    def cancel(self) -> None:
        """Stop between two events."""
        if self._number is not None:
            self._link.cancel(self._number)

    async def attempt(self, task: Task) -> Ending:
        """Perform the task's action once."""
        try:
            return await self._attempt(task)
        except InputRefusedError as error:
            return Ending("refused", f"{error.title}: {error.detail}")
        except WorkerGoneError as error:
            return await self._how_it_was_lost(str(error))
        except AuditError as error:
            return Ending("refused", f"the audit log cannot be written: {error.detail}")
        finally:
            self._number = None

    async def _how_it_was_lost(self, reason: str) -> Ending:
        await self._hear_why()
        return self._lost or Ending("uncertain" if self._began else "not_started", reason)

    async def _hear_why(self) -> None:
        """The guard tells why, and what was sent, a moment after the worker noticed."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LOST_S):
                await self._told.wait()

    async def _attempt(self, task: Task) -> Ending:
        self._began = False
        await self._link.up()
        await self._link.screen()
        action, seen, pixels = await self._look(task.action)
        if refusal := await _beside(action, lambda: self._judge(action, pixels, seen)):
            return refusal
        task.sentence = describe(action, _title(seen))
        if self._mode == "ask":
            if refused := await self._front.ask(await self._question(task, pixels, seen)):
                return Ending("refused", refused)
            asked = _target(action, seen, pixels)
            action, seen, pixels = await self._look_again(task.action, asked)
            if refusal := self._judge(action, pixels, seen):
                return refusal
            if _target(action, seen, pixels) != asked:
                return Ending("refused", "it would reach another window or place than the operator said yes to")
        if self._mode == "dry_run":
            return Ending("done", "dry run: nothing was sent")
        self._front.point_at(pixels)
        self._front.intent(task)
        return await self._act(task, action, seen)

    async def _look(self, wanted: Action) -> tuple[Action, Seen, tuple[Pixel, ...]]:
        """The action in desktop pixels, and what is there now. Raises InputRefusedError, WorkerGoneError."""
        pointer = (await self._link.look(())).pointer if needs_pointer(wanted) else None
        action, pixels = await _beside(wanted, lambda: self._resolved(wanted, pointer))
        seen = await self._link.look(pixels)
        self._front.saw_pointer(seen.pointer)
        return policy.paced(action, self._front.settings.policy), seen, pixels

    def _resolved(self, wanted: Action, pointer: Pixel | None) -> tuple[Action, tuple[Pixel, ...]]:
        action = resolve(wanted, self._front.displays(), self._screenshots, pointer)
        return action, places(action, pointer)

    async def _look_again(self, wanted: Action, asked: object) -> tuple[Action, Seen, tuple[Pixel, ...]]:
        """After a yes: the question had the keyboard, which its window gets back a moment later."""
        found = await self._look(wanted)
        for _ in range(BACK_TRIES):
            if _target(*found) == asked:
                break
            await asyncio.sleep(BACK_S)
            found = await self._look(wanted)
        return found

    def _judge(self, action: Action, pixels: tuple[Pixel, ...], seen: Seen) -> Ending | None:
        verdict = policy.decide(
            action,
            self._front.settings.policy,
            places=pixels,
            windows=seen.at_places(),
            focus=seen.focus,
            own_pids=frozenset({os.getpid()}),
            now_local=datetime.datetime.now().time(),
        )
        if isinstance(verdict, policy.Refused):
            return Ending("refused", verdict.reason + (f"; {verdict.hint}" if verdict.hint else ""))
        return None

    async def _question(self, task: Task, pixels: tuple[Pixel, ...], seen: Seen) -> Question:
        width, height = PICTURE_SIZE
        x, y = pixels[0] if pixels else seen.pointer
        window = seen.focus.id if seen.focus is not None and not pixels else 0  # keys go there
        async with self._front.hidden():
            picture = await self._link.picture(x - width // 2, y - height // 2, width, height, window)
        text = task.parameters.get("text")  # secret text is told as its length and digest there
        return Question(
            task_id=task.task_id,
            agent=task.submission.agent,
            sentence=task.sentence,
            text=text if isinstance(text, str) and task.parameters["text"] else "",
            places=pixels,
            picture=picture.path,
            picture_left=picture.left,
            picture_top=picture.top,
        )

    async def _act(self, task: Task, action: Action, seen: Seen) -> Ending:
        if self._front.settings.evidence.enabled:
            await self._picture(task)
        if task.cancelled_by:  # while it was looked at, when the worker knew nothing of it yet
            return Ending("refused", f"cancelled by {task.cancelled_by}")
        do = self._do(action, seen)
        if isinstance(action, Screenshot | Zoom):
            async with self._front.hidden():
                finished = await self._perform(do)
        else:
            finished = await self._perform(do)
        ending = await self._ending(finished)
        if self._front.settings.evidence.enabled:
            await self._picture(task)
        return ending

    async def _perform(self, do: Callable[[int], Do]) -> Finished:
        self._number, finishing = self._link.do(do, self._on_began)
        try:
            return await finishing
        finally:
            finishing.cancel()

    def _do(self, action: Action, seen: Seen) -> Callable[[int], Do]:
        windows = tuple(window.id if window is not None else NOBODY for window in seen.at_places())
        focus = seen.focus.id if seen.focus is not None else NOBODY
        presses = policy.uses_pointer(action) and not isinstance(action, MouseMove)
        linger_s = RING_S if presses and self._front.has_overlay() else 0.0
        return lambda number: Do(number, action, windows, focus, linger_s=linger_s)

    async def _ending(self, finished: Finished) -> Ending:
        self._events += finished.events
        if finished.reason == PERMIT_ENDED:
            await self._hear_why()
            reason = self._lost.reason if self._lost is not None else finished.reason
            return Ending(finished.outcome, reason, finished.events, finished.human_active)
        if (result := finished.result) is not None and "id" in result:
            self._screenshots.remember(result["id"], convert(result, Shot))
        return Ending(finished.outcome, finished.reason, finished.events, finished.human_active, finished.result)

    async def _picture(self, task: Task) -> None:
        """The whole desktop, as evidence; a picture that fails neither keeps an action from happening nor undoes it."""
        try:
            async with self._front.hidden():
                pictured = await self._link.picture(0, 0, 0, 0)
            if pictured.path:
                await self._front.keep_evidence(task, pictured.path)
        except (WorkerGoneError, OSError, ValueError) as error:
            log.warning("no evidence of an action: %s", error)

    def _on_began(self) -> None:
        self._began = True
        self._front.changed()


async def _beside(action: Action, work: Callable[[], T]) -> T:
    """In a thread when a long path makes it take its time: the loop keeps the lease meanwhile."""
    if isinstance(action, DragPath) and len(action.points) > MANY_POINTS:
        return await asyncio.to_thread(work)
    return work()
