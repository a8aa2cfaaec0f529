"""The failure memory: every failure, what was tried and how it ended, and one query over all of it."""
