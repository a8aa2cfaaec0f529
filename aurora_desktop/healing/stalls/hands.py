"""Touches the workspace of an entry: each function opens it, does one thing, and closes it. Blocking, in a thread."""

import logging

from aurora_desktop.healing.ladder import marks, performing
from aurora_desktop.healing.ladder.ladder import Escalate, Rung
from aurora_desktop.healing.ladder.performing import Patient, Wrote
from aurora_desktop.healing.stalls.entry import Entry
from aurora_desktop.healing.stalls.folder import Folder

log = logging.getLogger(__name__)


def open_workspace(entry: Entry) -> Folder:
    if entry.watched.workspace is None:
        raise FileNotFoundError(f"{entry.component} has no workspace")
    return Folder(entry.watched.workspace, follow=entry.watched.follow)


def examined(entry: Entry, patient: Patient) -> tuple[tuple[Rung, ...], bool]:
    with open_workspace(entry) as folder:
        return performing.applicable(folder, patient), performing.has_marker(folder)


def perform(entry: Entry, rung: Rung, patient: Patient) -> Wrote:
    with open_workspace(entry) as folder:
        return performing.perform(rung, folder, patient)


def call_the_operator(entry: Entry, patient: Patient, effect: Escalate) -> None:
    with open_workspace(entry) as folder:
        performing.call_the_operator(folder, patient, effect.attempts, effect.tried)


def has_marker(entry: Entry) -> bool:
    """A workspace that cannot be opened right now says nothing about the marker."""
    try:
        with open_workspace(entry) as folder:
            return performing.has_marker(folder)
    except OSError:
        return entry.standing.has_marker


def remove_marker(entry: Entry) -> None:
    try:
        with open_workspace(entry) as folder:
            folder.remove(marks.ESCALATION)
    except OSError as error:
        log.info("%s: its marker could not be removed: %s", entry.component, error)
