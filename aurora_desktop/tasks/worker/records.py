"""What one attempt writes into the task's folder: the raw output, the transcript, and how it ended."""

import sys
import time
from pathlib import Path
from typing import Any

from aurora_desktop.tasks.folder import TaskFolder
from aurora_desktop.tasks.messages import Ended, Run
from aurora_desktop.tasks.view import Entry
from aurora_desktop.tasks.worker import marks
from aurora_desktop.tasks.worker.kept import HeadAndTail
from aurora_desktop.tasks.worker.posted import Stream
from aurora_desktop.tasks.worker.transcript import Transcript

_SHARE_OF_STDERR = 8
"""One part in so many of what is kept of the output is for standard error."""


class Records:
    """A disk that takes no more ends nothing: what is lost is told where there is still room."""

    def __init__(self, run: Run) -> None:
        self._folder = TaskFolder(Path(run.folder))
        stderr_most = run.output_max_bytes // _SHARE_OF_STDERR
        self.transcript = Transcript(self._folder.transcript)
        self.raw: dict[Stream, HeadAndTail] = {
            "stdout": HeadAndTail(self._folder.stdout(run.attempt), run.output_max_bytes - stderr_most),
            "stderr": HeadAndTail(self._folder.stderr(run.attempt), stderr_most),
        }

    def note(self, text: str) -> None:
        """Something that the operator must know, for which there is always room."""
        self.transcript.add_last(Entry(at=time.time(), kind="note", text=text))

    def close_raw(self) -> dict[str, Any]:
        """Put the output's parts together; how much there was, and what is not kept, which is noted too."""
        facts: dict[str, Any] = {}
        for stream, raw in self.raw.items():
            raw.close()
            facts[f"{stream}_bytes"] = raw.total
            if raw.dropped:
                facts[f"{stream}_dropped_bytes"] = raw.dropped
                self.note(_loss_in_words(stream, raw))
        return facts

    def close(self, ended: Ended) -> None:
        """Write the end down; it is told to main in any case."""
        if ended.ending != "completed":
            text = ended.error or ended.ending
            self.transcript.add_last(Entry(at=time.time(), kind="error", text=text, failed=True))
        self.transcript.close()
        try:
            marks.write_end(self._folder, ended)
        except OSError as error:
            sys.stderr.write(f"the end of {ended.task_id} cannot be written: {error}\n")


def _loss_in_words(stream: Stream, raw: HeadAndTail) -> str:
    if raw.trouble:
        return f"{raw.dropped:,} bytes of {stream} were not kept: {raw.trouble}"
    kept = "the first and the last part are kept"
    return f"of the {raw.total:,} bytes of {stream} {kept}: {raw.dropped:,} bytes between them are not"
