"""The periodic snapshot of everything and the health of the whole, in one sentence."""
