"""X11: XTEST for events, xkbcommon for what a key means, RandR for screens; all through libxcb."""
