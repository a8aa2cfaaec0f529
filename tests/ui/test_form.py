"""The service form: fields from the schema, values for the file, nothing lost."""

import pytest
from msgspec.structs import replace
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QWheelEvent
from PySide6.QtWidgets import QApplication, QLineEdit, QMessageBox

from aurora_desktop.core.errors import AuroraError
from aurora_desktop.core.settings.schema import Service
from aurora_desktop.core.settings.schema_healing import StallRule
from aurora_desktop.ui.form_options import COMMON, checked, options_of, plain_keys
from aurora_desktop.ui.service_form import name_problem

from .fakes import some_settings

WEB_BEFORE = plain_keys(some_settings().services["web"])


def line(form, key: str) -> QLineEdit:
    fields = form.common if key in COMMON else form.more
    return fields.editors[key].line


@pytest.fixture
def add(window):
    return window.add_service()


@pytest.fixture
def edit(window):
    return window.edit_service("web")


def test_every_option_of_the_schema_has_a_field_with_its_sentence(add):
    fields = {**add.common.rows, **add.more.rows}
    assert set(fields) == set(Service.__struct_fields__)
    assert all(option.sentence for option in options_of(Service))


def test_adding_passes_what_was_typed_and_nothing_else(add, house, qtbot):
    add.name.setText("mailer")
    line(add, "command").setText("python -m mailer")
    line(add, "memory_max").setText("512MB")
    line(add, "requires").setText("web, postgres")
    line(add, "timeout_stop_sec").setText("2.5")
    qtbot.mouseClick(add.save_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: bool(house.settings.saved))
    values = {
        "command": "python -m mailer", "memory_max": "512MB", "requires": ["web", "postgres"], "timeout_stop_sec": 2.5
    }  # fmt: skip
    assert house.settings.saved == [("mailer", values, None)]


def test_editing_passes_every_key_that_was_set_unchanged(edit, house, qtbot):
    edit.save()
    qtbot.waitUntil(lambda: bool(house.settings.saved))
    ((name, values, previous),) = house.settings.saved
    assert (name, previous) == ("web", "web")
    assert values == WEB_BEFORE
    assert checked(values, Service) == house.settings.in_force.services["web"]


def test_a_changed_and_a_cleared_key_are_passed_so(edit, house, qtbot):
    line(edit, "memory_max").clear()
    line(edit, "requires").clear()
    edit.common.editors["restart"].box.setCurrentText("on-failure")
    edit.more.editors["autostart"].box.setChecked(False)
    edit.name.setText("site")
    edit.save()
    qtbot.waitUntil(lambda: bool(house.settings.saved))
    wanted = {key: value for key, value in WEB_BEFORE.items() if key not in ("memory_max", "requires")}
    assert house.settings.saved == [("site", {**wanted, "restart": "on-failure", "autostart": False}, "web")]


def test_a_probe_is_put_together_from_its_way_and_its_timing(add, house, qtbot):
    add.name.setText("mailer")
    line(add, "command").setText("mailer")
    probe = add.common.editors["liveness_probe"]
    probe.box.setCurrentIndex(probe.box.findData("tcp"))
    probe.way_fields.editors["port"].line.setText("2525")
    probe.timing.editors["period_sec"].line.setText("10")
    add.save()
    qtbot.waitUntil(lambda: bool(house.settings.saved))
    assert house.settings.saved[0][1]["liveness_probe"] == {"tcp": {"port": 2525}, "period_sec": 10}


def test_a_probe_can_be_taken_away_and_changed_in_one_value(edit, house, qtbot):
    probe = edit.common.editors["liveness_probe"]
    probe.way_fields.editors["url"].line.setText("http://localhost/up")
    assert edit.common.take()[0]["liveness_probe"]["http"] == {"url": "http://localhost/up"}
    assert edit.common.take()[0]["liveness_probe"]["failure_threshold"] == 3
    probe.box.setCurrentIndex(0)
    assert "liveness_probe" not in edit.common.take()[0]


@pytest.mark.parametrize(
    ("key", "text", "words"),
    [
        ("command", "", "This is needed"),
        ("command", "sh -c 'oops", "cannot be split"),
        ("memory_max", "lots", "size above zero"),
        ("timeout_stop_sec", "soon", "Expected a number"),
        ("timeout_stop_sec", "-1", ">= 0"),
        ("start_limit_burst", "2.5", "got `float`"),
        ("requires", "no/slashes", "regex"),
        ("restart_prevent_exit_status", "256", "<= 255"),
    ],
)
def test_what_cannot_be_saved_is_said_below_its_field(edit, house, key, text, words):
    line(edit, key).setText(text)
    edit.save()
    rows = edit.common.rows if key in COMMON else edit.more.rows
    assert words.casefold() in rows[key].error.text().replace("\u201c", "`").replace("\u201d", "`").casefold()
    assert rows[key].error.isVisible()
    assert line(edit, key).property("invalid")
    assert house.settings.saved == []


def test_a_mended_field_no_longer_complains(edit, house, qtbot):
    line(edit, "memory_max").setText("lots")
    edit.save()
    line(edit, "memory_max").setText("1GiB")
    edit.save()
    qtbot.waitUntil(lambda: bool(house.settings.saved))
    assert house.settings.saved[0][1]["memory_max"] == "1GiB"


def test_options_that_contradict_each_other_are_said_as_a_whole(edit, house):
    line(edit, "restart_max_delay_sec").setText("0.5")
    edit.save()
    assert edit.error_card.isVisible()
    assert "restart_max_delay_sec" in edit.error_detail.text()
    assert house.settings.saved == []


def test_a_refusal_keeps_the_form_open_with_all_that_was_typed(edit, house, qtbot):
    house.settings.refuses = AuroraError("The settings would be refused", "services.web: cycle web, web", "Remove one")
    line(edit, "command").setText("python -m other")
    edit.save()
    qtbot.waitUntil(edit.error_card.isVisible)
    assert edit.error_title.text() == "The settings would be refused"
    assert edit.error_detail.text() == "services.web: cycle web, web\nRemove one"
    assert line(edit, "command").text() == "python -m other"
    assert edit.isVisible()
    assert edit.save_button.isEnabled()


def test_values_of_variables_are_hidden_until_asked_for(edit):
    env = edit.more.editors["env"]
    hidden = [row.value.displayText() for row in env.rows]
    env.show_values.click()
    assert "s3cret" not in "".join(hidden)
    assert [row.value.displayText() for row in env.rows] == ["s3cret", "8080"]


def test_variables_are_added_changed_and_removed(edit):
    env = edit.more.editors["env"]
    env.rows[0].remove.click()
    env.add_row("LEVEL", "info")
    assert env.plain_value() == {"PORT": "8080", "LEVEL": "info"}
    env.rows[-1].name.setText("PORT")
    with pytest.raises(ValueError, match="PORT is there twice"):
        env.plain_value()
    env.rows[-1].name.setText("")
    with pytest.raises(ValueError, match="needs a name"):
        env.plain_value()


def test_a_value_with_line_breaks_survives_untouched(window, house):
    given = {"KEY": "one\ntwo"}
    web = house.settings.in_force.services["web"]
    house.settings.in_force.services["web"] = type(web)(command=web.command, env=given)
    form = window.edit_service("web")
    assert not form.is_changed()
    assert form.more.take()[0]["env"] == given


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("", "needs a name"),
        ("-x", "begin with"),
        ("a b", "letters"),
        ("aurora", "reserved"),
        ("web", "already"),
        ("ok.1", ""),
    ],
)
def test_names(name, words):
    problem = name_problem(name, {"web"})
    assert bool(problem) == bool(words)
    assert words in problem


def test_escape_closes_an_untouched_form_at_once(edit, qtbot):
    with qtbot.waitSignal(edit.finished):
        qtbot.keyClick(edit, Qt.Key.Key_Escape)


def test_escape_asks_before_typed_words_are_lost(edit, qtbot):
    line(edit, "command").setText("changed")
    qtbot.keyClick(edit, Qt.Key.Key_Escape)
    assert edit.isVisible()
    box = edit.findChild(QMessageBox)
    assert box.defaultButton().text() == "&Keep editing"
    discard = next(button for button in box.buttons() if button.text() == "&Discard")
    with qtbot.waitSignal(edit.finished):
        discard.click()


def test_more_options_wait_until_asked_for_or_wrong(edit):
    assert not edit.more.isVisible()
    line(edit, "timeout_stop_sec").setText("soon")
    edit.save()
    assert edit.more.isVisible()


def test_a_passing_wheel_changes_no_choice(edit, qtbot):
    box = edit.common.editors["restart"].box
    before = box.currentIndex()
    is_inverted = False
    at = QPointF(box.rect().center())
    turn = QWheelEvent(
        at, box.mapToGlobal(at), QPoint(), QPoint(0, -120), Qt.MouseButton.NoButton, Qt.KeyboardModifier.NoModifier,
        Qt.ScrollPhase.NoScrollPhase, is_inverted,
    )  # fmt: skip
    QApplication.sendEvent(box, turn)
    assert box.currentIndex() == before


def test_rooms_of_options_come_last_and_wait_to_be_asked_for(add):
    assert list(add.more.editors)[-2:] == ["stall", "healing"]
    assert add.more.editors["stall"].fields is None
    assert add.more.editors["healing"].fields is None


def test_a_rule_that_may_be_absent_is_switched_on_with_its_defaults(add, house, qtbot):
    add.name.setText("mailer")
    line(add, "command").setText("mailer")
    add.more.editors["stall"].switch.click()
    add.save()
    qtbot.waitUntil(lambda: bool(house.settings.saved))
    assert house.settings.saved[0][1] == {"command": "mailer", "stall": {}}


def test_a_rule_is_changed_in_one_value_and_taken_away(window, house):
    web = house.settings.in_force.services["web"]
    house.settings.in_force.services["web"] = replace(web, stall=StallRule(threshold_sec=200.0))
    stall = window.edit_service("web").more.editors["stall"]
    stall.fields.editors["threshold_sec"].line.setText("250")
    assert (stall.is_changed(), stall.plain_value()["threshold_sec"]) == (True, 250)
    stall.switch.click()
    assert (stall.is_changed(), stall.plain_value()) == (True, None)


def test_a_rule_that_contradicts_itself_is_said_at_its_row(add, house):
    add.name.setText("mailer")
    line(add, "command").setText("mailer")
    stall = add.more.editors["stall"]
    stall.switch.click()
    stall.fields.editors["threshold_sec"].line.setText("10")
    add.save()
    assert "proactive_threshold_sec" in add.more.rows["stall"].error.text()
    assert house.settings.saved == []


def test_a_port_range_is_typed_as_two_numbers(add, house, qtbot):
    add.name.setText("mailer")
    line(add, "command").setText("mailer")
    healing = add.more.editors["healing"]
    healing.unfold.click()
    healing.fields.editors["port_env"].line.setText("PORT")
    healing.fields.editors["port_range"].line.setText("8081 8099")
    add.save()
    qtbot.waitUntil(lambda: bool(house.settings.saved))
    saved = house.settings.saved[0][1]["healing"]
    assert (saved["port_env"], saved["port_range"]) == ("PORT", [8081, 8099])
