"""What every section of the agents' page can be told."""

from aurora_desktop.healing.view import HealingView
from aurora_desktop.safety.view import ControlView
from aurora_desktop.ui.pages.keys import Reachable


class WorkSection(Reachable):
    """A part of the page that is built once it is first looked at, and reads only while it is."""

    def show_work(self) -> None:
        """Read tasks, questions or workers, and show them."""

    def work_changed(self) -> None:
        """Some of it changed, perhaps ten times a second."""
        self.show_work()

    def tick(self) -> None:
        """A second has passed: what lasts is told anew."""

    def show_control(self, view: ControlView) -> None:
        """Show control as it is now."""

    def show_healing(self, view: HealingView) -> None:
        """Show healing as it is now."""
