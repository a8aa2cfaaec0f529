"""The rules of the input agent, without a display."""
