"""The real program with real children, and on a real X display with a real tray host and real clicks."""
