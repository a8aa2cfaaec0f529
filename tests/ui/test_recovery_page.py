"""The recovery page: what waits for the operator, its sections, and all of it by keyboard."""

import asyncio
import time

import pytest
from msgspec.structs import replace
from PySide6.QtCore import QEvent, Qt
from PySide6.QtWidgets import QAbstractButton, QApplication, QMessageBox, QTabBar, QTableView

from aurora_desktop.core.errors import AuroraError
from aurora_desktop.core.events import Record
from aurora_desktop.healing.view import EscalationView, HealingView, ProposalView
from aurora_desktop.heartbeat.health import Health, Problem
from aurora_desktop.ui.models.agents import SHOWN
from aurora_desktop.ui.pages.machine import level_in_words, prediction_line, record_of
from aurora_desktop.ui.pages.recovery import SECTIONS
from aurora_desktop.ui.widgets.bars import hours_in_words
from aurora_desktop.ui.widgets.waiting import matters_of, summary

from .fakes import a_busy_healing, an_agent, an_answer, an_offer, healing_records, some_records, some_statistics

NOW = 1_790_000_000.0
ESCALATION = EscalationView(at=NOW, component="agent:claude", sentence="3 attempts failed", hint="Look at its inbox")
PROPOSAL = ProposalView(id=4, setting="services.web.restart_sec", old="1", new="4", sentence="because")


@pytest.fixture
def eventful(house):
    """The house, with a past, and healing with something of everything."""
    now = time.time()
    records = sorted((*some_records(now), *healing_records(now)), key=lambda record: record.event.at)
    house.records = [Record(place + 1, record.event) for place, record in enumerate(records)]
    house.healing.shown = a_busy_healing(now)
    house.healing.answers["port conflict"] = an_answer(now)
    house.healing.figures = some_statistics()
    return house


@pytest.fixture
def page(window):
    window.show_page(2)
    return window.recovery


def button(page, text: str) -> QAbstractButton:
    found = [each for each in page.waiting.findChildren(QAbstractButton) if each.text() == text and each.isVisible()]
    assert len(found) == 1
    return found[0]


def pressed(page, qtbot, text: str) -> None:
    """Press the button once it may be pressed."""
    qtbot.waitUntil(lambda: button(page, text).isEnabled())
    qtbot.mouseClick(button(page, text), Qt.MouseButton.LeftButton)


# What waits


def test_nothing_waits_and_nothing_is_shown_of_it(page):
    assert not page.waiting.isVisible()


def test_what_is_stuck_comes_before_questions_and_advice_and_a_trial_waits_for_nobody():
    trial = replace(PROPOSAL, id=5, state="trial")
    view = HealingView(offers=(an_offer(),), escalations=(ESCALATION,), proposals=(PROPOSAL, trial))
    assert matters_of(view) == (ESCALATION, an_offer(), PROPOSAL)


@pytest.mark.parametrize(
    ("matters", "words"),
    [
        ((an_offer(),), "1 remedy waits for you"),
        ((an_offer(1), an_offer(2)), "2 remedies wait for you"),
        ((ESCALATION, an_offer(), PROPOSAL), "1 escalation, 1 remedy and 1 proposal wait for you"),
    ],
)
def test_what_waits_is_summed_up_in_words(matters, words):
    assert summary(matters) == words


def test_an_offer_shows_what_was_found_and_exactly_what_would_run(page, house, window):
    house.healing.show(offers=(an_offer(command=("pip", "install", "a b")),))
    window._bridge.refresh()
    (card,) = page.waiting.cards
    assert card.title.text() == "web: the Python module \u201cflask\u201d is not installed"
    assert card.command.text() == "pip install 'a b'"
    assert card.accessibleDescription().endswith("pip install 'a b'")


def test_a_card_that_pops_up_cannot_be_pressed_by_accident(page, house, window, qtbot):
    house.healing.show(offers=(an_offer(),))
    window._bridge.refresh()
    apply = button(page, "Apply")
    qtbot.mouseClick(apply, Qt.MouseButton.LeftButton)
    assert (apply.isEnabled(), house.healing.asked) == (False, [])


def test_another_card_makes_all_of_them_wait_anew(page, house, window, qtbot):
    house.healing.show(offers=(an_offer(1),))
    window._bridge.refresh()
    qtbot.waitUntil(lambda: button(page, "Apply").isEnabled())
    house.healing.show(offers=(an_offer(2), an_offer(1)))
    window._bridge.refresh()
    buttons = [each for card in page.waiting.cards for each in card.buttons]
    assert len(buttons) == 4
    assert not any(each.isEnabled() for each in buttons)


def test_a_banner_that_moves_the_cards_makes_them_wait_anew(page, house, window, qtbot):
    house.healing.show(offers=(an_offer(),))
    window._bridge.refresh()
    qtbot.waitUntil(lambda: button(page, "Apply").isEnabled())
    top = page.mapTo(window, page.rect().topLeft()).y()
    window.emergency.setMinimumHeight(90)
    window.emergency.show()
    qtbot.waitUntil(lambda: page.mapTo(window, page.rect().topLeft()).y() > top)
    assert not button(page, "Apply").isEnabled()


def test_a_click_that_brings_the_window_to_the_front_presses_nothing(page, house, window, qtbot):
    house.healing.show(offers=(an_offer(),))
    window._bridge.refresh()
    qtbot.waitUntil(lambda: button(page, "Apply").isEnabled())
    QApplication.sendEvent(button(page, "Apply"), QEvent(QEvent.Type.ActivationChange))
    assert button(page, "Apply").isEnabled() != window.isActiveWindow()


@pytest.mark.parametrize(
    ("view", "text", "asked"),
    [
        ({"offers": (an_offer(7),)}, "Apply", ("accept", 7)),
        ({"offers": (an_offer(7),)}, "Decline", ("decline", 7)),
        ({"escalations": (ESCALATION,)}, "I have seen to it", ("clear_escalation", "agent:claude", "window")),
        ({"proposals": (PROPOSAL,)}, "Apply", ("answer_proposal", 4, True)),
        ({"proposals": (PROPOSAL,)}, "Not now", ("answer_proposal", 4, False)),
    ],
)
def test_the_operators_word_reaches_healing(page, house, window, qtbot, view, text, asked):
    house.healing.show(**view)
    window._bridge.refresh()
    pressed(page, qtbot, text)
    assert house.healing.asked == [asked]


def test_an_offer_is_answered_by_keyboard(page, house, window, qtbot):
    house.healing.show(offers=(an_offer(7),))
    window._bridge.refresh()
    qtbot.waitUntil(lambda: button(page, "Apply").isEnabled())
    button(page, "Apply").setFocus()
    qtbot.keyClick(button(page, "Apply"), Qt.Key.Key_Space)
    assert house.healing.asked == [("accept", 7)]


def test_an_offer_that_is_of_no_use_any_more_is_told_and_the_page_looks_again(page, house, window, qtbot):
    house.healing.show(offers=(an_offer(7),))
    window._bridge.refresh()
    house.healing.refuses = AuroraError("The offer is of no use any more", "web is up again")
    qtbot.waitUntil(lambda: button(page, "Apply").isEnabled())
    house.healing.shown = HealingView()  # not before: the page looks again each second, and the button would be gone
    qtbot.mouseClick(button(page, "Apply"), Qt.MouseButton.LeftButton)
    texts = [box.text() for box in window.findChildren(QMessageBox) if box.isVisible()]
    assert texts == ["The offer is of no use any more"]
    assert not page.waiting.isVisible()


def test_the_same_button_is_told_apart_by_what_it_is_for(eventful, page, window):
    window._bridge.refresh()
    names = [each.accessibleName() for card in page.waiting.cards for each in card.buttons]
    assert len(set(names)) == len(names) == 5


def test_a_low_window_shows_what_waits_or_the_section(eventful, page, window, qtbot):
    window.resize(640, 480)
    window._bridge.refresh()
    qtbot.waitUntil(lambda: not page.sections.isVisible())
    page.waiting.fold.click()
    assert page.sections.isVisible()
    assert page.timeline.table.isVisible()
    assert not page.waiting.area.isVisible()


def test_pushing_a_change_shows_without_an_event(page, house, qtbot):
    house.healing.show(offers=(an_offer(),))
    qtbot.waitUntil(page.waiting.isVisible)


# Sections


def test_sections_are_built_when_they_are_first_looked_at(page):
    assert list(page._built) == [0]
    page.go_to("Machine")
    assert list(page._built) == [0, 3]


def test_sections_by_key(page, window, qtbot):
    qtbot.keyClick(window, Qt.Key.Key_Tab, Qt.KeyboardModifier.ControlModifier)
    assert page.sections.currentIndex() == 1
    page.sections.setFocus()
    qtbot.keyClick(page.sections, Qt.Key.Key_Right)
    assert page.sections.currentIndex() == 2
    page.sections.step(-3)
    assert page.sections.currentIndex() == len(SECTIONS) - 1


def test_without_healing_the_page_is_the_timeline(qapp, house, qtbot):
    from aurora_desktop.ui.desktop import Desktop

    plain = Desktop(replace(house.context(), healing=None))
    plain.start(hidden=False)
    assert plain.window is not None
    plain.window.show_page(2)
    assert not plain.window.recovery.sections.isVisible()
    plain.close()


@pytest.mark.parametrize("title", SECTIONS)
def test_everything_in_a_section_has_a_name_for_screen_readers(eventful, page, title):
    page.go_to(title)
    parts = [*page.findChildren(QAbstractButton), *page.findChildren(QTableView), *page.findChildren(QTabBar)]
    own = [each for each in parts if not each.objectName().startswith("qt_") and type(each) is not QAbstractButton]
    nameless = [
        each
        for each in own
        if not each.accessibleName() and not isinstance(each.parentWidget(), QTableView) and not _text_of(each)
    ]
    assert nameless == []


def _text_of(part) -> str:
    in_field = part.parentWidget().metaObject().className() == "SearchField"
    return "the field's" if in_field else part.text() if isinstance(part, QAbstractButton) else ""


@pytest.mark.parametrize("title", SECTIONS)
@pytest.mark.parametrize("choice", ["light", "dark"])
def test_every_section_paints_in_both_looks(eventful, page, window, qtbot, title, choice):
    page.waiting.expand(expand=False)
    page.go_to(title)
    window.choose_theme(choice)
    image = page.section.grab().toImage()
    shades = {image.pixelColor(x, y).name() for x in range(0, image.width(), 9) for y in range(0, image.height(), 9)}
    assert len(shades) > 3


# Timeline


def test_the_same_again_is_one_row_whose_details_lead_through_all(eventful, page, window):
    timeline = page.timeline
    texts = [timeline.proxy.index(row, 2).data() for row in range(timeline.proxy.rowCount())]
    row = next(place for place, text in enumerate(texts) if text.startswith("3 times since"))
    timeline.table.selectRow(row)
    timeline.open_details()
    details = timeline.details
    assert (details.place.text(), details.newer.isEnabled()) == ("1 of 3", False)
    details.older.click()
    details.older.click()
    assert (details.place.text(), details.older.isEnabled()) == ("3 of 3", False)


def test_details_tell_diagnosis_remedies_and_next_step(eventful, page):
    timeline = page.timeline
    timeline.filter.setText("claude-3")
    timeline.table.selectRow(0)
    timeline.open_details()
    details = timeline.details
    assert [line.title for line in details.steps.lines] == [
        "Refresh status: did not help, after 1 min", "Rescue message: did not help, after 1 min",
    ]  # fmt: skip
    assert details.facts.values["Next step"].text() == "Look at its inbox"
    assert not details.last_lines.isVisible()
    timeline.filter.setText("stray of ours")
    timeline.table.selectRow(0)
    assert details.facts.values["Recognised as"].text() == "Port conflict: port 8080 is held by a stray of ours"


def test_a_low_window_shows_the_details_in_the_place_of_the_table(eventful, page, window, qtbot):
    page.waiting.expand(expand=False)
    window.resize(640, 480)
    page.timeline.table.selectRow(0)
    page.timeline.open_details()
    qtbot.waitUntil(lambda: not page.timeline.table.isVisible())
    qtbot.keyClick(window, Qt.Key.Key_Escape)
    assert page.timeline.table.isVisible()


# Memory


@pytest.fixture
def memory(eventful, page):
    page.waiting.expand(expand=False)
    page.go_to("Memory")
    return page.section


def test_a_question_is_answered_in_words_and_rows(memory, qtbot):
    qtbot.keyClicks(memory.filter, "port conflict")
    qtbot.waitUntil(lambda: memory.model.rowCount() == 2)
    assert memory.sentence.text().startswith("11 failures are like that")
    row = [memory.model.index(0, column).data() for column in range(memory.model.columnCount())]
    assert row[0] == "A port that is already in use"
    assert (row[1], row[2], row[4:]) == ("9", "web, api", ["End stray: 6 of 7, Next free port: 1 of 1", "1.4 s"])


def test_typing_asks_once_it_rests(memory, eventful, qtbot):
    qtbot.keyClicks(memory.filter, "port conflict")
    qtbot.waitUntil(lambda: memory.model.rowCount() == 2)
    assert eventful.healing.asked == [("search", "port conflict")]


def test_the_latest_question_wins_whichever_answer_comes_first(memory, eventful, qtbot):
    gate = eventful.healing.gates["slow"] = asyncio.Event()
    memory.filter.setText("slow")
    memory.ask()
    qtbot.waitUntil(lambda: ("search", "slow") in eventful.healing.asked)
    memory.filter.setText("port conflict")
    memory.ask()
    qtbot.waitUntil(lambda: memory.model.rowCount() == 2)
    gate.set()
    qtbot.waitUntil(lambda: not memory._tasks._running)
    assert memory.model.rowCount() == 2


def test_nothing_like_it_is_said(memory, qtbot):
    memory.filter.setText("zebra")
    memory.ask()
    qtbot.waitUntil(lambda: memory._listing.currentWidget() is memory._listing._empty)
    assert not memory.table.isVisible()


def test_an_example_is_a_question(memory, eventful, qtbot):
    memory.examples[0].click()
    qtbot.waitUntil(lambda: memory.model.rowCount() == 2)
    assert memory.filter.text() == "port conflict"


def test_a_failed_search_says_why(memory, eventful, qtbot):
    eventful.healing.refuses = AuroraError("The memory cannot be read", "the disk is full")
    memory.filter.setText("port")
    memory.ask()
    qtbot.waitUntil(lambda: "the disk is full" in memory.sentence.text())


def test_single_failures_open_and_close_by_key(memory, window, qtbot):
    memory.filter.setText("port conflict")
    memory.ask()
    qtbot.waitUntil(lambda: memory.model.rowCount() == 2)
    memory.table.selectRow(0)
    qtbot.keyClick(memory.table, Qt.Key.Key_Return)
    assert memory.details.isVisible()
    assert memory.title.text() == "A port that is already in use: the newest 5 of 9"
    assert memory.singles.rowCount() == 5
    qtbot.keyClick(window, Qt.Key.Key_Escape)
    assert not memory.details.isVisible()
    qtbot.keyClick(window, Qt.Key.Key_Escape)
    assert memory.filter.text() == ""


# Statistics


@pytest.fixture
def statistics(eventful, page, qtbot):
    page.waiting.expand(expand=False)
    page.go_to("Statistics")
    qtbot.waitUntil(lambda: page.section.components.model.rowCount() == 4)
    return page.section


def test_statistics_show_figures_tables_and_hours(statistics):
    assert [figure.value.text() for figure in statistics.figures] == ["21", "16", "5", "76 %"]
    assert statistics.remedies.model.index(0, 1).data() == "8 of 9"
    assert statistics.kinds.model.index(0, 0).data() == "Port conflict"
    assert statistics.components.model.index(3, 2).data() == "too few to tell"
    assert "most between 09:00 and 10:00, namely 7" in statistics.hours.accessibleDescription()


def test_a_value_on_trial_is_shown_with_the_statistics(statistics):
    assert [line.title for line in statistics.trials.lines] == ["services.ingest.restart_sec: 1 \u2192 4"]


def test_statistics_that_cannot_be_counted_say_why(statistics, eventful, qtbot):
    eventful.healing.refuses = AuroraError("The memory cannot be read", "the disk is full")
    statistics.load()
    qtbot.waitUntil(statistics.error.isVisible)
    assert "the disk is full" in statistics.error.text()


def test_with_nothing_to_count_it_says_so(page, qtbot):
    page.go_to("Statistics")
    qtbot.waitUntil(page.section._empty.isVisible)


@pytest.mark.parametrize(
    ("counts", "words"),
    [((0,) * 24, "No failures"), ((0,) * 23 + (3,), "3 failures: most between 23:00 and 00:00, namely 3")],
)
def test_hours_in_words(counts, words):
    assert hours_in_words(counts) == words


# Machine and agents


def test_the_machine_says_where_each_resource_stands(eventful, page):
    page.go_to("Machine")
    assert [card.accessibleName() for card in page.section.cards] == [
        "CPU: 37 %. Under its limit of 90 %", "Memory: 78 %. Near its limit of 85 %",
        "Disk: 93 %. Over its limit of 90 % for 4 min 10 s",
    ]  # fmt: skip
    may = [line.title for line in page.section.permissions.lines]
    assert may[-1] == "Clear the package cache: may not"


def test_predictions_say_what_when_and_how_sure():
    disk = a_busy_healing(NOW).predictions[0]
    line = prediction_line(disk, NOW)
    assert line.title.startswith("Disk full, machine: in 3 h 20 min")
    assert line.title.endswith("(very likely, 86 %)")
    assert line.words == "/home is full, if it goes on growing by 2.1 GB/h. Move the data of ingest away"


@pytest.mark.parametrize(
    ("made", "false", "words"),
    [(0, 0, "No predictions so far"), (3, 0, "none was a false alarm"), (3, 1, "1 was a false alarm")],
)
def test_false_alarms_are_owned_up_to(made, false, words):
    assert words in record_of(HealingView(predictions_made=made, predictions_false=false))


def test_a_resource_just_over_its_limit_needs_no_time():
    cpu = replace(a_busy_healing(NOW).machine[0], percent=90.0)
    assert level_in_words(cpu) == "Over its limit of 90 %"


def test_agents_are_listed_most_urgent_first_and_found_by_state(eventful, page, qtbot):
    page.waiting.expand(expand=False)
    page.go_to("Agents")
    section = page.section
    assert [section.model.index(row, 1).data() for row in range(4)] == [
        "Needs you", "Being woken", "Unreadable", "Silent",
    ]  # fmt: skip
    assert section.summary.text().startswith("7 watched: 2 working")
    section.filter.setText("idle")
    assert [row.component for row in section.model.rows()] == ["agent:claude-2"]
    section.table.selectRow(0)
    qtbot.keyClick(section.table, Qt.Key.Key_Return)
    assert section.facts.values["Workspace"].text() == "/home/ada/agents/claude-2"


def test_ten_thousand_agents_are_not_ten_thousand_rows(page, house, window):
    agents = tuple(an_agent(f"n{number:05}") for number in range(10_000))
    house.healing.shown = HealingView(agents=(*agents, an_agent("stuck", "escalated")))
    page.go_to("Agents")
    window._bridge.refresh()
    assert page.section.model.rowCount() == SHOWN
    assert page.section.model.index(0, 0).data() == "stuck"


def test_the_page_follows_healing_only_while_it_is_seen(page, window):
    assert window._bridge._healing_followed
    window.show_page(0)
    assert not window._bridge._healing_followed


# The banner's way here


@pytest.mark.parametrize("component", ["agent:claude", "machine", "healing"])
def test_the_banners_details_lead_here_for_what_is_no_services_matter(window, house, monkeypatch, component):
    problem = Problem(component, "it needs you", "Answer on the Recovery page", 1)
    health = Health("degraded", "it needs you", "Answer on the Recovery page", (problem,))
    window._show_health(health)
    window.banner.details.click()
    assert window.pages.currentWidget() is window.recovery
