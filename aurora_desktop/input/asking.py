"""What the window does for the agent: it asks the operator, and keeps itself out of pictures."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Protocol

from aurora_desktop.input.view import Question
from aurora_desktop.safety.view import Confirmation

QUESTION_S = 30.0


class Screenside(Protocol):
    """The window's part, where there is one."""

    def ask(self, question: Question) -> None: ...

    def close_question(self, task_id: str) -> None: ...

    def hide_for_capture(self) -> None:
        """Returns once it is off the screen."""
        ...

    def show_again(self) -> None: ...


class Judge(Protocol):
    """Who tells the operator's yes from another."""

    async def confirm_answer(self, confirmation: Confirmation) -> None:
        """Raises AuroraError when it was not the operator's."""
        ...


class Asking:
    """One question at a time."""

    def __init__(self, judge: Judge) -> None:
        self._judge = judge
        self._answer: asyncio.Future[str] | None = None  # why not; "" for a yes
        self._task_id = ""
        self.screenside: Screenside | None = None

    async def ask(self, question: Question) -> str:
        """Why not; "" for a yes."""
        if self.screenside is None:
            return "there is no window to ask the operator in"
        self._answer, self._task_id = asyncio.get_running_loop().create_future(), question.task_id
        self.screenside.ask(question)
        try:
            async with asyncio.timeout(QUESTION_S):
                return await self._answer
        except TimeoutError:
            return f"the operator did not answer within {QUESTION_S:g} s"
        finally:
            self._answer = None
            self.screenside.close_question(question.task_id)

    async def answer(self, task_id: str, confirmation: Confirmation | None) -> None:
        """The operator's answer; None is a no. Raises AuroraError when a yes was not the operator's."""
        if self._answer is None or self._task_id != task_id:
            return
        answer = self._answer  # by the time the yes is confirmed there may be another question
        if confirmation is not None:
            await self._judge.confirm_answer(confirmation)
        if not answer.done():
            answer.set_result("the operator said no" if confirmation is None else "")

    def refuse(self, reason: str) -> None:
        """Answer the question that is open, if any, for the operator."""
        if self._answer is not None and not self._answer.done():
            self._answer.set_result(reason)

    @contextlib.asynccontextmanager
    async def hidden(self, *, is_shown: bool) -> AsyncIterator[None]:
        """What is shown over the screen is off it inside of this."""
        if not is_shown or self.screenside is None:
            yield
            return
        self.screenside.hide_for_capture()
        try:
            yield
        finally:
            self.screenside.show_again()
