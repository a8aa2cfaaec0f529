"""What every section of the recovery page can be told; each takes what concerns it."""

from PySide6.QtWidgets import QWidget

from aurora_desktop.healing.incident import Incident
from aurora_desktop.healing.view import HealingView
from aurora_desktop.link.view import LinkView


class Section(QWidget):
    """A part of the page that is built once it is first looked at."""

    def show_healing(self, view: HealingView) -> None:
        """Show healing as it is now."""

    def show_incidents(self, incidents: tuple[Incident, ...]) -> None:
        """Show these, newest first."""

    def show_link(self, view: LinkView) -> None:
        """Show the link to the collaboration server as it is now."""

    def focus_first(self) -> QWidget:
        """The widget that the section begins with."""
        return self

    def focus_filter(self) -> None:
        """Put the cursor into the field that narrows or searches, where there is one."""

    def escape(self) -> None:
        """Close what was opened last, then forget what was typed."""
