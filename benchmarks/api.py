"""The figures of the local API, with the window open: requests, a hundred readers of a thousand events/s, memory.

    .venv/bin/python benchmarks/api.py [--quick] [--only streams] [--runs N] [--json FILE]

The window is real, on a display of its own (Xvfb); what happens inside the program is seen by `rig/busy_aurora.py`.
"""

from rig.api_load import ask_again_and_again, ask_at_once, first_answers, reading
from rig.bench import Bench, run
from rig.busy import Busy, busy
from rig.figures import Figure

SERVICES = 20
READERS = 100
EVENTS_PER_S = 1000
ADDRESSES = ("/v1/status", "/v1/services", "/v1/events?limit=100", "/metrics")
CONNECTIONS = 8
WORK_NOTE = "CPU of the loop's thread: what a gap would be on a machine that does nothing else"
FRAME_NOTE = "the window paints 60 frames a second: a gap of 16 ms is none; what is over 50 ms is seen"


def requests(bench: Bench) -> list[Figure]:
    """How soon one is answered, and how many a second, by address; and what the window has of it."""
    took = bench.report.figure("request", "one request after another", "ms", f"{SERVICES} services; window open")
    rate = bench.report.figure("rate", f"{CONNECTIONS} connections that ask without a pause", "requests/s")
    frames = bench.report.figure("frames_asked", "between two frames of the window meanwhile", "ms", FRAME_NOTE)
    work = bench.report.figure("work_asked", "the loop's own work between two frames meanwhile", "ms", WORK_NOTE)

    def measure() -> None:
        with busy(bench, SERVICES) as aurora:
            for address in ADDRESSES:
                took.add(address, *ask_again_and_again(aurora, address, 100 * bench.runs))
                aurora.begin()
                rate.add(address, ask_at_once(aurora, address, CONNECTIONS, _seconds(bench)))
                done = aurora.end()
                frames.add(address, *done.gaps_ms)
                work.add(address, *done.work_ms)

    bench.report.measure([took, rate, frames, work], "requests", measure)
    return [took, rate, frames, work]


def streams(bench: Bench) -> list[Figure]:
    """Readers of the stream, and what the window has of them: beside the same events without any reader."""
    frames = bench.report.figure("frames", "between two frames of the window", "ms", FRAME_NOTE)
    work = bench.report.figure("work", "the loop's own work between two frames", "ms", WORK_NOTE)
    late = bench.report.figure("late", "from an event to its reader", "ms", "each waits for its batch of 100 ms")
    share = bench.report.figure("share", "events that reached their readers", "%", "of all that were published")
    cpu = bench.report.figure("stream_cpu", "CPU of the main process", "% of one core")

    def measure() -> None:
        with busy(bench, SERVICES) as aurora:
            for who, readers, rate in (
                ("nothing happens", 0, 0),
                (f"{EVENTS_PER_S} events/s, no reader", 0, EVENTS_PER_S),
                (f"{EVENTS_PER_S} events/s, {READERS} readers", READERS, EVENTS_PER_S),
            ):
                _stream(aurora, (frames, work, late, share, cpu), who, (readers, rate), _seconds(bench))

    bench.report.measure([frames, work, late, share, cpu], "streams", measure)
    return [frames, work, late, share, cpu]


def _stream(
    aurora: Busy, figures: tuple[Figure, Figure, Figure, Figure, Figure], who: str, load: tuple[int, int], for_s: float
) -> None:
    frames, work, late, share, cpu = figures
    readers, events_per_s = load
    with reading(aurora, readers) as read:
        aurora.begin(events_per_s)
        read.for_seconds(for_s)
        done = aurora.end()
        read.until_quiet()
    frames.add(who, *done.gaps_ms)
    work.add(who, *done.work_ms)
    cpu.add(who, done.cpu_percent)
    if readers:
        late.add(who, *read.late_ms)
        share.add(who, *(100 * count / done.published for count in read.counts()))


def memory(bench: Bench) -> list[Figure]:
    """What the API adds to the main process: its opening, then what is loaded once somebody asks for it."""
    note = "the limit of all together: 20 MB"
    figure = bench.report.figure("api_memory", "resident memory that is added", "MB", note)

    def measure() -> None:
        with busy(bench, SERVICES) as aurora:
            added = {"the door is opened": aurora.door_mb}
            for what, ask in first_answers(aurora, READERS):
                before_mb = aurora.memory_mb()
                with ask():
                    added[what] = aurora.memory_mb() - before_mb
        for what, mb in {**added, "all together": sum(added.values())}.items():
            figure.add(what, mb)

    for _ in range(1 if bench.quick else 3):
        bench.report.measure([figure], "memory", measure)
    return [figure]


def _seconds(bench: Bench) -> float:
    return 5.0 if bench.quick else 15.0


if __name__ == "__main__":
    run("Measure the local API.", {"requests": requests, "streams": streams, "memory": memory})
