"""The ground floor: events and the bus that carries them, clock, errors, paths, settings and the journal.

Everything may import from here; nothing here imports another room or Qt.
"""
