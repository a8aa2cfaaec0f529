"""The desktop room, with real shells, buses, locks and scripts."""
