"""What the second detector does beside listening."""

from types import SimpleNamespace

from aurora_desktop.safety.guard.second import _forget_events


def test_what_pynput_never_reads_does_not_pile_up() -> None:
    queue = ["mapping notify", "mapping notify"]
    _forget_events(SimpleNamespace(_display_record=SimpleNamespace(display=SimpleNamespace(event_queue=queue))))
    assert queue == []


def test_where_there_is_no_such_connection_nothing_is_forgotten() -> None:
    _forget_events(SimpleNamespace())
