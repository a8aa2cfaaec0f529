"""Widgets that the pages share; they hold no logic and never ask the core."""
