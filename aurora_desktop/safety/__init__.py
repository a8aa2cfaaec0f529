"""The brake: gate, arming, lease, permit and the emergency stop, and the guard process that holds them.

`Control` lives in the main process and decides who may act; the guard (`safety.guard`) is a process of its own that
needs nobody to stop everything. Both and the input worker share two pages of memory (`permit`). Data comes in as
presses, messages and the gate file; it goes out as the permit, the clearance file and events on the bus.
It may touch `core` and the process trees of `supervisor`, never Qt.
"""
