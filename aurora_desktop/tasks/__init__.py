"""Agents at work: tasks for coding agents and any command, done by a pool of workers.

The coordinator keeps the queue (in `state.db`), decides who does what when, and speaks to the workers over one socket.
Each worker is a process of its own, supervised like a service under the name `worker:<name>`: it owns the pipes of the
agent that it runs, reads its events through an adapter, and goes on while no Aurora runs. What an agent says lies in
the task's folder; what happens to tasks are events on the bus. Nothing here approves anything: that is the operator's,
in the window.
"""
