"""The guard's eyes and hands on X11, over a connection that it never waits for."""
