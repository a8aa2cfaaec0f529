"""Healing: notices what is alive and does not work, recognises why, tries the gentlest remedy, and remembers.

Reads the stream of events; acts through the supervisor's public face and its own `Yard`, which ends no process that
Aurora did not start. Everything it finds and does is an event again. `faults` names what is wrong, `remedies` mend it,
`stalls` and `ladder` wake agents, `memory` keeps what happened, `machine` looks at the machine and ahead, `alerts` call
the operator.
"""
