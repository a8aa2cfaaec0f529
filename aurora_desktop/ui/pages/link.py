"""The link: how it stands, how quick it is, what waits, and what went wrong last."""

import time
from collections.abc import Awaitable, Callable

from PySide6.QtCore import Qt
from PySide6.QtGui import QKeySequence, QResizeEvent, QShortcut
from PySide6.QtWidgets import QBoxLayout, QFrame, QHBoxLayout, QMessageBox, QVBoxLayout, QWidget

from aurora_desktop.core.errors import AuroraError
from aurora_desktop.core.link_events import LinkState
from aurora_desktop.link.view import LinkFace, LinkView
from aurora_desktop.ui import icons, phrases
from aurora_desktop.ui.models.rows import Look
from aurora_desktop.ui.pages.section import Section
from aurora_desktop.ui.tasks import Tasks
from aurora_desktop.ui.theme import Theme
from aurora_desktop.ui.widgets.bars import HistoryLine
from aurora_desktop.ui.widgets.lines import Line, Lines
from aurora_desktop.ui.widgets.pieces import Button, Facts, card, label, scrolled

STATE_WORDS: dict[LinkState, str] = {
    "offline": "Offline", "connecting": "Connecting", "authenticating": "Logging in", "online": "Online",
    "degraded": "Online in part", "backing_off": "Waiting to try again", "refused": "Refused",
}  # fmt: skip
LOOKS: dict[LinkState, Look] = {
    "offline": ("state-stopped", "muted"), "connecting": ("state-starting", "info"),
    "authenticating": ("state-starting", "info"), "online": ("state-ready", "ok"),
    "degraded": ("state-degraded", "warn"), "backing_off": ("state-waiting", "warn"),
    "refused": ("state-failed", "bad"),
}  # fmt: skip
_CONNECTION = ("Server", "Identity", "Session", "Latency", "Errors", "Last heard", "Next try", "Token")
_MESSAGES = ("Waiting", "Sent", "Received", "Not sent")
_PLACES = {"keyring": "in the keyring", "file": "in a file", "memory": "in memory alone", "none": ""}
_LEAST_FULL_MS = 100.0
_NARROW_PX = 700
_ICON_SIZE = 20
_SHOWN = 10


class LinkSection(Section):
    """Scrolls as a whole; side by side where there is room."""

    def __init__(self, link: LinkFace, theme: Theme, tasks: Tasks, show_error: Callable[[AuroraError], None]) -> None:
        super().__init__()
        self._link, self._theme, self._tasks, self._show_error = link, theme, tasks, show_error
        self._view = LinkView()
        self.state, self.cause = label("", "heading"), label("", wrap=True)
        self._image = label("")
        self.facts, self.messages = Facts(_CONNECTION), Facts(_MESSAGES)
        self.history = HistoryLine(theme)
        self.lately, self.dead = Lines(theme), Lines(theme)
        self.nothing = label("Nothing went wrong lately.", "muted", wrap=True)
        self.reconnect = Button(
            "Reconnect n&ow", "restart", theme, tip="Try at once, whatever the link waits for (Ctrl+Shift+L)"
        )
        self.reconnect.clicked.connect(self._reconnect)
        self.retry = Button("Sen&d again", "restart", theme, tip="Put all messages that were not sent into the queue")
        self.forget = Button("&Forget", "remove", theme, tip="Delete all messages that were not sent")
        self.retry.clicked.connect(lambda: self._tasks.run(self._settle(self._link.retry_dead)))
        self.forget.clicked.connect(self._ask_to_forget)
        QShortcut(QKeySequence("Ctrl+Shift+L"), self).activated.connect(self.reconnect.click)
        self._lay_out()
        theme.changed.connect(lambda: self.show_link(self._view))
        self.show_link(link.view())

    def show_link(self, view: LinkView) -> None:
        """Show the link as it is now."""
        self._view = view
        now = time.time()
        words = STATE_WORDS[view.state] if view.enabled else "Off"
        self.state.setText(words)
        self.cause.setText(phrases.quoted(". ".join(filter(None, (view.cause, view.hint)))))
        self._draw_state(view)
        self.reconnect.setEnabled(view.enabled)
        self.facts.show_facts(connection_facts(view, now) if view.enabled else {})
        self.messages.show_facts(message_facts(view, now))
        self._show_latency(view)
        self.dead.show_lines([dead_line(each.recipient, each.cause) for each in view.outbox.dead[:_SHOWN]])
        for button in (self.retry, self.forget):
            button.setVisible(bool(view.outbox.dead))
        self.lately.show_lines(lately(view, now))
        self.nothing.setVisible(not self.lately.lines)
        self._connection.setAccessibleName(f"The link: {words}")
        self._connection.setAccessibleDescription(self.cause.text())

    def focus_first(self) -> QWidget:
        """What can be done here, or else the page, which scrolls by keys."""
        return self.reconnect if self.reconnect.isEnabled() else self.area

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        narrow = self.width() < _NARROW_PX
        self._below.setDirection(QBoxLayout.Direction.TopToBottom if narrow else QBoxLayout.Direction.LeftToRight)

    def _reconnect(self) -> None:
        try:
            self.show_link(self._link.reconnect())
        except AuroraError as error:  # turned off since it was shown
            self._show_error(error)

    def _ask_to_forget(self) -> None:
        """They are gone then, and nobody else has them."""
        count = self._view.outbox.dead_count
        which = f"{count:,} messages" if count > 1 else "the message"
        box = QMessageBox(QMessageBox.Icon.Question, "Aurora Desktop", f"Forget {which}?", parent=self)
        box.setInformativeText("What was not sent is deleted.")
        forget = box.addButton("&Forget", QMessageBox.ButtonRole.DestructiveRole)
        box.setDefaultButton(box.addButton("&Keep", QMessageBox.ButtonRole.RejectRole))
        forget.clicked.connect(lambda: self._tasks.run(self._settle(self._link.forget_dead)))
        box.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        box.open()

    async def _settle(self, settle: Callable[[], Awaitable[LinkView]]) -> None:
        self.show_link(await settle())

    def _draw_state(self, view: LinkView) -> None:
        name, tone = LOOKS[view.state]
        tokens = self._theme.tokens
        colour = tokens.tone(tone if view.enabled else "muted")
        self._image.setPixmap(icons.pixmap(name, _ICON_SIZE, self.devicePixelRatioF(), colour, tokens.surface))

    def _show_latency(self, view: LinkView) -> None:
        """As parts of the worst, or of 100 ms, where that is more: else a quiet line would look like a storm."""
        full = max((*view.latencies_ms, _LEAST_FULL_MS))
        self.history.show_values([100 * each / full for each in view.latencies_ms], 100.0)
        self.history.setVisible(len(view.latencies_ms) > 1)
        self.history.setAccessibleName("Latency of the last requests")
        self.history.setAccessibleDescription(latency_in_words(view))
        self.history.setToolTip(latency_in_words(view))

    def _lay_out(self) -> None:
        inside = QWidget()
        head = QHBoxLayout()
        head.addWidget(self._image)
        head.addWidget(self.state, 1)
        head.addWidget(self.reconnect)
        self._connection = _card(head, self.cause, self.facts, self.history)
        answers = QHBoxLayout()
        answers.addStretch(1)
        answers.addWidget(self.retry)
        answers.addWidget(self.forget)
        waiting = _card(_title("Messages"), self.messages, self.dead, below=answers)
        lately_ = _card(_title("Lately"), self.lately, self.nothing)
        self._below = QBoxLayout(QBoxLayout.Direction.LeftToRight)
        self._below.setSpacing(12)
        for each in (waiting, lately_):
            self._below.addWidget(each, 1)
        column = QVBoxLayout(inside)
        column.setContentsMargins(0, 0, 4, 0)
        column.setSpacing(12)
        column.addWidget(self._connection)
        column.addLayout(self._below)
        column.addStretch(1)
        self.area = scrolled(inside, "The link")
        around = QVBoxLayout(self)
        around.setContentsMargins(0, 0, 0, 0)
        around.addWidget(self.area)


def connection_facts(view: LinkView, now: float) -> dict[str, str]:
    """What is known of the connection; "" for what is not."""
    facts = {"Server": view.server, "Identity": view.identity, "Session": view.session}
    if view.latency_ms is not None:
        facts["Latency"] = f"{view.latency_ms:.0f} ms"
        facts["Errors"] = f"{view.error_rate:.0%} of the last requests"
    if view.last_heartbeat_at is not None:
        facts["Last heard"] = f"{phrases.glance(now - view.last_heartbeat_at)} ago"
    if view.next_attempt_at is not None:
        wait = phrases.glance(view.next_attempt_at - now)
        facts["Next try"] = f"in {wait}, after {view.attempt} that failed"
    if view.token_expires_at is not None:
        place = _PLACES[view.tokens_in]
        facts["Token"] = ", ".join(filter(None, (f"until {phrases.moment(view.token_expires_at, now)}", place)))
    return facts


def message_facts(view: LinkView, now: float) -> dict[str, str]:
    """The queues in words."""
    outbox = view.outbox
    waiting = str(outbox.waiting)
    if outbox.oldest_at is not None:
        waiting = (
            f"{outbox.waiting} ({phrases.size(outbox.waiting_bytes)}), since {phrases.glance(now - outbox.oldest_at)}"
        )
    facts = {"Waiting": waiting, "Sent": str(outbox.sent), "Received": str(view.received)}
    if outbox.dead_count:
        facts["Not sent"] = str(outbox.dead_count)
    return facts


def latency_in_words(view: LinkView) -> str:
    """`last 12 requests: 3 to 48 ms`."""
    if not view.latencies_ms:
        return "no requests yet"
    least, most = min(view.latencies_ms), max(view.latencies_ms)
    return f"last {len(view.latencies_ms)} requests: {least:.0f} to {most:.0f} ms"


def dead_line(recipient: str, cause: str) -> Line:
    """A message that nobody will get."""
    return Line(look=("state-failed", "bad"), title=f"Not sent to {recipient}", words=phrases.quoted(cause))


def lately(view: LinkView, now: float) -> list[Line]:
    """What lasts, then what went wrong, the newest first."""
    lasting = [Line(look=("state-unhealthy", "warn"), title=phrases.quoted(each)) for each in view.warnings]
    errors = [
        Line(look=("state-stopped", "muted"), title=phrases.quoted(what), words=phrases.moment(at, now))
        for at, what in view.errors[:_SHOWN]
    ]
    return [*lasting, *errors]


def _title(text: str) -> QHBoxLayout:
    row = QHBoxLayout()
    row.addWidget(label(text, "heading"))
    return row


def _card(head: QHBoxLayout, *parts: QWidget, below: QHBoxLayout | None = None) -> QFrame:
    frame = card("matters")
    column = QVBoxLayout(frame)
    column.setContentsMargins(16, 12, 16, 14)
    column.setSpacing(10)
    column.addLayout(head)
    for part in parts:
        column.addWidget(part)
    if below is not None:
        column.addLayout(below)
    column.addStretch(1)
    return frame
