"""The section of the link: what it shows, and the way to try at once."""

import time

import pytest
from msgspec.structs import replace
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QMessageBox

from aurora_desktop.core.errors import AuroraError
from aurora_desktop.link.view import LinkView
from aurora_desktop.ui.pages.link import LOOKS, STATE_WORDS, connection_facts, latency_in_words, message_facts

from .fake_link import a_link

NOW = 1_790_000_000.0


@pytest.fixture
def section(window, house):
    house.link.shown = a_link(time.time())
    window.show_page(2)
    window.recovery.go_to("Link")
    return window.recovery.section


def test_it_says_how_the_link_stands_and_why(section):
    assert section.state.text() == "Waiting to try again"
    assert "Connection refused" in section.cause.text()
    assert section.facts.values["Session"].text() == "a1b2c3d"
    assert section.history.isVisible()
    assert [line.title for line in section.dead.lines] == ["Not sent to 17"]
    assert next(line.title for line in section.lately.lines) == "the tokens lie in a plain file"
    assert "Waiting to try again" in section._connection.accessibleName()


def test_reconnect_now_by_click_and_by_key(section, house, window, qtbot):
    qtbot.mouseClick(section.reconnect, Qt.MouseButton.LeftButton)
    assert (house.link.asked, section.state.text()) == (1, "Connecting")
    modifiers = Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier
    qtbot.keyClick(window, Qt.Key.Key_L, modifiers)
    assert house.link.asked == 2


def test_what_was_not_sent_is_sent_again(section, house, qtbot):
    assert (section.retry.isVisible(), section.messages.values["Not sent"].text()) == (True, "1")
    qtbot.mouseClick(section.retry, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: house.link.settled == [("retry", "")])
    qtbot.waitUntil(lambda: not section.retry.isVisible())
    assert section.dead.lines == ()


@pytest.mark.parametrize(("answer", "settled"), [("&Forget", [("forget", "")]), ("&Keep", [])])
def test_what_was_not_sent_is_forgotten_after_a_question(section, house, qtbot, answer, settled):
    qtbot.mouseClick(section.forget, Qt.MouseButton.LeftButton)
    box = section.findChild(QMessageBox)
    assert (box.text(), box.defaultButton().text()) == ("Forget the message?", "&Keep")
    next(button for button in box.buttons() if button.text() == answer).click()
    qtbot.waitUntil(lambda: house.link.settled == settled)
    qtbot.waitUntil(lambda: section.forget.isVisible() != bool(settled))


def test_a_change_is_shown_without_being_asked_for(section, house, qtbot):
    house.link.show(replace(house.link.shown, state="online", cause="connected", next_attempt_at=None))
    qtbot.waitUntil(lambda: section.state.text() == "Online")


def test_a_link_that_is_off_offers_nothing_to_do(section, house, qtbot):
    house.link.show(LinkView())
    qtbot.waitUntil(lambda: section.state.text() == "Off")
    assert not section.reconnect.isEnabled()
    assert "the link is off" in section.cause.text()


def test_a_link_that_was_turned_off_meanwhile_says_so(section, house, window, qtbot):
    house.link.refuses = AuroraError("The link is off", "`link.enabled` is false", "Turn it on")
    section.reconnect.click()
    box = window.findChild(QMessageBox)
    assert box is not None
    assert box.text() == "The link is off"
    box.close()


def test_every_state_has_words_and_a_shape():
    assert set(STATE_WORDS) == set(LOOKS)
    assert len(set(STATE_WORDS.values())) == len(STATE_WORDS)


def test_facts_in_words():
    view = a_link(NOW)
    facts = connection_facts(view, NOW)
    assert (facts["Next try"], facts["Last heard"]) == ("in 7 s, after 4 that failed", "1 min ago")
    assert facts["Token"].endswith("in a file")
    assert message_facts(view, NOW)["Waiting"] == "3 (4 kB), since 50 s"
    assert message_facts(LinkView(), NOW)["Waiting"] == "0"
    assert connection_facts(LinkView(), NOW) == {"Server": "", "Identity": "", "Session": ""}
    assert latency_in_words(view) == "last 3 requests: 12 to 48 ms"
    assert latency_in_words(LinkView()) == "no requests yet"
