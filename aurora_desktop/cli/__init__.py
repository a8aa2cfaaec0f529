"""The `aurora` command; speaks to the running program through its local API.

`main` parses and dispatches, `client` asks the running program, `console` writes. `showing`, `logs`, `acting`
and `setting_up` hold the commands. Nothing slow is imported before a command needs it: `aurora ps` is typed often.
"""
