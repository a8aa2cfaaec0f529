"""The tables: what they say, and that they tell of no more than what changed."""

import time

import pytest
from msgspec.structs import replace
from PySide6.QtCore import QAbstractItemModel, Qt

from aurora_desktop.healing.incidents import Incidents
from aurora_desktop.ui.models import incidents as incident_rows
from aurora_desktop.ui.models import services as service_rows
from aurora_desktop.ui.models import statistics as statistic_rows
from aurora_desktop.ui.models.agents import AgentsModel
from aurora_desktop.ui.models.failures import FailureGroupsModel, PastFailuresModel
from aurora_desktop.ui.models.incidents import IncidentsModel, IncidentsProxy
from aurora_desktop.ui.models.services import Column, ServicesModel, ServicesProxy

from .fakes import (
    a_busy_healing,
    a_mix,
    a_view,
    an_agent,
    an_answer,
    healing_records,
    many,
    some_records,
    some_statistics,
)


@pytest.fixture
def model() -> ServicesModel:
    made = ServicesModel()
    made.show(a_mix())
    return made


@pytest.fixture
def proxy(model: ServicesModel) -> ServicesProxy:
    made = ServicesProxy()
    made.setSourceModel(model)
    made.sort(Column.STATE)
    return made


@pytest.fixture
def incidents() -> IncidentsModel:
    made = IncidentsModel()
    made.show_incidents(Incidents(some_records(time.time())).rows())
    return made


class Heard:
    """The changes that a model tells of."""

    def __init__(self, model: QAbstractItemModel) -> None:
        self.cells: list[tuple[int, int, int]] = []
        self.moves: list[str] = []
        model.dataChanged.connect(lambda first, last: self.cells.append((first.row(), first.column(), last.column())))
        model.rowsInserted.connect(lambda _, first, last: self.moves.append(f"+{first}-{last}"))
        model.rowsRemoved.connect(lambda _, first, last: self.moves.append(f"-{first}-{last}"))
        model.modelReset.connect(lambda: self.moves.append("reset"))
        model.layoutChanged.connect(lambda: self.moves.append("layout"))


def names(model: QAbstractItemModel) -> list[str]:
    return [model.index(row, 0).data() for row in range(model.rowCount())]


def test_services_model_and_its_proxy_keep_qts_contract(model, proxy, qtmodeltester):
    qtmodeltester.check(model)
    qtmodeltester.check(proxy)


def test_services_model_keeps_qts_contract_while_it_changes(model, qtmodeltester):
    qtmodeltester.check(model)
    model.show(many(30))
    model.show(tuple(reversed(a_mix())))
    model.show(())
    assert model.rowCount() == 0


def test_incidents_model_and_its_proxy_keep_qts_contract(incidents, qtmodeltester):
    proxy = IncidentsProxy()
    proxy.setSourceModel(incidents)
    qtmodeltester.check(incidents)
    qtmodeltester.check(proxy)


def test_worst_comes_first(proxy):
    shown = names(proxy)
    assert shown[:4] == ["mailer", "ingest", "search-index", "reports"]
    assert shown[-1] == "nightly-backup"


def test_a_service_that_fails_moves_to_the_top_by_itself(model, proxy):
    mix = a_mix()
    model.show((replace(mix[0], state="failed", problem="gone", name="aaa"), *mix[1:]))
    assert names(proxy)[0] == "aaa"


def test_the_same_again_tells_of_nothing(model):
    heard = Heard(model)
    model.show(a_mix())
    assert (heard.cells, heard.moves) == ([], [])


def test_a_changed_figure_tells_of_its_cell_alone(model):
    heard = Heard(model)
    mix = a_mix()
    model.show((mix[0], replace(mix[1], cpu_percent=1.0, uptime_s=999.0, restarts=9), *mix[2:]))
    assert heard.cells == [(1, Column.CPU, Column.CPU), (1, Column.UPTIME, Column.RESTARTS)]
    assert heard.moves == []


def test_an_age_that_reads_the_same_is_not_painted_anew(model):
    heard = Heard(model)
    mix = a_mix()
    model.show((replace(mix[0], uptime_s=mix[0].uptime_s + 60), *mix[1:]))
    assert heard.cells == []


def test_added_and_removed_services_are_rows_not_resets(model):
    heard = Heard(model)
    mix = a_mix()
    model.show((mix[0], a_view("new"), *mix[2:]))
    assert heard.moves == ["-1-1", "+1-1"]
    assert names(model)[:3] == ["postgres", "new", "ingest"]


def test_another_order_in_the_settings_is_followed(model):
    model.show(tuple(reversed(a_mix())))
    assert names(model) == [view.name for view in reversed(a_mix())]


@pytest.mark.parametrize(
    ("text", "expected"),
    [("mail", ["mailer"]), ("starting", ["thumbnailer"]), ("PYTHON rep", ["reports"]), ("nothing like it", [])],
)
def test_filter_finds_name_state_cause_and_command(proxy, text, expected):
    proxy.show_only(text)
    assert names(proxy) == expected
    proxy.show_only("")
    assert len(names(proxy)) == len(a_mix())


def test_every_cell_has_words_for_a_screen_reader(model):
    for column in Column:
        text = model.index(1, column).data(Qt.ItemDataRole.AccessibleTextRole)
        assert text.startswith(service_rows.TITLES[column])
    checks = model.index(1, Column.CHECKS).data(Qt.ItemDataRole.AccessibleTextRole)
    assert checks == "Last 60 checks: last 60 checks: 57 well, 2 unwell, 1 down"


def test_sorting_by_figures_is_by_their_value(proxy):
    proxy.sort(Column.MEMORY, Qt.SortOrder.DescendingOrder)
    assert names(proxy)[:2] == ["search-index", "web"]


def test_incidents_are_newest_first_and_say_how_it_ended(incidents):
    rows = [
        [incidents.index(row, column).data() for column in incident_rows.Column] for row in range(incidents.rowCount())
    ]
    assert [row[1] for row in rows] == [
        "thumbnailer", "ingest", "search-index", "mailer", "web", "nightly-backup", "cache",
    ]  # fmt: skip
    assert rows[4][2:] == ["exited with code 3 after 2.1 s", "restarted at once", "Recovered", "0.4 s"]


def test_a_new_incident_is_one_row_on_top(incidents):
    heard = Heard(incidents)
    folded = Incidents(some_records(time.time()))
    last = some_records(time.time())[-1]
    folded.feed(type(last)(99, replace(last.event, component="service:new")))
    incidents.show_incidents(folded.rows())
    assert heard.moves == ["+0-0"]


@pytest.mark.parametrize(
    ("text", "component", "outcome", "expected"),
    [
        ("code", "", "", ["ingest", "web"]),
        ("", "service:web", "", ["web"]),
        ("", "", "gave_up", ["mailer"]),
        ("memory", "service:web", "", []),
    ],
)
def test_incidents_are_narrowed_by_text_component_and_outcome(incidents, text, component, outcome, expected):
    proxy = IncidentsProxy()
    proxy.setSourceModel(incidents)
    proxy.show_only(text, component, outcome)
    assert [proxy.index(row, 1).data() for row in range(proxy.rowCount())] == expected


def test_an_incident_that_happens_again_moves_its_row_to_the_top_and_keeps_it(incidents, qtmodeltester):
    folded = Incidents(some_records(time.time()))
    incidents.show_incidents(folded.rows())
    qtmodeltester.check(incidents)
    heard = Heard(incidents)
    moved = []
    incidents.rowsMoved.connect(lambda _, first, last, __, to: moved.append((first, last, to)))
    web = some_records(time.time())[2]
    folded.feed(type(web)(99, web.event))
    incidents.show_incidents(folded.rows())
    assert (moved, heard.moves) == ([(4, 4, 0)], [])
    assert "2 times since" in incidents.index(0, incident_rows.Column.CAUSE).data()


def test_a_change_that_no_cell_shows_reaches_the_details(incidents):
    rows = list(incidents.rows())
    heard = Heard(incidents)
    newest = rows[0].newest
    rows[0] = replace(rows[0], members=(replace(newest, next_step="Look at it"),))
    incidents.show(rows)
    assert heard.cells == [(0, 0, 0)]


def test_healings_models_keep_qts_contract_while_they_change(qtmodeltester):
    now = time.time()
    statistics, answer = some_statistics(), an_answer(now)
    agents = a_busy_healing(now).agents
    kinds = statistic_rows.kinds_of(statistics.kinds)
    models = (
        (AgentsModel(), agents), (FailureGroupsModel(), answer.groups), (PastFailuresModel(), answer.groups[0].newest),
        (statistic_rows.ComponentsModel(), statistics.components),
        (statistic_rows.RemediesModel(), statistics.remedies),
        (statistic_rows.KindsModel(), kinds), (statistic_rows.TogetherModel(), statistics.together),
    )  # fmt: skip
    for model, rows in models:
        qtmodeltester.check(model)
        model.show(rows)
        model.show(tuple(reversed(rows)))
        assert model.rows() == tuple(reversed(rows))
        model.show(rows[1:])
        model.show(())
        assert model.rowCount() == 0
        model.show(rows)
        qtmodeltester.check(model)


def test_a_silence_that_grows_tells_of_its_cell_alone():
    model = AgentsModel()
    model.show((an_agent("a"), an_agent("b", "silent")))
    heard = Heard(model)
    model.show((an_agent("a"), an_agent("b", "silent", silent_s=151.0)))
    assert heard.cells == [(1, 2, 2)]
    assert heard.moves == []


@pytest.mark.parametrize(
    ("agent", "words"),
    [
        (an_agent("a", "stalled"), ["a", "Stalled", "7 min (limit 5 min)"]),
        (an_agent("a", "idle"), ["a", "Idle", "15 min"]),
        (an_agent("a", component="service:web"), ["web (service)", "Working", "4 s (limit 5 min)"]),
    ],
)
def test_an_agent_in_words(agent, words):
    model = AgentsModel()
    model.show((agent,))
    assert [model.index(0, column).data() for column in range(3)] == words


def test_healings_incidents_tell_what_was_tried():
    model = IncidentsModel()
    model.show_incidents(Incidents(healing_records(time.time())).rows())
    rows = [[model.index(row, column).data() for column in range(1, 5)] for row in range(model.rowCount())]
    assert ["agent claude-3", "silent for 5 min", "Rescue message: did not help", "Needs you"] in rows
    assert any(row[1].startswith("3 times since") and row[1].endswith("held by a stray of ours") for row in rows)
