"""The form of a new channel of alerts: what kind, where to, and which alerts."""

from collections.abc import Callable
from typing import NamedTuple

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QCheckBox, QComboBox, QFrame, QGridLayout, QHBoxLayout, QLineEdit, QVBoxLayout, QWidget

from aurora_desktop.core.errors import AuroraError
from aurora_desktop.core.settings.schema_healing import AlertKind
from aurora_desktop.healing.alerts import addresses
from aurora_desktop.ui.theme import Theme
from aurora_desktop.ui.widgets.fields import FieldRow
from aurora_desktop.ui.widgets.pieces import Button, label, restyle

ON_WORDS: dict[AlertKind, str] = {
    "escalation": "Aurora needs you", "errors": "Many errors", "prediction": "Something is ahead",
    "emergency": "Emergency stop",
}  # fmt: skip


class _Kind(NamedTuple):
    """`example` is shown in the empty field, `sentence` below it."""

    title: str
    example: str
    sentence: str


KINDS = (
    _Kind("Webhook", "https://example.com/hook", "Each alert is sent there as JSON, by POST."),
    _Kind("E-mail", "mailtos://ada:password@example.com?to=ada@example.com", "By the server of your mail account."),
    _Kind("Other", "slack://\u2026, ntfys://\u2026, tgram://\u2026", "The address of any service that Apprise knows."),
)


class NewChannel(NamedTuple):
    """What the form holds; `on` as in the settings."""

    name: str
    url: str
    on: tuple[AlertKind, ...]

    @property
    def is_secret(self) -> bool:
        """Whether the address holds a password or token: then it does not belong into the settings file."""
        return addresses.has_credentials(self.url)


def as_address(typed: str) -> str:
    """A web address means a webhook: `https://host/hook` becomes `jsons://host/hook`."""
    text = typed.strip()
    for web, hook in (("https://", "jsons://"), ("http://", "json://")):
        if text.lower().startswith(web):
            return hook + text[len(web) :]
    return text


class ChannelForm(QFrame):
    """`try_asked` and `save_asked` carry what was typed, once it can be an address."""

    try_asked = Signal(object)
    save_asked = Signal(object)

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self.setProperty("card", True)  # noqa: FBT003 - the value of a property
        self.setAccessibleName("New channel")
        self.kind = QComboBox()
        self.kind.setAccessibleName("Kind")
        self.kind.addItems([kind.title for kind in KINDS])
        self.name = QLineEdit(placeholderText="ops")
        self.name.setAccessibleName("Name of the channel")
        self.address = QLineEdit()
        self.address.setAccessibleName("Address of the channel")
        self.on = {kind: QCheckBox(words) for kind, words in ON_WORDS.items()}
        for box in self.on.values():
            box.setChecked(True)
        self.try_it = Button("&Try it", "start", theme, tip="Send a test alert to this address; nothing is saved")
        self.save = Button("Add &channel", "add", theme, kind="primary", tip="Write it into the settings file")
        self.told = label("", wrap=True)
        self.told.setAccessibleName("How it went")
        self.told.hide()
        self._lay_out()
        self.kind.currentIndexChanged.connect(self._show_kind)
        self.try_it.clicked.connect(lambda: self._ask(self.try_asked.emit))
        self.save.clicked.connect(lambda: self._ask(self.save_asked.emit, named=True))
        self.address.textChanged.connect(self._forget)
        self.name.textChanged.connect(self._forget)
        self._show_kind()

    def tell(self, words: str, *, ok: bool = True) -> None:
        """Say below the form how it went."""
        self.told.setProperty("role", "" if ok else "error")
        self.told.setText(words)
        self.told.setVisible(bool(words))
        restyle(self.told)

    def set_busy(self, *, busy: bool) -> None:
        """Nothing is asked twice while it is under way."""
        for each in (self.try_it, self.save):
            each.setEnabled(not busy)

    def clear(self) -> None:
        """Be empty again, for the next one."""
        self.name.clear()
        self.address.clear()

    def given(self) -> NewChannel:
        on = tuple(kind for kind, box in self.on.items() if box.isChecked())
        return NewChannel(self.name.text().strip(), as_address(self.address.text()), on)

    def _ask(self, emit: Callable[[NewChannel], None], *, named: bool = False) -> None:
        given = self.given()
        try:
            addresses.check(given.url)
        except AuroraError as error:
            self._address.show_error(error.in_one_line)
            self.address.setFocus()
            return
        if named and not given.name:
            self._name.show_error("a channel needs a name")
            self.name.setFocus()
        elif named and not given.on:
            self.tell("Choose at least one sort of alerts for it.", ok=False)
        else:
            emit(given)

    def _forget(self) -> None:
        self._name.show_error("")
        self._address.show_error("")
        self.tell("")

    def _show_kind(self) -> None:
        kind = KINDS[self.kind.currentIndex()]
        self.address.setPlaceholderText(kind.example)
        self.sentence.setText(f"{kind.sentence} An address with a password or token is kept in the keyring.")

    def _lay_out(self) -> None:
        self.sentence = label("", "small", wrap=True)
        self._name = FieldRow("Na&me", "", self.name)
        self._address = FieldRow("A&ddress", "", self.address)
        fields = QGridLayout()
        fields.setHorizontalSpacing(12)
        for place, (part, stretch) in enumerate(((FieldRow("&Kind", "", self.kind), 1), (self._name, 1))):
            fields.addWidget(part, 0, place)
            fields.setColumnStretch(place, stretch)
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 12, 16, 14)
        column.setSpacing(10)
        column.addWidget(label("New channel", "heading"))
        column.addLayout(fields)
        column.addWidget(self._address)
        column.addWidget(self.sentence)
        column.addWidget(_across(*self.on.values(), before=label("Which alerts", "muted")))
        column.addWidget(self.told)
        column.addWidget(_across(self.try_it, self.save))


def _across(*parts: QWidget, before: QWidget | None = None) -> QWidget:
    row = QWidget()
    across = QHBoxLayout(row)
    across.setContentsMargins(0, 0, 0, 0)
    across.setSpacing(12)
    for part in (*((before,) if before else ()), *parts):
        across.addWidget(part)
    across.addStretch(1)
    return row
