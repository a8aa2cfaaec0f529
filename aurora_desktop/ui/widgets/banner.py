"""The verdict of the whole on top of the window: a shape, a sentence, and the next step."""

from collections.abc import Callable

from PySide6.QtCore import Signal

from aurora_desktop.core.events import AGENT_PREFIX, SERVICE_PREFIX
from aurora_desktop.heartbeat.health import Health
from aurora_desktop.ui import icons, phrases
from aurora_desktop.ui.theme import Theme, Tone
from aurora_desktop.ui.tray import TrayState, sentence_case
from aurora_desktop.ui.widgets.headline import Headline
from aurora_desktop.ui.widgets.pieces import Button

_TONES: dict[TrayState, Tone] = {
    "healthy": "ok", "degraded": "warn", "unhealthy": "bad", "stopped": "muted", "emergency": "bad",
}  # fmt: skip
_ICON_SIZE = 40
# An agent that is stuck, the machine that runs low, and what waits for the operator's word.
_SHOWN_BY_RECOVERY = (AGENT_PREFIX, "machine", "healing")


class Banner(Headline):
    """Shows the health; its one button restarts the worst service or lets it go on, or resumes supervision.

    Its details are the service's, or (`recovery_asked`) the recovery page for what is no service's matter.
    """

    restart_asked = Signal(str)
    details_asked = Signal(str)
    recovery_asked = Signal()
    resume_asked = Signal()
    thaw_asked = Signal(object)

    def __init__(self, theme: Theme) -> None:
        super().__init__("banner", "title", _ICON_SIZE)
        self._theme = theme
        self._service = ""
        self._heals = False
        self._frozen: tuple[str, ...] = ()
        self._act: Callable[[], None] = self.resume_asked.emit
        self.button = Button("Restart", "restart", theme, kind="primary")
        self.button.clicked.connect(self._on_button)
        self.details = Button("Deta&ils", "", theme, kind="quiet", tip="Show more of it")
        self.details.clicked.connect(self._on_details)
        self.lay_out(self.details, self.button, margins=(16, 14, 16, 14), spacing=14, between=3)

    def show_health(
        self, health: Health, state: TrayState, *, paused: bool, otherwise: str, frozen: tuple[str, ...] = ()
    ) -> None:
        """`otherwise` stands in for the next step when there is none; `frozen`: services that can be let go on."""
        self._frozen = frozen
        self.sentence.setText(sentence_case(phrases.quoted(health.sentence)))
        self.show_words(sentence_case(phrases.quoted(health.next_step or otherwise)))
        self.show_image(icons.pixmap(f"tray-{state}", _ICON_SIZE, self.devicePixelRatioF()), state, _TONES[state])
        self._show_button(health, paused=paused)
        self.setAccessibleName(f"Verdict: {state}. {health.sentence}")
        self.setAccessibleDescription(health.next_step)

    def _show_button(self, health: Health, *, paused: bool) -> None:
        worst = health.problems[0].component if health.problems else ""
        self._service = worst.removeprefix(SERVICE_PREFIX) if worst.startswith(SERVICE_PREFIX) else ""
        self._heals = worst.startswith(_SHOWN_BY_RECOVERY)
        self.details.setVisible(bool(self._service) or self._heals)
        self.button.setVisible(bool(self._service) or paused)
        if paused:
            self._offer("Resume supervision", "start", self.resume_asked.emit)
        elif self._service in self._frozen:
            names = self._frozen
            words = f"Let all {len(names)} go on" if len(names) > 1 else f"Let {self._service} go on"
            self._offer(words, "start", lambda: self.thaw_asked.emit(names))
        elif self._service:
            service = self._service
            self._offer(f"Restart {service}", "restart", lambda: self.restart_asked.emit(service))

    def _offer(self, words: str, icon: str, act: Callable[[], None]) -> None:
        self._act = act
        self.button.set_text(words.replace("&", "&&"))
        self.button.set_icon(icon)

    def _on_details(self) -> None:
        self.recovery_asked.emit() if self._heals else self.details_asked.emit(self._service)

    def _on_button(self) -> None:
        self._act()
