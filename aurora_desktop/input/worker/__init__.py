"""The process that moves the mouse and presses the keys: one action at a time, the permit asked before every event.

Started by the guard when control is armed (`python -m aurora_desktop.input.worker`). In come `Do` and its kin over a
socket from main (`input/messages.py`), out go the outcomes. It writes what it is about to hold down into the held table
before it presses, so that it may be killed at any instant; it ends by itself, with everything released, when the
permit is revoked or runs out, when main or the guard is gone, and on SIGTERM.
"""
