"""What every section of the recovery page can be told; each takes what concerns it."""

from aurora_desktop.healing.incident import Incident
from aurora_desktop.healing.view import HealingView
from aurora_desktop.link.view import LinkView
from aurora_desktop.ui.pages.keys import Reachable


class Section(Reachable):
    """A part of the page that is built once it is first looked at."""

    def show_healing(self, view: HealingView) -> None:
        """Show healing as it is now."""

    def show_incidents(self, incidents: tuple[Incident, ...]) -> None:
        """Show these, newest first."""

    def show_settings(self) -> None:
        """The settings have changed."""

    def show_link(self, view: LinkView) -> None:
        """Show the link to the collaboration server as it is now."""
