"""Definitions of services for the tests: small real programs that behave well or badly in one way."""

import socket
import sys
from pathlib import Path
from typing import Any

_PROGRAMS = Path(__file__).with_name("programs")

Definition = dict[str, Any]


def python(program: str, *arguments: object) -> list[str]:
    """A program of this folder, started without the site: quicker, and not measured as if it were Aurora."""
    return [sys.executable, "-ISs", str(_PROGRAMS / f"{program}.py"), *map(str, arguments)]


def shell(script: str) -> list[str]:
    return ["sh", "-c", script]


def calm(**more: Any) -> Definition:
    """Runs and does nothing; restarted with little delay."""
    return {"command": ["sleep", "3600"], "restart_sec": 0.1, **more}


def notifier(every_s: float, **more: Any) -> Definition:
    """`type: notify`; tells its watchdog every so many seconds (0: never)."""
    return {"command": python("notifier", every_s), "type": "notify", "restart_sec": 0.1, **more}


def family(book: Path, **more: Any) -> Definition:
    """Main process and three descendants, two of them in sessions of their own; pids as lines in `book`."""
    return {"command": python("family", book), "restart_sec": 0.1, **more}


def family_pids(book: Path, count: int = 4) -> list[int]:
    """The pids in the book, once all have written theirs."""
    lines = book.read_text().split() if book.exists() else []
    assert len(lines) == count, f"{len(lines)} of {count} are there"
    return [int(line) for line in lines]


def diarist(diary: Path, name: str, **more: Any) -> Definition:
    """Notes its start and its orderly end in `diary`; ready once it can do so."""
    probe = {"log_pattern": {"pattern": "^up$"}, "period_sec": 0.05}
    return {"command": python("diarist", diary, name), "readiness_probe": probe, "restart_sec": 0.1, **more}


def free_port() -> int:
    """A loopback port that was free just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
