"""Supervision: starts the services of the settings in order, notices their end, and brings them back.

`policy` decides (pure), `engine` does; `view` is the public face. Events go out on the bus.
"""
