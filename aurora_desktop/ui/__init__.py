"""Tray icon and window: the only Qt besides `app.py`. Shows what the core says, and asks the core to act."""
