"""What a failure is, and which remedies there are for it: the declared kinds and the user's own patterns together."""

import asyncio
import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

from msgspec.structs import replace

from aurora_desktop.core.settings.schema import Settings
from aurora_desktop.core.storage.rotation import tail
from aurora_desktop.healing.faults import Fault, Sighting, service_of
from aurora_desktop.healing.memory.face import Memory
from aurora_desktop.healing.remedies import matcher
from aurora_desktop.healing.remedies.choice import Choice
from aurora_desktop.healing.remedies.gated import GatedFixes
from aurora_desktop.healing.remedies.kinds import MOST_LINES, KindRegistry
from aurora_desktop.healing.remedies.recognise import UNKNOWN, next_step, recognise, searched
from aurora_desktop.healing.remedies.remedy import Remedy
from aurora_desktop.healing.remedies.user import OwnRemedy, own_remedies
from aurora_desktop.healing.view import RemedyView
from aurora_desktop.healing.yard import Tended
from aurora_desktop.supervisor.spawn import secrets

log = logging.getLogger(__name__)


class Diagnosis:
    """`kinds` and `built_in` are the catalogue; the user's own come from the settings, also later ones (`apply`).

    `tell_problem` is called with what is wrong with a remedy of the user's.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        kinds: KindRegistry,
        built_in: Sequence[Remedy],
        tended: Tended,
        memory: Memory,
        gate: GatedFixes,
        tell_problem: Callable[[str], None],
    ) -> None:
        self._settings = settings
        self._kinds = kinds
        self._built_in = tuple(built_in)
        self._tended = tended
        self._gate = gate
        self._tell_problem = tell_problem
        self._own: tuple[OwnRemedy, ...] = own_remedies(settings, gate)
        self._exploded: dict[str, str] = {}
        self._choice = Choice(memory)

    def apply(self, settings: Settings) -> None:
        """Changed settings: a pattern that exploded is tried anew once it is another."""
        self._settings = settings
        self._own = own_remedies(settings, self._gate)
        declared = {own.name: own.declared.pattern for own in self._own}
        self._exploded = {name: p for name, p in self._exploded.items() if declared.get(name) == p}

    # --- what it is -------------------------------------------------------------------------------------------

    async def with_lines(self, sighting: Sighting) -> Sighting:
        """The end of the log for what is told without lines."""
        name = service_of(sighting.component)
        if sighting.lines or name is None:
            return sighting
        return replace(sighting, lines=await asyncio.to_thread(self._log_tail, name))

    async def recognised(self, sighting: Sighting) -> Fault:
        """By what the failure was told with; by more of the log where that says nothing."""
        fault = await self.searched(sighting)
        name = service_of(sighting.component)
        if fault.kind != UNKNOWN or name is None or sighting.event != "service_failed":
            return fault
        more = await asyncio.to_thread(self._log_tail, name)
        if len(more) <= len(sighting.lines):
            return fault
        wider = await self.searched(replace(sighting, lines=more))
        return fault if wider.kind == UNKNOWN else wider

    async def searched(self, sighting: Sighting) -> Fault:
        own = await self._own_matches(sighting)
        return await asyncio.to_thread(recognise, sighting, self._kinds, own)

    async def _own_matches(self, sighting: Sighting) -> dict[str, matcher.Match]:
        """What the user's remedies find. One that explodes is told once, and left out until it is changed."""
        name = service_of(sighting.component)
        texts = searched(sighting)
        while True:
            patterns = {
                own.name: own.declared.pattern
                for own in self._own
                if own.is_for(name) and own.name not in self._exploded
            }
            try:
                matches = await matcher.search(patterns, texts)
            except OSError as error:
                log.warning("the remedies of the settings could not be searched for: %s", error)
                return {}
            if not matches.exploded:
                return matches.found
            self._exploded[matches.exploded] = patterns[matches.exploded]
            self._tell_problem(
                f"the pattern of your remedy `{matches.exploded}` takes too long on what a service printed, so it is"
                " left out until it is changed: make it simpler, without repetitions inside of repetitions"
            )

    def _log_tail(self, name: str) -> tuple[str, ...]:
        """Blocking; without the values of its `env` and its `env_file`."""
        view, spec = self._tended.view(name), self._tended.definition(name)
        if view is None or spec is None or not view.log_path:
            return ()
        hidden = secrets(spec)
        return tuple(hidden.masked(line) for line in tail(Path(view.log_path), MOST_LINES))

    def next_step(self, fault: Fault) -> str:
        """What to do where no remedy helps, in words; "" for what nobody knows."""
        return next_step(fault, self._kinds)

    # --- what helps -------------------------------------------------------------------------------------------

    async def ordered(self, fault: Fault) -> list[Remedy]:
        """Those for this fault that the settings allow, in the order in which they are tried."""
        return await self._choice.ordered(fault, self._allowed(fault))

    def _allowed(self, fault: Fault) -> list[Remedy]:
        own: Iterable[Remedy] = (
            own for own in self._own if own.is_for(fault.service) and f"{own.name}." in fault.facts
        )
        return [*own, *(r for r in self._built_in if self._is_on(r) and fault.kind in r.kinds)]

    def _is_on(self, built_in: Remedy) -> bool:
        """A remedy of the user's takes the place of one of its name."""
        healing = self._settings.healing
        return built_in.name not in healing.off and built_in.name not in healing.remedies

    def remedy(self, name: str) -> Remedy | None:
        return next((remedy for remedy in (*self._own, *self._built_in) if remedy.name == name), None)

    def views(self, counts: Mapping[str, tuple[int, int]]) -> tuple[RemedyView, ...]:
        """All remedies, those of the settings first; `counts` is how often each was tried and worked."""
        own = [self._view(r, counts, own=r, enabled=r.name not in self._exploded) for r in self._own]
        return (*own, *(self._view(remedy, counts, enabled=self._is_on(remedy)) for remedy in self._built_in))

    def _view(
        self, remedy: Remedy, counts: Mapping[str, tuple[int, int]], *, enabled: bool, own: OwnRemedy | None = None
    ) -> RemedyView:
        patterns = [own.declared.pattern] if own is not None else [
            pattern for name in remedy.kinds if (kind := self._kinds.get(name)) for pattern in kind.patterns
        ]  # fmt: skip
        tried, worked = counts.get(remedy.name, (0, 0))
        return RemedyView(
            name=remedy.name, kinds=remedy.kinds, summary=remedy.summary, recognises=tuple(patterns),
            verifies=remedy.verifies, undoes=remedy.undoes, invasiveness=int(remedy.invasiveness), asks=remedy.asks,
            enabled=enabled and self._settings.healing.enabled, own=own is not None, tried=tried, worked=worked,
        )  # fmt: skip
