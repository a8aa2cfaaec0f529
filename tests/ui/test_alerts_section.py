"""The section of the alerts: channels are shown, tried, added with their secrets kept, and taken out again."""

import pytest
from msgspec.structs import replace
from PySide6.QtCore import QEvent, Qt

from aurora_desktop.core.errors import AuroraError
from aurora_desktop.core.settings.schema_healing import AlertChannel, AlertsSettings
from aurora_desktop.healing.alerts.view import AlertsView, ChannelView, Delivered, Snooze, TestResult
from aurora_desktop.ui.desktop import Desktop
from aurora_desktop.ui.pages.alerts import on_in_words, result_in_words
from aurora_desktop.ui.widgets.channel_form import as_address

PATIENCE_MS = 60_000
EVERY = ("escalation", "errors", "prediction", "emergency")
MAIL = ChannelView(name="mail", address="secret `mail`", on=EVERY, place="keyring")


class FakeAlerts:
    """Channels that show what they were given; `refuses` makes a test fail, `why` keeps secrets in a file."""

    def __init__(self) -> None:
        self.shown: tuple[ChannelView, ...] = ()
        self.tried: list[str] = []
        self.kept: list[tuple[str, str]] = []
        self.refuses = ""
        self.why = ""

    def view(self) -> AlertsView:
        return AlertsView(channels=self.shown)

    async def look(self) -> AlertsView:
        return self.view()

    async def test(self, channel: str | None) -> tuple[TestResult, ...]:
        self.tried.append(channel or "")
        return (self._result(channel or ""),)

    async def try_address(self, url: str) -> TestResult:
        self.tried.append(url)
        return self._result(url)

    async def keep_secret(self, name: str, url: str) -> str:
        self.kept.append((name, url))
        return self.why

    def snooze(self, for_s: float, component: str = "") -> Snooze:
        return Snooze(until=for_s, component=component)

    def is_snoozed(self, component: str) -> bool:
        return False

    def _result(self, channel: str) -> TestResult:
        return TestResult(channel=channel, ok=not self.refuses, cause=self.refuses or "it was taken", duration_s=0.3)


@pytest.fixture
def alerts() -> FakeAlerts:
    return FakeAlerts()


@pytest.fixture
def desktop(house, alerts, qapp):
    made = Desktop(replace(house.context(), alerts=alerts))
    yield made
    made.close()
    qapp.sendPostedEvents(None, QEvent.Type.DeferredDelete)


@pytest.fixture
def section(window):
    window.show_page(2)
    window.recovery.go_to("Alerts")
    return window.recovery.section


def fill(qtbot, section, name: str, address: str) -> None:
    section.form.name.clear()
    section.form.address.clear()
    qtbot.keyClicks(section.form.name, name)
    qtbot.keyClicks(section.form.address, address)


def told(section, qtbot, part: str) -> None:
    qtbot.waitUntil(lambda: part in section.form.told.text() and section.form.told.isVisible(), timeout=PATIENCE_MS)


def test_without_channels_it_says_what_one_is_for(section):
    assert section.nothing.isVisible()
    assert section.cards == []
    assert section.focus_first() is section.form.name


def test_a_channel_is_shown_with_how_the_last_delivery_went(window, alerts, house, section):
    last = Delivered(at=1.0, ok=False, title="web failed", cause="no route")
    alerts.shown = (replace(MAIL, on=("errors",), last=last, waiting=2, warning="w", hint="h"),)
    window._bridge.settings_applied.emit()
    (card,) = section.cards
    assert "Not sent: web failed: no route" in card.last.text()
    assert "2 wait" in card.last.text()
    assert on_in_words(card.channel) == "Many errors"
    assert section.nothing.isHidden()


def test_a_channel_is_tried_and_removed_by_keys(window, alerts, house, section, qtbot):
    alerts.shown = (MAIL,)
    section.show_settings()
    qtbot.keyClick(section.cards[0].test, Qt.Key.Key_Space)
    qtbot.waitUntil(lambda: alerts.tried == ["mail"], timeout=PATIENCE_MS)
    alerts.refuses = "it did not answer"
    qtbot.keyClick(section.cards[0].test, Qt.Key.Key_Space)
    qtbot.waitUntil(lambda: "it did not answer" in section.told.text(), timeout=PATIENCE_MS)
    qtbot.keyClick(section.cards[0].remove, Qt.Key.Key_Space)
    qtbot.waitUntil(lambda: house.settings.removed == ["mail"], timeout=PATIENCE_MS)


def test_an_address_is_tried_before_anything_is_saved(alerts, house, section, qtbot):
    fill(qtbot, section, "", "https://example.com/hook")
    section.form.try_it.click()
    told(section, qtbot, "The test alert was taken")
    assert alerts.tried == ["jsons://example.com/hook"]
    assert house.settings.channels == []


def test_a_plain_address_is_written_into_the_settings(alerts, house, section, qtbot):
    fill(qtbot, section, "ops", "https://example.com/hook")
    section.form.on["prediction"].setChecked(False)
    section.form.save.click()
    told(section, qtbot, "ops is in the settings file")
    on = ["escalation", "errors", "emergency"]
    assert house.settings.channels == [("ops", {"url": "jsons://example.com/hook", "on": on})]
    assert alerts.kept == []
    assert section.form.name.text() == section.form.address.text() == ""


def test_an_address_with_a_password_is_kept_as_a_secret(alerts, house, section, qtbot):
    alerts.why = "this session has no keyring"
    url = "mailtos://ada:pa55@example.com"
    fill(qtbot, section, "mail", url)
    section.form.save.click()
    told(section, qtbot, "a file that you alone may read: this session has no keyring")
    assert alerts.kept == [("mail", url)]
    assert house.settings.channels == [("mail", {"secret": "mail", "on": list(EVERY)})]


@pytest.mark.parametrize("address", ["", "example.com", "exec://rm", "file:///etc/passwd"])
def test_what_is_no_address_is_said_at_its_field_and_asked_of_nobody(alerts, section, qtbot, address):
    fill(qtbot, section, "ops", address)
    for button in (section.form.try_it, section.form.save):
        button.click()
        assert section.form._address.error.isVisible()
    assert (alerts.tried, alerts.kept) == ([], [])
    qtbot.keyClicks(section.form.address, "x")
    assert not section.form._address.error.isVisible()


def test_a_channel_without_a_name_or_kind_of_alert_is_not_saved(house, section, qtbot):
    fill(qtbot, section, "", "https://example.com/hook")
    section.form.save.click()
    assert section.form._name.error.text() == "A channel needs a name"
    qtbot.keyClicks(section.form.name, "ops")
    for box in section.form.on.values():
        box.setChecked(False)
    section.form.save.click()
    assert "at least one" in section.form.told.text()
    assert house.settings.channels == []


def test_what_was_typed_stays_when_it_is_refused(house, section, qtbot):
    house.settings.refuses = AuroraError("The settings are refused", "the file was changed meanwhile")
    fill(qtbot, section, "ops", "https://example.com/hook")
    section.form.save.click()
    told(section, qtbot, "the file was changed meanwhile")
    assert section.form.name.text() == "ops"
    assert section.form.save.isEnabled()


def test_a_name_that_is_taken_by_a_channel_or_its_secret_is_refused(alerts, house, section, qtbot):
    channels = {"ops": AlertChannel(url="jsons://a/b"), "phone": AlertChannel(secret="mail")}
    house.settings.in_force = replace(house.settings.in_force, alerts=AlertsSettings(channels=channels))
    for name, words in (("ops", "There is a channel ops already"), ("mail", "Another channel has a secret mail")):
        fill(qtbot, section, name, "mailtos://ada:pa55@example.com")
        section.form.save.click()
        told(section, qtbot, words)
    assert alerts.kept == []


def test_a_web_address_means_a_webhook():
    assert as_address(" HTTPS://a/b ") == "jsons://a/b"
    assert as_address("http://a") == "json://a"
    assert as_address("slack://x/y/z") == "slack://x/y/z"


def test_a_result_is_told_in_words():
    failed = TestResult(channel="x", ok=False, cause="no route", duration_s=1.0)
    assert result_in_words(failed) == "The test alert was not taken: no route"


def test_without_alerts_there_is_no_such_section(house, qapp):
    plain = Desktop(house.context())
    plain.start(hidden=False)
    plain.window.show_page(2)
    assert not plain.window.recovery.sections.isTabVisible(6)
    plain.close()
