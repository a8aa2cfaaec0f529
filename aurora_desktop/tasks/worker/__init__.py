"""The worker: a process of its own that has one agent at a time do a task.

It owns the agent's pipes, writes down all that comes through them, and enforces time, silence and size. It needs no
Aurora to go on: what it has to tell is kept in the task's folder until Aurora has it. It is kept small: no asyncio, and
adapters are imported when they are needed.
"""
