"""Progress probes: an answer of the program itself, as a token. Another answer than before is activity."""

import asyncio
import hashlib
from pathlib import Path

from aurora_desktop.core.settings.schema_healing import ProgressProbe
from aurora_desktop.healing.stalls.command import MOST_OUTPUT, Runs
from aurora_desktop.healing.stalls.rule import Token
from aurora_desktop.supervisor.http_client import http_answer


async def answer(probe: ProgressProbe, folder: Path, service: str | None, run: Runs) -> Token | None:
    """What it answers now; None when it gives no answer in time, or one that says that it failed."""
    try:
        content = await _asked(probe, folder, service, run)
    except (OSError, ValueError, RuntimeError):
        return None
    return None if content is None else (hashlib.sha256(content).hexdigest(),)


async def _asked(probe: ProgressProbe, folder: Path, service: str | None, run: Runs) -> bytes | None:
    if probe.command is not None:
        ran = await run(probe.command, folder, probe.timeout_sec, service)
        return ran.output.encode() if ran.ok else None
    async with asyncio.timeout(probe.timeout_sec):  # a TimeoutError is an OSError
        status, body = await http_answer(probe.http or "", MOST_OUTPUT)
    return body if 200 <= status < 300 else None
