"""The real coding agents in the tests: where they are installed, and stand-ins of the APIs of their providers."""

import os
from pathlib import Path

_PROGRAMS = Path(__file__).parents[3] / ".agents" / "bin"


def program(name: str) -> Path:
    """The installed `claude` or `codex`. Fails where `installer/agents.sh` has not been able to install it."""
    path = _PROGRAMS / name
    assert path.exists(), f"{name} is not installed for the tests: run installer/agents.sh (it needs the npm registry)"
    return path


def path_with_node() -> str:
    """A PATH on which the agents find their own Node first."""
    return f"{_PROGRAMS}{os.pathsep}{os.environ['PATH']}"
