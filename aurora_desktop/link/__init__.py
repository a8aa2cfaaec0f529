"""The link to a collaboration server: one connection that comes back by itself; outbox and inbox that lose nothing.

It may touch `core`, the keyring (in a process of its own) and the network; tasks it knows through a protocol alone.
Messages come in by `inbox.py` and go out by `outbox.py`, both kept in `state.db`; what happens goes out as events.
Nothing here but `view.py` and `switch.py` is imported before the link is on. What differs between servers is in
`cloudbrain.py`.
"""
