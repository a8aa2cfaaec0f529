"""An agent that floods its output costs a worker bounded memory and bounded disk."""

from pathlib import Path

import pytest

from aurora_desktop.tasks.folder import TaskFolder
from aurora_desktop.tasks.messages import Run
from tests.e2e.work.stage import Stage, memory_peak_bytes

MOST_GROWTH = 24_000_000


@pytest.fixture(autouse=True)
def _worker(stage: Stage) -> None:
    """A worker that has done a task: all that it ever imports is in its memory."""
    stage.hire()
    stage.main.accept()
    stage.do(stage.shell("echo warm"))


def _grown_by(stage: Stage, run: Run) -> int:
    before = memory_peak_bytes(stage.workers[0].pid)
    stage.do(run)
    return memory_peak_bytes(stage.workers[0].pid) - before


def test_of_a_flood_the_first_and_the_last_part_are_kept(stage: Stage) -> None:
    flood = "echo first; yes 'and so on and on' | head -c 200000000; echo; echo last"
    run = stage.shell(flood, output_max_bytes=4_000_000)

    grown = _grown_by(stage, run)

    assert grown < MOST_GROWTH
    kept = TaskFolder(Path(run.folder)).stdout(1).read_bytes()
    assert 2_500_000 < len(kept) <= 3_500_000
    assert kept.startswith(b"first\nand so on")
    assert kept.endswith(b"\nlast\n")
    notes = [entry.text for entry in stage.transcript(run) if entry.kind == "note"]
    assert "the first and the last part are kept" in notes[-1]


def test_one_endless_line_of_an_agent_with_events_is_read_to_its_limit(stage: Stage) -> None:
    flood = 'head -c 100000000 /dev/zero | tr \'\\0\' x; echo; echo \'{"type": "result", "text": "done"}\''
    run = stage.shell(flood, has_events=True, output_max_bytes=4_000_000)

    before = memory_peak_bytes(stage.workers[0].pid)
    stage.main.say(run)
    ended = stage.end_of(run)

    assert memory_peak_bytes(stage.workers[0].pid) - before < MOST_GROWTH
    assert (ended.ending, ended.result) == ("completed", "done")
    assert ended.facts["cut_lines"] == 1


def test_a_flood_of_events_fills_no_transcript_beyond_its_limit(stage: Stage) -> None:
    event = '{"type": "message", "text": "and so on and on and on and on and on and on and on"}'
    run = stage.shell(
        f'yes \'{event}\' | head -c 40000000; echo; echo \'{{"type": "result", "text": "done"}}\'', has_events=True
    )

    grown = _grown_by(stage, run)

    assert grown < MOST_GROWTH
    assert TaskFolder(Path(run.folder)).transcript.stat().st_size <= 20_000_000
    assert "what follows is not shown here" in stage.transcript(run)[-1].text
