"""Allocates 4 MB every 10 ms, without end."""

import time

eaten = []
while True:
    eaten.append(b"x" * 4_000_000)
    time.sleep(0.01)
