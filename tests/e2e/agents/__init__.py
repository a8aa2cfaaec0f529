"""The real coding agents in the tests: where they are installed, and stand-ins of the APIs of their providers."""
