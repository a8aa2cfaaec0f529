"""Events as they happen, for readers that stay: server-sent events and WebSocket.

Comes in: the records of the bus, encoded once for all readers. Goes out: pieces of bytes, at most ten a second for each
reader, which is never waited for. What a reader cannot be given from memory it gets from the journal.
"""
