"""Watches over the workers: who is gone, silent, stalled, or not needed any more."""

from aurora_desktop.core.events import WORKER_PREFIX, Record
from aurora_desktop.core.healing_events import AgentStalled
from aurora_desktop.tasks.attempts import Attempts
from aurora_desktop.tasks.input_tasks import AFTER_RESTART
from aurora_desktop.tasks.roster import Worker
from aurora_desktop.tasks.surroundings import Surroundings


class Watch:
    """Until `recover` nobody is taken for gone: what an earlier Aurora left is adopted or ended first."""

    def __init__(self, around: Surroundings, attempts: Attempts) -> None:
        self._around, self._attempts = around, attempts
        self._knows_who_is_there = False
        for task in around.book.at_work():
            if (worker := around.roster.find(task.worker)) is not None:
                worker.takes(task.id, task.attempt, has_it=True)

    def recover(self) -> None:
        """What was at work when Aurora ended: what runs tells so itself, what does not run left its marks."""
        roster = self._around.roster
        roster.look()
        self._knows_who_is_there = True
        for task in self._around.book.at_work():
            worker = roster.find(task.worker)
            if not task.worker:
                self._attempts.lose_orphan(task, AFTER_RESTART)
            elif worker is None:
                self._attempts.lose_orphan(task, "its worker is gone")
            elif not roster.has_processes(worker):
                self._attempts.lose(worker, "its worker ended while no Aurora ran")

    def look(self) -> None:
        roster, workforce = self._around.roster, self._around.workforce
        for worker in roster.stale():
            worker.heard_at = roster.now()
            workforce.unwell(worker.post.component, "watchdog", f"nothing was heard of it for {roster.lease_s:g} s")
        for worker in tuple(roster.everyone()):
            self._notice_end(worker)
            if roster.took_long_to_begin(worker):
                self._attempts.take_from(worker)
        if not workforce.latched:
            roster.end_frozen()
        roster.dismiss_idle(self._around.settings.idle_exit_s)
        roster.forget_retired()

    def link_gone(self, name: str) -> None:
        """Its connection ended: it comes back, or its process is gone too."""
        if (worker := self._around.roster.find(name)) is not None:
            worker.is_up = False
            self._notice_end(worker)

    def read(self, record: Record) -> bool:
        """Whether the event was of a worker."""
        event = record.event
        if isinstance(event, AgentStalled) and event.component.startswith(WORKER_PREFIX) and not event.proactive:
            self._stalled(event)
        worker = self._around.roster.read(record)
        if worker is not None:
            self._notice_end(worker)
        return worker is not None

    def _notice_end(self, worker: Worker) -> None:
        is_gone = not worker.is_up and not self._around.roster.has_processes(worker)
        if self._knows_who_is_there and worker.has_it and is_gone:
            self._attempts.lose(worker, "Aurora ended its worker" if self._around.ends_it else "its worker died")

    def _stalled(self, event: AgentStalled) -> None:
        """The task is given to another worker, where that is allowed; the stalled one is replaced."""
        worker = self._around.roster.of_component(event.component)
        if worker is not None and self._attempts.may_be_given_to_another(worker):
            self._around.workforce.unwell(worker.post.component, "stall", event.cause)
