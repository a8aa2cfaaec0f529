"""What each kind of agent speaks, without any input or output of its own: bytes in, observations out, bytes to send."""
