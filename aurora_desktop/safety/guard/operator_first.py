"""Operator first: the agent pauses while the operator uses the devices, or presses something to confirm it."""

from collections.abc import Callable

from aurora_desktop.safety.guard.presses import HumanWatch, RawInput
from aurora_desktop.safety.messages import Human
from aurora_desktop.safety.permit import HeldTable, Permit


class OperatorFirst:
    """`is_confirming`: whether a press that may confirm something is under way. Asked only while control is armed."""

    def __init__(
        self, permit: Permit, held: HeldTable, is_confirming: Callable[[], bool], tell: Callable[[Human], None]
    ) -> None:
        self._permit, self._held, self._is_confirming, self._tell = permit, held, is_confirming, tell
        self._human = HumanWatch()
        self.is_wanted = True

    def saw(self, event: RawInput) -> None:
        """Input of the operator's own devices disturbs an agent that acts, and one that waits already."""
        if not self.is_wanted or not (self._held.is_busy or self._human.is_active):
            return
        news = self._human.touched(event.at)
        self._permit.pause(paused=True)
        if news:
            self._tell(Human(active=True))

    def look(self, now: float) -> None:
        """Whether they are quiet again."""
        if self._human.quiet_in_s(now) <= 0:
            self.calm()

    def calm(self) -> None:
        """They count as quiet from now on."""
        if self._human.is_active:
            self._human.calm()
            self.update()
            self._tell(Human(active=False))

    def update(self) -> None:
        """A press that may confirm something is judged in quiet: the agent waits meanwhile."""
        self._permit.pause(paused=self._human.is_active or self._is_confirming())
