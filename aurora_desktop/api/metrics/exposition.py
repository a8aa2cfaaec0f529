"""A snapshot as Prometheus reads it, by the official client. Imported with the first `GET /metrics`, in a thread."""

import platform
import typing
from collections.abc import Iterable, Iterator, Mapping
from typing import TypeVar

from prometheus_client import ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

from aurora_desktop import __version__
from aurora_desktop.api.metrics.histogram import Histogram
from aurora_desktop.api.metrics.snapshot import Snapshot
from aurora_desktop.core.events import Verdict
from aurora_desktop.safety.view import ControlState
from aurora_desktop.supervisor.view import State

L = TypeVar("L", bound=tuple[str, ...])
"""The values of the labels of one series."""


def rendered(snapshot: Snapshot, accept: str) -> tuple[bytes, str]:
    """The text and its media type, in the dialect that `accept` asks for. Blocking: some 10 ms with 100 services."""
    encode, media_type = choose_encoder(accept)
    return encode(_Snapshot(snapshot)), media_type


def families(snapshot: Snapshot) -> Iterator[Metric]:
    """Every metric of ours, also those without a series yet."""
    yield from _of_the_whole(snapshot)
    yield from _of_services(snapshot)
    yield from _of_input(snapshot)
    yield from _of_tasks(snapshot)
    yield from _of_the_door(snapshot)


class _Snapshot(Collector):
    def __init__(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot

    def collect(self) -> Iterable[Metric]:
        """Ours, and what Prometheus always has of a process: memory, CPU, descriptors, start."""
        yield from families(self._snapshot)
        yield from ProcessCollector(registry=None).collect()


def _of_the_whole(snapshot: Snapshot) -> Iterator[Metric]:
    counts, beat = snapshot.counts, snapshot.heartbeat
    build = (__version__, platform.python_version(), snapshot.mode)
    yield _gauge("build_info", "Which Aurora this is.", ("version", "python", "mode"), {build: 1})
    yield _one_of("health", "Whether the whole is well.", "verdict", typing.get_args(Verdict), snapshot.verdict)
    yield _gauge("problems", "What keeps the whole from being healthy.", (), {(): snapshot.problems})
    yield _gauge("supervision_paused", "1 while nothing is started by itself.", (), {(): int(snapshot.paused)})
    yield _counter("events", "Events by type.", ("type",), _single(counts.events))
    yield _counter("errors", "Errors by component.", ("component",), _single(counts.errors))
    yield _counter("heartbeats", "Heartbeats.", (), {(): counts.events["heartbeat"]})
    yield _counter("heartbeats_missed", "Heartbeats lost to a stall of Aurora.", (), {(): counts.beats_missed})
    yield _gauge(
        "heartbeat_lag_seconds", "How late the last heartbeat was.", (), {(): beat.lag_ms / 1000} if beat else {}
    )
    yield _gauge("heartbeat_timestamp_seconds", "When the last heartbeat was.", (), {(): beat.at} if beat else {})
    yield _histogram("event_loop_lag_seconds", "How late a timer of the event loop was, by samples.", counts.loop_lag_s)
    yield _counter("event_loop_stalls", "Times that Aurora stood still for 0.2 s or more.", (), {(): counts.stalls})
    yield _counter("event_loop_stalled_seconds", "How long Aurora stood still.", (), {(): counts.stalled_s})
    yield _counter("alerts", "Alerts by what became of them.", ("result",), _known(counts.alerts, ("sent", "failed")))


def _of_services(snapshot: Snapshot) -> Iterator[Metric]:
    counts, services = snapshot.counts, snapshot.services
    by_state = {(state,): sum(s.state == state for s in services) for state in typing.get_args(State)}
    yield _gauge("services", "Services by state.", ("state",), by_state)
    one = ("component",)
    yield _gauge("service_up", "1 while it is running or ready.", one, {(s.component,): int(s.is_up) for s in services})
    memory = {(s.component,): s.memory_bytes for s in services if s.memory_bytes is not None}
    yield _gauge("service_memory_bytes", "Memory of its whole process tree.", one, memory)
    cpu = {(s.component,): s.cpu for s in services if s.cpu is not None}
    yield _gauge("service_cpu_cores", "Processor cores that its process tree uses.", one, cpu)
    failures = ("component", "kind")
    yield _counter("service_failures", "Failures by what told them.", failures, counts.failures)
    yield _counter("service_restarts", "Restarts after a failure.", one, _single(counts.restarts))
    yield _histogram("service_recovery_seconds", "From a failure to being up again.", counts.recovery_s)
    yield _counter("remedies", "Remedies by outcome.", ("remedy", "outcome"), counts.remedies)


def _of_input(snapshot: Snapshot) -> Iterator[Metric]:
    counts = snapshot.counts
    if snapshot.control is not None:
        states = typing.get_args(ControlState)
        yield _one_of("control_state", "Whether agents may use mouse and keyboard.", "state", states, snapshot.control)
    queued = {} if snapshot.queued_actions is None else {(): snapshot.queued_actions}
    yield _gauge("input_queue_depth", "Actions that wait their turn.", (), queued)
    yield _counter("input_actions", "Actions by outcome.", ("action", "outcome"), counts.actions)
    yield _histogram("input_action_duration_seconds", "How long actions took.", counts.action_s)
    yield _counter("input_worker_crashes", "Times that the input worker ended.", (), {(): counts.input_worker_crashes})
    help_ = "From the first sign of an emergency stop to nothing held."
    yield _histogram("emergency_stop_latency_seconds", help_, counts.stop_s)


def _of_tasks(snapshot: Snapshot) -> Iterator[Metric]:
    counts, agents, one = snapshot.counts, snapshot.agents, ("agent",)
    yield _counter("tasks_submitted", "Tasks that were taken.", one, _single(counts.submitted))
    yield _counter("tasks_finished", "Tasks that ended, by how.", ("agent", "status"), counts.finished)
    yield _histogram("task_duration_seconds", "How long tasks took.", counts.task_s)
    yield _gauge("tasks_running", "Tasks that an agent works on.", one, {(a.name,): a.running for a in agents})
    yield _gauge("task_queue_depth", "Tasks that wait their turn.", one, {(a.name,): a.queued for a in agents})
    available = {(a.name,): int(a.available) for a in agents if a.available is not None}
    yield _gauge("agent_available", "1 if the agent's program can be used.", one, available)
    yield _gauge("tasks_uncertain", "Tasks that nobody knows the end of.", (), {(): snapshot.uncertain})
    yield _gauge("approvals_pending", "Questions that wait for the operator.", (), {(): snapshot.approvals})
    yield _gauge("workers", "Workers by status.", ("status",), _single(snapshot.workers))
    yield _counter("task_tokens", "Tokens that tasks used.", one, _single(counts.tokens))
    yield _counter("task_cost_dollars", "What tasks cost, in US dollars.", one, _single(counts.cost_usd))


def _of_the_door(snapshot: Snapshot) -> Iterator[Metric]:
    labels = ("method", "route", "code")
    requests = {("GET", "/metrics", "200"): 0} | snapshot.counts.requests  # there from the first answer on
    yield _counter("requests", "Requests to the local API.", labels, requests)
    yield _gauge("event_stream_readers", "Readers of the stream of events.", (), {(): snapshot.readers})
    yield _counter("event_stream_gaps", "Gaps that readers were told of.", (), {(): snapshot.gaps})


# --- how a metric is made -----------------------------------------------------------------------------------------


def _gauge(name: str, what: str, labels: tuple[str, ...], values: Mapping[L, float]) -> Metric:
    return _filled(GaugeMetricFamily(f"aurora_{name}", what, labels=labels), values)


def _counter(name: str, what: str, labels: tuple[str, ...], values: Mapping[L, float]) -> Metric:
    """Its series are called `<name>_total`."""
    return _filled(CounterMetricFamily(f"aurora_{name}", what, labels=labels), values)


def _filled(family: GaugeMetricFamily | CounterMetricFamily, values: Mapping[L, float]) -> Metric:
    for labels, value in sorted(values.items()):
        family.add_metric([_clean(label) for label in labels], value)
    return family


def _histogram(name: str, what: str, seen: Histogram) -> Metric:
    family = HistogramMetricFamily(f"aurora_{name}", what)
    family.add_metric([], seen.buckets(), seen.total)
    return family


def _one_of(name: str, what: str, label: str, states: Iterable[str], now: str) -> Metric:
    """1 for the state that is, 0 for each of the others."""
    return _gauge(name, what, (label,), {(state,): int(state == now) for state in states})


def _single(counts: Mapping[str, float]) -> Mapping[tuple[str], float]:
    return {(label,): count for label, count in counts.items()}


def _known(counts: Mapping[str, float], labels: Iterable[str]) -> Mapping[tuple[str], float]:
    """0 for what has not happened yet, so that a rate can be taken of the first time."""
    return {(label,): counts.get(label, 0) for label in labels}


def _clean(label: str) -> str:
    """What UTF-8 cannot carry (from a file name) becomes `?`."""
    return label.encode("utf-8", "replace").decode()
