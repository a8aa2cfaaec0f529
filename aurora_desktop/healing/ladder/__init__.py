"""The ladder for stalled agents: the gentlest rung first, each verified by new activity, then the operator."""
