"""One action from beginning to outcome."""

from collections.abc import Callable
from typing import Any

from aurora_desktop.input.backends.protocol import CannotError, Desktop, DisplayLostError
from aurora_desktop.input.messages import Began, Do, Finished, FromWorker
from aurora_desktop.input.view import Outcome

from .brake import BrokenError, CancelledError, LetGoError, RefusedError, RevokedError
from .hand import Hand
from .performing import KEEP_HOLDING, Performer
from .pictures import Pictures
from .targets import Targets, place_problem
from .typing import Typist


class ScreenChangedError(BrokenError):
    """The displays are not those that the action was decided for."""


class ActionRunner:
    """Does what `Do` says, and always tells how it ended; raises RevokedError and DisplayLostError after telling.

    `screen_number`: grows with each change of the displays.
    """

    def __init__(
        self,
        hand: Hand,
        desktop: Desktop,
        pictures: Pictures,
        say: Callable[[FromWorker], None],
        screen_number: Callable[[], int],
        *,
        corners: bool,
    ) -> None:
        self._hand, self._desktop, self._pictures = hand, desktop, pictures
        self._say, self._screen_number = say, screen_number
        self._corners = corners

    def run(self, do: Do) -> None:
        started, events = self._hand.brake.now(), self._hand.events
        self._hand.human_active = False

        def finish(
            outcome: Outcome, reason: str = "", *, human: bool = False, result: dict[str, Any] | None = None
        ) -> None:
            duration_s = self._hand.brake.now() - started
            human = human or self._hand.human_active
            sent = self._hand.events - events
            self._say(Finished(do.id, outcome, sent, duration_s, reason, human, result))

        def broken(reason: str, *, refused: bool = False) -> None:
            self._clean_up()
            sent = self._hand.events > events
            finish("partial" if sent else "refused" if refused else "not_started", reason)

        try:
            result = self._perform(do)
        except DisplayLostError as error:
            finish("uncertain" if self._hand.is_in_doubt(events) else "not_started", str(error))
            raise
        except RevokedError as error:
            broken(str(error))
            raise
        except CancelledError as error:
            broken(str(error))
        except LetGoError:
            broken("the operator used mouse or keyboard")
        except (BrokenError, CannotError) as error:
            broken(str(error), refused=True)
        else:
            finish("done", result=result)

    def _perform(self, do: Do) -> dict[str, Any] | None:
        hand, targets = self._hand, Targets(do, self._desktop)
        hand.brake.check()
        hand.backend.begin_action()
        performer = Performer(hand, Typist(hand, targets.guard_focus), self._desktop, self._pictures)
        self._examine(do, performer)
        targets.examine(hand.look())
        self._say(Began(do.id))
        hand.wait(do.linger_s)
        hand.before_first = targets.examine
        number = self._screen_number()

        def same_screen() -> None:
            if self._screen_number() != number:
                raise ScreenChangedError("the displays changed")

        hand.examine_screen = same_screen
        try:
            result = performer.perform(do.action)
        finally:
            hand.before_first = hand.before_key = hand.examine_screen = None
        if not isinstance(do.action, KEEP_HOLDING):
            hand.let_go()
        return result

    def _examine(self, do: Do, performer: Performer) -> None:
        problem = performer.problem(do.action)
        if problem:
            raise RefusedError(problem)
        place_problem(do.action, self._hand.layout(), corners=self._corners)

    def _clean_up(self) -> None:
        """Raises DisplayLostError."""
        self._hand.let_go()
        self._hand.backend.end_text()
