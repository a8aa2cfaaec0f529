"""Why an action is refused at once."""

from typing import Literal

from aurora_desktop.core.errors import AuroraError

RefusalCode = Literal[
    "closed", "latched", "disarmed", "queue_full", "duplicate", "invalid", "off_screen", "policy", "rate", "audit"
]  # fmt: skip


class InputRefusedError(AuroraError):
    """The action was not queued, and nothing was sent; `code` says why in one word."""

    def __init__(self, code: RefusalCode, title: str, detail: str = "", hint: str = "") -> None:
        super().__init__(title, detail, hint)
        self.code = code


class UnknownTaskError(AuroraError):
    """No task of this id is in the queue or the history."""


class AuditError(AuroraError):
    """The audit log cannot be written, or not be anchored: nothing may be done until it can."""
