"""The `aurora` command against a real local API."""
