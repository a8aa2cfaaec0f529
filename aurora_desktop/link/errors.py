"""Errors of the link that its callers tell apart."""

from aurora_desktop.core.errors import AuroraError


class LinkOffError(AuroraError):
    """The link is off in the settings."""


class OutboxFullError(AuroraError):
    """The outbox has no room for this message."""
