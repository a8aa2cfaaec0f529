"""Where alerts go: the channels of the settings with how the last delivery went, and the form of a new one."""

import time
from collections.abc import Coroutine

from PySide6.QtCore import Qt
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QVBoxLayout, QWidget

from aurora_desktop.core.errors import AuroraError
from aurora_desktop.healing.alerts.view import AlertsFace, ChannelView, TestResult
from aurora_desktop.ui import phrases
from aurora_desktop.ui.context import SettingsFace
from aurora_desktop.ui.pages.section import Section
from aurora_desktop.ui.tasks import Tasks
from aurora_desktop.ui.theme import Theme
from aurora_desktop.ui.tray import sentence_case
from aurora_desktop.ui.widgets.channel_form import ON_WORDS, ChannelForm, NewChannel
from aurora_desktop.ui.widgets.pieces import Button, ElidedLabel, label, scrolled

_NONE = "Alerts come as desktop notifications. Add a channel and they reach you elsewhere too."


def last_in_words(channel: ChannelView, now: float) -> str:
    """How the last delivery went, and what still waits."""
    waiting = f"; {channel.waiting:,} wait" if channel.waiting else ""
    if channel.last is None:
        return f"Nothing was sent yet{waiting}"
    last = channel.last
    how = f"Sent: {last.title}" if last.ok else f"Not sent: {last.title}: {last.cause}"
    return f"{how} ({phrases.moment(last.at, now)}){waiting}"


def on_in_words(channel: ChannelView) -> str:
    """`All alerts`, or which."""
    if set(channel.on) >= set(ON_WORDS):
        return "All alerts"
    return ", ".join(words for kind, words in ON_WORDS.items() if kind in channel.on)


def address_in_words(channel: ChannelView) -> str:
    """Where to, and what."""
    return f"{sentence_case(phrases.quoted(channel.address))} \N{MIDDLE DOT} {on_in_words(channel)}"


def result_in_words(result: TestResult) -> str:
    """What a test came to."""
    if result.ok:
        return f"The test alert was taken after {phrases.duration(result.duration_s)}."
    return f"The test alert was not taken: {result.cause}"


class ChannelCard(QFrame):
    """One channel."""

    def __init__(self, channel: ChannelView, theme: Theme) -> None:
        super().__init__()
        self.setProperty("card", True)  # noqa: FBT003 - the value of a property
        self.setAccessibleName(f"Channel {channel.name}")
        self.channel = channel
        self.test = Button("Try", "start", theme, tip=f"Send a test alert to {channel.name}")
        self.test.setAccessibleName(f"Try {channel.name}")
        self.remove = Button("Remove", "remove", theme, kind="quiet", tip=f"Take {channel.name} out of the settings")
        self.remove.setAccessibleName(f"Remove {channel.name}")
        self.last = label(phrases.quoted(last_in_words(channel, time.time())), "small", wrap=True)
        words = QVBoxLayout()
        words.setSpacing(2)
        words.addWidget(ElidedLabel(channel.name, "heading"))
        words.addWidget(ElidedLabel(address_in_words(channel), "muted"))
        words.addWidget(self.last)
        if channel.warning:
            warning = sentence_case(phrases.quoted(f"{channel.warning}. {channel.hint}"))
            words.addWidget(label(warning, "error", wrap=True))
        row = QHBoxLayout(self)
        row.setContentsMargins(16, 12, 12, 12)
        row.setSpacing(8)
        row.addLayout(words, 1)
        for button in (self.test, self.remove):
            row.addWidget(button, 0, Qt.AlignmentFlag.AlignTop)


class AlertsSection(Section):
    """What is added or removed is written into the settings file, with its comments kept."""

    def __init__(self, alerts: AlertsFace, settings: SettingsFace, theme: Theme, tasks: Tasks) -> None:
        super().__init__()
        self._alerts, self._settings, self._theme, self._tasks = alerts, settings, theme, tasks
        self._channels: tuple[ChannelView, ...] | None = None
        self.cards: list[ChannelCard] = []
        self.told = label("", "error", wrap=True)
        self.told.setAccessibleName("What went wrong")
        self.told.hide()
        self.nothing = label(_NONE, "muted", wrap=True)
        self.form = ChannelForm(theme)
        self.form.try_asked.connect(lambda given: self._begin(self._try(given)))
        self.form.save_asked.connect(lambda given: self._begin(self._add(given)))
        self._lay_out()
        theme.changed.connect(self._fill_anew)
        self.show_settings()

    def show_settings(self) -> None:
        """Show the channels as they are now."""
        channels = self._alerts.view().channels
        if channels != self._channels:
            self._channels = channels
            self._fill(channels)

    def focus_first(self) -> QWidget:
        """The first channel, or the form."""
        return self.cards[0].test if self.cards else self.form.name

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self.show_settings()

    def _fill_anew(self) -> None:
        self._fill(self._channels or ())

    def _fill(self, channels: tuple[ChannelView, ...]) -> None:
        for old in self.cards:
            self._list.removeWidget(old)
            old.hide()
            old.deleteLater()
        self.cards = [ChannelCard(channel, self._theme) for channel in channels]
        for made in self.cards:
            name = made.channel.name
            made.test.clicked.connect(lambda _=False, name=name: self._tasks.run(self._test(name), self._show_error))
            made.remove.clicked.connect(
                lambda _=False, name=name: self._tasks.run(self._settings.remove_channel(name), self._show_error)
            )
            self._list.addWidget(made)
        self.nothing.setVisible(not channels)

    # --- what is asked ----------------------------------------------------------------------------------------

    def _begin(self, work: Coroutine[None, None, None]) -> None:
        self.form.set_busy(busy=True)
        self._tasks.run(self._to_the_end(work), lambda error: self.form.tell(error.in_one_line, ok=False))

    async def _to_the_end(self, work: Coroutine[None, None, None]) -> None:
        try:
            await work
        finally:
            self.form.set_busy(busy=False)

    async def _try(self, given: NewChannel) -> None:
        self.form.tell("A test alert is under way\N{HORIZONTAL ELLIPSIS}")
        result = await self._alerts.try_address(given.url)
        self.form.tell(phrases.quoted(result_in_words(result)), ok=result.ok)

    async def _add(self, given: NewChannel) -> None:
        """What is secret in an address is kept first: a channel without its secret would be refused each time."""
        channels = self._settings.current().alerts.channels
        if given.name in channels:
            raise AuroraError(f"There is a channel {given.name} already", "", "Choose another name")
        if given.is_secret and given.name in {channel.secret for channel in channels.values()}:
            raise AuroraError(f"Another channel has a secret {given.name}", "", "Choose another name")
        why = await self._alerts.keep_secret(given.name, given.url) if given.is_secret else ""
        where: dict[str, object] = {"secret": given.name} if given.is_secret else {"url": given.url}
        await self._settings.add_channel(given.name, {**where, "on": list(given.on)})
        self.form.clear()
        kept = f" Its address lies in a file that you alone may read: {why}." if why else ""
        self.form.tell(phrases.quoted(f"{given.name} is in the settings file.{kept}"))

    async def _test(self, name: str) -> None:
        self.told.hide()
        (result,) = await self._alerts.test(name)
        self.show_settings()
        if not result.ok:
            raise AuroraError(name, result_in_words(result))

    def _show_error(self, error: AuroraError) -> None:
        self.told.setText(phrases.quoted(error.in_one_line))
        self.told.show()

    def _lay_out(self) -> None:
        inside = QWidget()
        self._list = QVBoxLayout()
        self._list.setSpacing(12)
        column = QVBoxLayout(inside)
        column.setContentsMargins(0, 0, 4, 0)
        column.setSpacing(12)
        column.addWidget(self.told)
        column.addWidget(self.nothing)
        column.addLayout(self._list)
        column.addWidget(self.form)
        column.addStretch(1)
        around = QVBoxLayout(self)
        around.setContentsMargins(0, 0, 0, 0)
        around.addWidget(scrolled(inside, "Alerts"))
