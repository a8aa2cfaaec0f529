"""The verdict of the whole on top of the window: a shape, a sentence, and the next step."""

from collections.abc import Callable

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QVBoxLayout

from aurora_desktop.core.events import SERVICE_PREFIX
from aurora_desktop.heartbeat.health import Health
from aurora_desktop.ui import icons, phrases
from aurora_desktop.ui.theme import Theme, Tone
from aurora_desktop.ui.tray import TrayState, sentence_case
from aurora_desktop.ui.widgets.pieces import Button, ElidedLabel, restyle

_TONES: dict[TrayState, Tone] = {
    "healthy": "ok", "degraded": "warn", "unhealthy": "bad", "stopped": "muted", "emergency": "bad",
}  # fmt: skip
_ICON_SIZE = 40


class Banner(QFrame):
    """Shows the health; its one button restarts the worst service or lets it go on, or resumes supervision."""

    restart_asked = Signal(str)
    details_asked = Signal(str)
    resume_asked = Signal()
    thaw_asked = Signal(object)

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self.setObjectName("banner")
        self._theme = theme
        self._state: TrayState = "stopped"
        self._service = ""
        self._frozen: tuple[str, ...] = ()
        self._act: Callable[[], None] = self.resume_asked.emit
        self._image = QLabel()
        self._image.setFixedSize(_ICON_SIZE, _ICON_SIZE)
        self.sentence = ElidedLabel("", "title")
        self.next_step = ElidedLabel("", "muted")
        self.button = Button("Restart", "restart", theme, kind="primary")
        self.button.clicked.connect(self._on_button)
        self.details = Button("Deta&ils", "", theme, kind="quiet", tip="Show the service in detail")
        self.details.clicked.connect(lambda: self.details_asked.emit(self._service))
        self._lay_out()

    def show_health(
        self, health: Health, state: TrayState, *, paused: bool, otherwise: str, frozen: tuple[str, ...] = ()
    ) -> None:
        """`otherwise` stands in for the next step when there is none; `frozen`: services that can be let go on."""
        self._state, self._frozen = state, frozen
        self.sentence.setText(sentence_case(phrases.quoted(health.sentence)))
        self.next_step.setText(sentence_case(phrases.quoted(health.next_step or otherwise)))
        self.next_step.setVisible(bool(self.next_step.text()))
        self._show_image()
        self._show_button(health, paused=paused)
        self.setAccessibleName(f"Verdict: {state}. {health.sentence}")
        self.setAccessibleDescription(health.next_step)
        if self.property("tone") != _TONES[state]:
            self.setProperty("tone", _TONES[state])
            restyle(self)

    def _lay_out(self) -> None:
        words = QVBoxLayout()
        words.setSpacing(3)
        words.addWidget(self.sentence)
        words.addWidget(self.next_step)
        row = QHBoxLayout(self)
        row.setContentsMargins(16, 14, 16, 14)
        row.setSpacing(14)
        row.addWidget(self._image)
        row.addLayout(words, 1)
        row.addWidget(self.details, 0, Qt.AlignmentFlag.AlignVCenter)
        row.addWidget(self.button, 0, Qt.AlignmentFlag.AlignVCenter)

    def _show_image(self) -> None:
        self._image.setPixmap(icons.pixmap(f"tray-{self._state}", _ICON_SIZE, self.devicePixelRatioF()))
        self._image.setAccessibleName(self._state)

    def _show_button(self, health: Health, *, paused: bool) -> None:
        worst = health.problems[0].component if health.problems else ""
        self._service = worst.removeprefix(SERVICE_PREFIX) if worst.startswith(SERVICE_PREFIX) else ""
        self.details.setVisible(bool(self._service))
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

    def _on_button(self) -> None:
        self._act()
