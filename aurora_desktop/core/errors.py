"""Errors that a person can act on: what went wrong, where, and how to mend it."""

import errno

PASSING_ERRORS = frozenset({errno.EAGAIN, errno.ENOMEM, errno.EMFILE, errno.ENFILE, errno.ENOSPC, errno.EIO})
"""What the machine is short of now and may have again: processes, memory, open files, room."""


class AuroraError(Exception):
    """An error told in three parts; the window, the command and the log print the same three.

    title: one short sentence; detail: what and where; hint: the next step, or "" if there is none.
    """

    def __init__(self, title: str, detail: str = "", hint: str = "") -> None:
        super().__init__(title)
        self.title = title
        self.detail = detail
        self.hint = hint

    def __str__(self) -> str:
        return "\n".join(part for part in (self.title, self.detail, self.hint) if part)

    @property
    def in_one_line(self) -> str:
        """The three parts as sentences, without the last full stop."""
        return ". ".join(part.rstrip(".") for part in (self.title, self.detail, self.hint) if part)


class NotRunningError(AuroraError):
    """No Aurora runs on this state dir."""


class AlreadyRunningError(AuroraError):
    """Another Aurora holds the lock of this state dir."""


class UnknownServiceError(AuroraError):
    """No service of the settings has this name; the hint names the near one."""


class NotNowError(AuroraError):
    """It cannot be taken at the moment; asked again later it may."""
