"""The three pages of the window: services, recovery, settings."""
