"""Backups of the state, and what is made of them when a file is damaged.

May touch `state.db` and `journal.db` through SQLite alone, and the folders of backups. `making.py` makes one, in a
process of its own (`program.py`); `rescue.py` repairs a damaged file at the start, through the hooks that
`core/storage/opening.py` has for it; `restoring.py` goes back to a backup by the operator's word; `keeper.py` is the
part of the running house: rounds, the slow look at every page, and what is told.
"""
