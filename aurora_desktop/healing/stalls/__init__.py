"""Stalls: the newest sign of work of each service and agent, and the rule that says when silence is too long."""
