"""What is seen of somebody beside the workspace: the process tree of the service, and answers of progress probes."""

import asyncio
from collections.abc import Callable
from pathlib import Path

from aurora_desktop.core.settings.schema import Service
from aurora_desktop.healing.stalls.command import Runs
from aurora_desktop.healing.stalls.entry import Entry, Extra
from aurora_desktop.healing.stalls.progress import answer
from aurora_desktop.healing.stalls.roster import Watched
from aurora_desktop.healing.stalls.rule import Token
from aurora_desktop.healing.stalls.sockets import Traffic
from aurora_desktop.healing.stalls.trees import TreeMeter
from aurora_desktop.supervisor.processes import ProcessTable
from aurora_desktop.supervisor.tree import Tree

PROBES_AT_ONCE = 8


class Beside:
    """`tree` gives the processes of a service that may be judged, `service` its definition."""

    def __init__(
        self,
        table: ProcessTable,
        tree: Callable[[str], Tree | None],
        service: Callable[[str], Service | None],
        run: Runs,
    ) -> None:
        self._meter = TreeMeter(table)
        self._tree = tree
        self._service = service
        self._run = run
        self._asking = asyncio.Semaphore(PROBES_AT_ONCE)

    async def of(self, special: list[Entry]) -> dict[str, Extra]:
        if not special:
            return {}
        cpu_s, network = await self._of_trees(special)
        answers = await self._answers(special)
        return {one.component: _extra(one.watched, cpu_s, network, answers.get(one.component)) for one in special}

    async def _of_trees(self, entries: list[Entry]) -> tuple[dict[str, float], dict[str, Token]]:
        """CPU seconds and network traffic of each service that is asked for them."""
        watched = [one.watched for one in entries if one.watched.service is not None]
        names = {one.service for one in watched if one.service and (one.has("cpu") or one.has("network"))}
        if not names:
            return {}, {}
        everyone = await asyncio.to_thread(self._meter.snapshot)
        trees = {name: tree for name in names if (tree := self._tree(name)) is not None}
        cpu_s = self._meter.cpu_s(trees, everyone)
        on_network = [one.service for one in watched if one.service and one.has("network")]
        return cpu_s, await asyncio.to_thread(self._traffic, on_network) if on_network else {}

    def _traffic(self, names: list[str]) -> dict[str, Token]:
        return self._meter.traffic(names, Traffic())

    async def _answers(self, entries: list[Entry]) -> dict[str, Token | None]:
        asked = [one for one in entries if one.watched.rule.probe is not None and one.watched.has("probe")]
        answers = await asyncio.gather(*(self._answer(one.watched) for one in asked))
        return {one.component: token for one, token in zip(asked, answers, strict=True)}

    async def _answer(self, watched: Watched) -> Token | None:
        if watched.rule.probe is None:
            return None
        async with self._asking:
            return await answer(watched.rule.probe, self._folder(watched), watched.service, self._run)

    def _folder(self, watched: Watched) -> Path:
        """Where its commands run: its workspace, or the folder of its service."""
        if watched.workspace is not None:
            return watched.workspace
        spec = self._service(watched.service or "")
        return Path.home() / Path(spec.cwd).expanduser() if spec is not None and spec.cwd else Path.home()


def is_special(watched: Watched) -> bool:
    """Whether there is more to it than its workspace."""
    return watched.service is not None or watched.rule.probe is not None


def _extra(watched: Watched, cpu_s: dict[str, float], network: dict[str, Token], answered: Token | None) -> Extra:
    tokens: dict[str, Token] = {} if answered is None else {"probe": answered}
    service = watched.service or ""
    if watched.has("network") and service in network:
        tokens["network"] = network[service]
    return Extra(tokens, cpu_s.get(service) if watched.has("cpu") else None)
