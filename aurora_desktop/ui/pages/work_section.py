"""What every section of the agents' page can be told."""

from PySide6.QtWidgets import QWidget

from aurora_desktop.healing.view import HealingView
from aurora_desktop.safety.view import ControlView


class WorkSection(QWidget):
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

    def focus_first(self) -> QWidget:
        """The widget that the section begins with."""
        return self

    def focus_filter(self) -> None:
        """Put the cursor into the field that narrows or searches, where there is one."""

    def escape(self) -> None:
        """Close what was opened last, then forget what was typed."""
