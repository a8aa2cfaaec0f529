"""Rotation of the services' logs, which the services hold open themselves."""

import asyncio
import logging
import os
from collections.abc import Iterable
from pathlib import Path

from aurora_desktop.core.events import LogDropped, service_component
from aurora_desktop.core.settings.schema import ServiceLog
from aurora_desktop.core.storage.rotation import Rotation, copy_truncate
from aurora_desktop.supervisor.surroundings import Surroundings

log = logging.getLogger(__name__)


class LogKeeper:
    """Looks at the size of each log and rotates in a thread what is over its limit, one at a time."""

    def __init__(self, around: Surroundings) -> None:
        self._around = around
        self._stuck: set[str] = set()

    async def check(self, logs: Iterable[tuple[str, str, ServiceLog]]) -> None:
        """`logs`: the name of each service, the path of its log, and its settings."""
        for name, path, settings in logs:
            if _size(path) <= settings.max_bytes:
                continue
            rotation = await self._rotated(path, settings)
            if rotation is not None and rotation.dropped_bytes:
                self._around.publish(
                    LogDropped(
                        at=self._around.clock.wall(),
                        component=service_component(name),
                        dropped_bytes=rotation.dropped_bytes,
                        detail=rotation.detail,
                    )
                )

    async def _rotated(self, path: str, settings: ServiceLog) -> Rotation | None:
        try:
            rotation = await asyncio.to_thread(copy_truncate, Path(path), settings.max_bytes, settings.keep)
        except OSError as error:
            if path not in self._stuck:
                self._stuck.add(path)
                log.warning("%s cannot be rotated: %s", path, error)
            return None
        self._stuck.discard(path)
        return rotation


def _size(path: str) -> int:
    try:
        return os.stat(path).st_size
    except OSError:
        return 0
