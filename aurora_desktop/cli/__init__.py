"""The `aurora` command; speaks to the running program through its local API."""
