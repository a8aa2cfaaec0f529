"""Real processes, and nothing of them left behind: as in the tests of the supervisor."""

from supervisor.conftest import stage, yard

__all__ = ["stage", "yard"]
