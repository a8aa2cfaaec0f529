"""Mouse and keyboard for agents: actions, policy, queue and audit in the main process, the worker in its own.

An action comes in as a `Submission` (from the API, in one of several dialects), is refused or checked, audited, asked
about where the mode says so, and sent to the worker, which asks the permit before every single event. What comes out
is an outcome. It may touch `core` and `safety`; the display only in `input.worker` and `input.backends`.
"""
