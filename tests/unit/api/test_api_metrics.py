"""What is told to Prometheus, and the last day by the minute."""

import asyncio
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from api.house import House, view
from aurora_desktop.api.metrics import loop_lag, telemetry
from aurora_desktop.api.metrics.counts import Counts
from aurora_desktop.api.metrics.histogram import Histogram
from aurora_desktop.api.metrics.history import KEPT_MINUTES, MachineNow, MachineWatch, MinuteHistory
from aurora_desktop.core import events as e
from aurora_desktop.core import task_events as t
from aurora_desktop.healing.machine.readings import Reading

Series = dict[tuple[str, tuple[tuple[str, str], ...]], float]


def _text(house: House, accept: str = "") -> tuple[str, str]:
    headers = {"Authorization": f"Bearer {house.token('read')}", "Accept": accept}
    with house.connect() as connection:
        lines = [f"{name}: {value}" for name, value in headers.items() if value]
        head = "\r\n".join(
            ["GET /metrics HTTP/1.1", f"Host: 127.0.0.1:{house.port}", *lines, "Connection: close", "", ""]
        )
        connection.sendall(head.encode())
        answer = b""
        while chunk := connection.recv(65536):
            answer += chunk
    start, _, body = answer.decode().partition("\r\n\r\n")
    return start, body


def _series(house: House) -> Series:
    _, body = _text(house)
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(body)
        for sample in family.samples
    }


def _value(series: Series, name: str, **labels: str) -> float | None:
    return series.get((name, tuple(sorted(labels.items()))))


def _publish(house: House, *happened: Any) -> None:
    house.call(lambda: [house.bus.publish(event) for event in happened])


def test_the_answer_is_text_for_prometheus(house: House) -> None:
    head, body = _text(house)
    assert head.startswith("HTTP/1.1 200 ")
    assert "content-type: text/plain; version=" in head
    assert "cache-control: no-store" in head
    assert 'aurora_requests_total{code="200",method="GET",route="/metrics"} 0.0' in body


def test_the_answer_is_openmetrics_if_asked(house: House) -> None:
    head, body = _text(house, "application/openmetrics-text; version=1.0.0")
    assert "content-type: application/openmetrics-text" in head
    assert body.endswith("# EOF\n")


def test_it_needs_a_token(house: House) -> None:
    assert house.ask("GET", "/metrics", scope=None)[0] == 401
    assert house.ask("GET", "/metrics", scope="input")[0] == 403


def test_requests_are_counted_by_address_and_status(house: House) -> None:
    house.ask("GET", "/v1/services/web")
    house.ask("GET", "/v1/services/db")
    house.ask("GET", "/v1/services/nobody")
    house.ask("GET", "/v1/nothing")
    house.ask("GET", "/v1/status", scope=None)
    with house.connect() as connection:
        connection.sendall(house.head("BREW /v1/status HTTP/1.1", "Connection: close"))
        while connection.recv(4096):
            pass
    series = _series(house)
    at = "/v1/services/{name}"
    assert _value(series, "aurora_requests_total", method="GET", route=at, code="200") == 2
    assert _value(series, "aurora_requests_total", method="GET", route=at, code="404") == 1
    assert _value(series, "aurora_requests_total", method="GET", route="", code="404") == 1
    assert _value(series, "aurora_requests_total", method="GET", route="", code="401") == 1
    assert not [labels for name, labels in series if name == "aurora_requests_total" and ("method", "BREW") in labels]


def test_events_are_counted_by_what_they_tell(house: House) -> None:
    web: dict[str, Any] = {"at": 0.0, "component": "service:web"}
    hand: dict[str, Any] = {"at": 0.0, "component": "input_agent"}
    claude: dict[str, Any] = {"at": 0.0, "component": "agent:claude", "task_id": "task_1", "agent": "claude"}
    _publish(
        house,
        e.ServiceFailed(**web, kind="exit", cause="c"),
        e.ServiceRestarting(**web, attempt=1, delay_s=0.0, cause="c"),
        e.ServiceRecovered(**web, attempts=1, downtime_s=0.4, cause="c"),
        e.InputFinished(**hand, task_id="i", action="left_click", status="completed", outcome="done", duration_s=0.02),
        e.InputFinished(**hand, task_id="j", action="type", status="failed", outcome="refused"),
        e.EmergencyStopped(at=0.0, component="guard", source="hotkey", latency_ms=0.8),
        e.Stalled(at=0.0, component="aurora", stall_s=1.5),
        e.WorkerCrashed(**hand, error_text="x", restart_count=1),
        t.TaskSubmitted(**claude),
        t.TaskFinished(**claude, status="timeout", duration_s=300.0, cost_usd=0.25, tokens=100),
        e.RemedyFinished(**web, failure_id=1, remedy="free_port", outcome="worked", cause="c", duration_s=1.0),
        e.AlertSent(at=0.0, component="aurora", channel="hook", kind="k", cause="c"),
    )
    series = _series(house)
    web_label = {"component": "service:web"}
    assert _value(series, "aurora_service_failures_total", **web_label, kind="exit") == 1
    assert _value(series, "aurora_service_restarts_total", **web_label) == 1
    assert _value(series, "aurora_service_recovery_seconds_bucket", le="0.25") == 0
    assert _value(series, "aurora_service_recovery_seconds_bucket", le="0.5") == 1
    assert _value(series, "aurora_service_recovery_seconds_sum") == 0.4
    assert _value(series, "aurora_input_actions_total", action="left_click", outcome="done") == 1
    assert _value(series, "aurora_input_actions_total", action="type", outcome="refused") == 1
    assert _value(series, "aurora_emergency_stop_latency_seconds_bucket", le="0.001") == 1
    assert _value(series, "aurora_event_loop_stalled_seconds_total") == 1.5
    assert _value(series, "aurora_input_worker_crashes_total") == 1
    assert _value(series, "aurora_tasks_submitted_total", agent="claude") == 1
    assert _value(series, "aurora_tasks_finished_total", agent="claude", status="timeout") == 1
    assert _value(series, "aurora_task_cost_dollars_total", agent="claude") == 0.25
    assert _value(series, "aurora_task_tokens_total", agent="claude") == 100
    assert _value(series, "aurora_remedies_total", remedy="free_port", outcome="worked") == 1
    assert _value(series, "aurora_alerts_total", result="sent") == 1
    assert _value(series, "aurora_alerts_total", result="failed") == 0
    assert _value(series, "aurora_events_total", type="stalled") == 1
    assert _value(series, "aurora_errors_total", component="guard") == 1


def test_what_is_so_now_is_told(house: House) -> None:
    house.supervisor.held["web"] = view("web", memory_bytes=31_400_000, cpu_percent=50.0)
    house.supervisor.held["db"] = view("db", "failed", problem="command not found")
    house.beat = e.Heartbeat(
        at=1_767_225_600.0,
        component="heartbeat",
        uptime_seconds=1.0,
        verdict="healthy",
        sentence="s",
        lag_ms=2.5,
        missed=0,
        error_counts={},
        recent_recovery_events=(),
        services={},
        memory_bytes=1,
        cpu_percent=0.1,
    )
    series = _series(house)
    assert _value(series, "aurora_services", state="ready") == 1
    assert _value(series, "aurora_services", state="failed") == 1
    assert _value(series, "aurora_services", state="frozen") == 0
    assert _value(series, "aurora_service_up", component="service:db") == 0
    assert _value(series, "aurora_service_memory_bytes", component="service:web") == 31_400_000
    assert _value(series, "aurora_service_cpu_cores", component="service:web") == 0.5
    assert _value(series, "aurora_heartbeat_lag_seconds") == 0.0025
    assert _value(series, "aurora_heartbeat_timestamp_seconds") == 1_767_225_600.0
    assert _value(series, "aurora_health", verdict="unhealthy") == 1
    assert _value(series, "aurora_health", verdict="healthy") == 0
    assert [dict(labels)["mode"] for name, labels in series if name == "aurora_build_info"] == ["headless"]
    assert (_value(series, "process_resident_memory_bytes") or 1) > 0


def test_tasks_and_actions_that_wait_are_told(house: House) -> None:
    series = _series(house)
    agents = house.call(house.tasks.agents)
    assert agents
    for agent in agents:
        assert _value(series, "aurora_task_queue_depth", agent=agent.name) == agent.queued
        assert _value(series, "aurora_tasks_running", agent=agent.name) == agent.running
    assert _value(series, "aurora_approvals_pending") == len(house.call(house.tasks.approvals))
    assert _value(series, "aurora_input_queue_depth") == house.call(house.input.view).queue_size
    assert sum(value for (name, _), value in series.items() if name == "aurora_control_state") == 1


def test_a_program_without_input_and_tasks_has_no_such_series(tmp_path: Any) -> None:
    bare = House(tmp_path, has_input=False, has_tasks=False, has_healing=False).open()
    try:
        series = _series(bare)
    finally:
        bare.close()
    assert _value(series, "aurora_input_queue_depth") is None
    assert _value(series, "aurora_health", verdict="healthy") == 1


def test_what_was_before_the_door_is_counted(tmp_path: Any) -> None:
    house = House(tmp_path)
    house.bus.publish(e.Stalled(at=0.0, component="aurora", stall_s=1.0))
    house.open()
    try:
        assert _value(_series(house), "aurora_event_loop_stalls_total") == 1
    finally:
        house.close()


def test_a_label_that_utf8_cannot_carry_does_not_stop_it(house: House) -> None:
    house.publish("service:caf\udce9")
    assert _value(_series(house), "aurora_errors_total", component="service:caf?") == 1


def test_the_client_of_prometheus_is_loaded_when_somebody_asks() -> None:
    program = (
        "import aurora_desktop.api.local, aurora_desktop.api.routes, sys; print('prometheus_client' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


def test_the_lag_of_the_loop_is_measured(house: House) -> None:
    assert house.run(loop_lag.measured) >= 0.0


# --- rules --------------------------------------------------------------------------------------------------------


@given(st.lists(st.floats(0, 100)))
def test_a_histogram_counts_everything_once(values: list[float]) -> None:
    seen = Histogram(0.5, 1.0, 10.0)
    for value in values:
        seen.observe(value)
    assert seen.buckets() == [(str(bound), sum(value <= bound for value in values)) for bound in (0.5, 1.0, 10.0)] + [
        ("+Inf", len(values))
    ]
    assert seen.total == pytest.approx(sum(values))
    assert seen.copy().buckets() == seen.buckets()


def test_a_copy_of_the_counts_stays_as_it_is() -> None:
    counts = Counts()
    copy = counts.copy()
    counts.read(e.Record(1, e.Stalled(at=0.0, component="aurora", stall_s=1.0)))
    counts.stop_s.observe(1.0)
    assert (copy.stalls, copy.events.total(), copy.stop_s.count) == (0, 0, 0)


def test_the_history_holds_what_was_of_each_minute(house: House) -> None:
    history = MinuteHistory()
    for restarts in (2, 3):
        _publish(
            house,
            *[
                e.ServiceRestarting(at=0.0, component="service:web", attempt=1, delay_s=0.0, cause="c")
                for _ in range(restarts)
            ],
        )
        history.add(house.call(house.api._telemetry.snapshot), MachineNow())
    assert [minute.restarts for minute in history.last(60)] == [2, 3]
    assert [minute.restarts for minute in history.last(1)] == [3]
    assert history.last(0) == ()
    assert history.last(60)[0].services == 2


def test_the_history_is_a_day_at_the_most(house: House) -> None:
    history = MinuteHistory()
    snapshot = house.call(house.api._telemetry.snapshot)
    for _ in range(KEPT_MINUTES + 5):
        history.add(snapshot, MachineNow())
    assert len(history.last(10_000)) == KEPT_MINUTES


def test_the_processor_is_the_mean_between_two_looks() -> None:
    readings = [Reading((busy, whole), 1000, 250, 100, 40) for busy, whole in ((10.0, 100.0), (35.0, 200.0))]
    watch = MachineWatch(lambda: readings.pop(0))
    assert watch.look() == MachineNow(None, 75.0, 60.0)
    assert watch.look() == MachineNow(25.0, 75.0, 60.0)


def test_a_machine_that_cannot_be_looked_at_is_unknown() -> None:
    def gone() -> Reading:
        raise OSError("the disk is gone")

    assert MachineWatch(gone).look() == MachineNow()


def test_each_minute_is_remembered(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(telemetry, "MINUTE_S", 0.001)
    house.run(house.api._telemetry.end)
    house.call(house.api._telemetry.begin)

    async def three_minutes() -> None:
        while len(house.api._telemetry.history.last(3)) < 3:  # noqa: ASYNC110  # it tells nobody
            await asyncio.sleep(0.001)

    house.run(three_minutes)
    last = house.api._telemetry.history.last(1)[0]
    assert last.memory_percent is not None
    assert 0 < last.memory_percent <= 100


# --- what is written about them -----------------------------------------------------------------------------------

ROOT = Path(__file__).resolve().parents[3]
SUFFIXES = ("_bucket", "_sum", "_count")


def _metrics(house: House) -> set[str]:
    """The names of all there are, as a query has them."""
    from aurora_desktop.api.metrics.exposition import families

    told = families(house.call(house.api._telemetry.snapshot))
    return {f"{family.name}_total" if family.type == "counter" else family.name for family in told}


def _named(path: str) -> set[str]:
    """The names of metrics in a file, without what a histogram adds to them."""
    found = re.findall(r"\baurora_[a-z_]+\b", (ROOT / path).read_text(encoding="utf-8"))
    return {re.sub(rf"({'|'.join(SUFFIXES)})$", "", name) for name in found}


@pytest.mark.parametrize("path", ["resources/prometheus/grafana-dashboard.json", "resources/prometheus/alerts.yml"])
def test_every_metric_that_is_shown_or_judged_exists(house: House, path: str) -> None:
    named = _named(path)
    assert len(named) > 10
    assert named - _metrics(house) == set()


def test_every_metric_is_explained_and_shown(house: House) -> None:
    assert _metrics(house) - _named("docs/metrics.md") == set()
    assert _named("docs/metrics.md") - _metrics(house) == set()


def test_names_follow_the_conventions(house: House) -> None:
    for name in _metrics(house):
        assert re.fullmatch(r"aurora_[a-z]+(_[a-z]+)*", name)
        assert not name.endswith(("_ms", "_percent", "_count", "_sum", "_bucket"))


def test_the_files_are_what_their_readers_expect() -> None:
    rules = yaml.safe_load((ROOT / "resources/prometheus/alerts.yml").read_text())["groups"][0]["rules"]
    assert all(rule.keys() >= {"alert", "expr", "labels", "annotations"} for rule in rules)
    board = json.loads((ROOT / "resources/prometheus/grafana-dashboard.json").read_text())
    ids = [panel["id"] for panel in board["panels"]]
    assert len(ids) == len(set(ids))
    assert all(panel["type"] == "row" or panel["targets"] for panel in board["panels"])
