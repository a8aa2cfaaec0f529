"""Control of mouse and keyboard in a run that has none: always closed, and it says so."""

# ruff: noqa: ARG002 - the signatures are those of the faces

from aurora_desktop.core.errors import AuroraError
from aurora_desktop.input.errors import InputRefusedError, UnknownTaskError
from aurora_desktop.input.view import InputView, Submission, TaskView
from aurora_desktop.safety.view import Confirmation, ControlView, Mode

_TITLE = "Agents cannot use mouse and keyboard in this run"


def _none_here() -> AuroraError:
    return AuroraError(_TITLE, "Aurora was started without its input agent.")


class NoControl:
    """A gate that nobody can open; stopping and disarming what never runs is no error."""

    def view(self) -> ControlView:
        return ControlView(state="closed", reason="Aurora was started without its input agent")

    def stop(self, source: str) -> None: ...

    def disarm(self, source: str) -> None: ...

    def expect_press(self) -> None: ...

    async def arm(self, mode: Mode, confirmation: Confirmation) -> None:
        raise _none_here()

    async def reset(self, confirmation: Confirmation) -> None:
        raise _none_here()

    async def confirm_settings(self, confirmation: Confirmation) -> None:
        raise _none_here()

    def extend(self) -> None: ...

    def set_drill(self, *, on: bool) -> None: ...

    async def set_passphrase(self, passphrase: str) -> None:
        raise _none_here()

    def thaw(self, names: tuple[str, ...]) -> None: ...


class NoInput:
    """An agent without hands: its queue is empty, and stays so."""

    def submit(self, submission: Submission) -> TaskView:
        raise InputRefusedError("closed", _TITLE)

    def view(self) -> InputView:
        return InputView(control=NoControl().view(), queue_size=0, queue_limit=0)

    def task(self, task_id: str) -> TaskView:
        raise UnknownTaskError(f"There is no input task {task_id}")

    async def finished(self, task_id: str) -> TaskView:
        return self.task(task_id)

    def cancel(self, task_id: str, source: str) -> bool:
        return False


async def answer_nobody(task_id: str, confirmation: Confirmation | None) -> None:
    """Nobody asked."""
