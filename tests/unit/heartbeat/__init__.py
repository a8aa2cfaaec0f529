"""The heartbeat on a clock that the test moves."""
