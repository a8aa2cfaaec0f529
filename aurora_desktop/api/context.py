"""What the door needs of the rest of the house, as one value that `app.py` fills in."""

from collections.abc import Callable
from typing import Literal

from msgspec import Struct

from aurora_desktop.core.bus import Bus
from aurora_desktop.core.events import Heartbeat, Record
from aurora_desktop.core.paths import StatePaths
from aurora_desktop.core.settings.schema import Settings
from aurora_desktop.core.storage.database import Database
from aurora_desktop.healing.alerts.view import AlertsFace
from aurora_desktop.healing.view import HealingFace
from aurora_desktop.heartbeat.health import Health
from aurora_desktop.input.view import InputFace
from aurora_desktop.link.view import LinkFace
from aurora_desktop.safety.view import BrakeFace
from aurora_desktop.supervisor.view import SupervisorFace
from aurora_desktop.tasks.view import TasksFace


class ApiContext(Struct, frozen=True, kw_only=True):
    """All calls are made on the loop's thread, those of `since` on any.

    since(id, limit, component): the first records of the journal after `id`, oldest first, at most `limit`, of one
    component or (None) of all, what is not committed yet included. raise_window: False when there is no window.
    quit(reason): begins the ordered stop and returns at once; restart(reason) the same, for a successor in the same
    process. started_at: reading of `time.monotonic()` when the program started. control, input, healing, tasks,
    link: None where this program has none. database: of the state, where idempotency keys are kept. The door knows
    the brake alone: nothing that comes in here can arm or reset.
    """

    supervisor: SupervisorFace
    health: Callable[[], Health]
    heartbeat: Callable[[], Heartbeat | None]
    bus: Bus
    since: Callable[[int, int, str | None], list[Record]]
    paths: StatePaths
    settings: Callable[[], Settings]
    raise_window: Callable[[], bool]
    quit: Callable[[str], None]
    restart: Callable[[str], None]
    started_at: float
    mode: Literal["desktop", "headless"]
    database: Database | None = None
    control: BrakeFace | None = None
    input: InputFace | None = None
    alerts: AlertsFace | None = None
    healing: HealingFace | None = None
    tasks: TasksFace | None = None
    link: LinkFace | None = None
