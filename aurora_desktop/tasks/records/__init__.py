"""The records of what agents did: the logs that scripts read, a readable text of each task, and what is kept of it.

`lines.py` says what stands in a record, `text.py` what in the text of a task; `logs.py` writes both, in a thread;
`retention.py` compresses the folders of finished tasks and removes the oldest.
"""
