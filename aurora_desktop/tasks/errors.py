"""Why a task is not taken, or not to be found."""

from aurora_desktop.core.errors import AuroraError


class TaskRefusedError(AuroraError):
    """The task was not taken: a name that is not known, a prompt or a folder that cannot be."""


class QueueFullError(AuroraError):
    """The task was not taken: too many wait already."""


class UnknownTaskError(AuroraError):
    """No task of this id is in the queue or the history."""


class UnknownApprovalError(AuroraError):
    """No question of this id waits for the operator."""
