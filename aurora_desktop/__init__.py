"""Aurora Desktop: the operator's cockpit and emergency stop for AI agents on their own workstation."""

__version__ = "0.1.0"
