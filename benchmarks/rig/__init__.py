"""What the benchmarks share: the measured child, the programs side by side, a display, figures and the machine.

Nothing of Aurora is imported here but the client of its local API: it runs as the real program, in state
folders of its own, and is looked at from outside.
"""
