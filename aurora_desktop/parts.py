"""What the house gets once its services are begun: the brake, alerts and healing, built in order.

A module of its own, so that nothing of it is imported before the services run.
"""

import asyncio
import logging
from collections.abc import Callable, Coroutine, Mapping
from typing import Literal

from aurora_desktop.brake import Brake
from aurora_desktop.core.bus import Bus
from aurora_desktop.core.clock import Clock
from aurora_desktop.core.events import AnyEvent
from aurora_desktop.core.paths import StatePaths
from aurora_desktop.core.settings.schema import Settings
from aurora_desktop.core.settings.watch import SettingsSource
from aurora_desktop.core.storage.database import Database
from aurora_desktop.core.storage.journal import Journal
from aurora_desktop.healing.alerts.alerts import Alerts
from aurora_desktop.healing.healer import Healer
from aurora_desktop.healing.stalls.override import Override
from aurora_desktop.heartbeat.health import Problem
from aurora_desktop.heartbeat.part_problems import of_alerts, of_control, of_healing
from aurora_desktop.supervisor.engine import Supervisor

BRAKE_CLOSE_S = 5.0

log = logging.getLogger(__name__)


class Parts:
    """Each reads the stream from its first event on; `rounds` go on for ever; `close` comes before the services end."""

    def __init__(
        self,
        paths: StatePaths,
        source: SettingsSource,
        *,
        clock: Clock,
        bus: Bus,
        journal: Journal,
        database: Database,
        supervisor: Supervisor,
        environment: Mapping[str, str],
        mode: Literal["desktop", "headless"],
        call_soon: Callable[[Callable[[], None]], object],
        stall_override: Override,
    ) -> None:
        """Blocking: reads what was kept; called with the loop already current."""
        settings = source.current()
        publish: Callable[[AnyEvent], object] = bus.publish
        self.brake = Brake(
            paths,
            source.path,
            settings,
            clock=clock,
            publish=publish,
            state=database,
            supervisor=supervisor,
            environment=environment,
            mode=mode,
        )
        self.alerts = Alerts(settings, clock=clock, publish=publish, database=database, secrets_folder=paths.secrets)
        self.healer = Healer(
            settings,
            paths,
            clock=clock,
            publish=publish,
            call_soon=call_soon,
            database=database,
            supervisor=supervisor,
            environment=environment,
            config_folder=source.path.parent,
            set_option=source.set_option,
            prune=lambda: asyncio.wrap_future(journal.prune()),
            recent=lambda limit: journal.recent(limit, recovery_only=True, component="machine"),
            stall_override=stall_override,
        )
        for reader in (self.brake.read, self.alerts.read, self.healer.read):
            bus.subscribe(reader)

    def rounds(self) -> tuple[Coroutine[None, None, None], ...]:
        """What is to be run as tasks: one that fails ends no other."""
        return (self.brake.begin(), self.alerts.run(), *self.healer.rounds())

    def apply(self, settings: Settings) -> None:
        """Changed settings."""
        self.brake.apply(settings)
        self.alerts.apply(settings)
        self.healer.apply(settings)

    def problems(self) -> tuple[Problem, ...]:
        """What keeps them from being well, now."""
        return (
            *of_control(self.brake.control.view()),
            *of_alerts(self.alerts.view()),
            *of_healing(self.healer.troubles()),
        )

    async def close(self) -> None:
        """Take them down, the brake first: whatever becomes of it, the services are stopped in order after it."""
        try:
            async with asyncio.timeout(BRAKE_CLOSE_S):
                await self.brake.close()
        except Exception:  # a fault of ours there must not keep the services running
            log.exception("the brake could not be taken down in order; the guard ends what is left of it")
        await self.healer.close()

    def abandon(self) -> None:
        """Let go of everything without a loop."""
        self.brake.abandon()
