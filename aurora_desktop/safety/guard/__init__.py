"""The guard: a process of its own that stops everything, whatever state the others are in.

It listens to the operator's own devices, its parent's channel and a socket of its own; it alone writes the permit,
is the parent of the input worker, and releases what is held down. One `selectors` loop; nothing in it waits for
anybody, least of all for the display. Data comes in as raw input and messages, it goes out as the permit, signals
and messages. It may touch `core`, the contracts and the clearance of `safety`, and (once services are marked) the
process trees of `supervisor`.
"""
