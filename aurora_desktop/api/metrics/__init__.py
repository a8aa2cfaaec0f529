"""What Aurora tells Prometheus, and what it remembers of the last day by the minute.

Comes in: the events of the bus, counted from the first one on as plain numbers, and what the parts show when somebody
asks. Goes out: `GET /metrics`, by the official client, which is imported only then.
"""
