"""What the window needs of the rest of the house, as one value that `app.py` fills in."""

from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Protocol

from msgspec import Struct

from aurora_desktop.core.bus import Bus
from aurora_desktop.core.events import Record
from aurora_desktop.core.settings.schema import Settings
from aurora_desktop.healing.alerts.view import AlertsFace
from aurora_desktop.healing.view import HealingFace
from aurora_desktop.heartbeat.health import Health
from aurora_desktop.input.view import InputFace
from aurora_desktop.link.view import LinkFace
from aurora_desktop.safety.view import Confirmation, ControlFace
from aurora_desktop.supervisor.view import SupervisorFace
from aurora_desktop.tasks.view import TasksFace


class SettingsFace(Protocol):
    """The settings in force, and edits of single services and channels of alerts that keep the file's comments.

    The edits write the file and raise AuroraError (with the same problems as the loader) when the result
    would be refused; then the file is as it was. The running program picks the change up by itself.
    """

    path: Path

    def current(self) -> Settings: ...

    def written(self) -> Settings:
        """As the file has them: part of it may wait for the operator."""
        ...

    async def save_service(self, name: str, values: dict[str, object], *, previous_name: str | None = None) -> None:
        """Add the service, or replace `previous_name`; `values` holds the plain keys of the file."""
        ...

    async def remove_service(self, name: str) -> None: ...

    async def add_channel(self, name: str, values: dict[str, object]) -> None:
        """Add a channel of alerts; `values` holds the plain keys of the file."""
        ...

    async def remove_channel(self, name: str) -> None: ...


class AutostartFace(Protocol):
    """Start at login. All calls may block for some 100 ms: run them in a thread."""

    def is_enabled(self) -> bool: ...

    def enable(self) -> None: ...

    def disable(self) -> None: ...


class UiContext(Struct, frozen=True, kw_only=True):
    """`recent_records(limit)` answers from the journal, oldest first, at most `limit` recovery events.

    `notify(title, body)` may take a second or two and is called in a thread; False when the desktop has no
    notification service. `offer(title, body, choices, on_choice)` is the same with buttons (key and label) and calls
    `on_choice` in any thread. `answer_question(task_id, confirmation)` answers a question of the mode `ask`; None is
    no. Without `healing` the window shows the incidents alone; without `tasks` it has no work for agents.
    `restart(reason)` makes room for a successor, and raises AuroraError where none could follow.
    """

    supervisor: SupervisorFace
    bus: Bus
    health: Callable[[], Health]
    recent_records: Callable[[int], Sequence[Record]]
    settings: SettingsFace
    autostart: AutostartFace
    quit: Callable[[str], None]
    notify: Callable[[str, str], bool]
    control: ControlFace
    input: InputFace
    answer_question: Callable[[str, Confirmation | None], Awaitable[None]]
    offer: Callable[[str, str, Sequence[tuple[str, str]], Callable[[str], None]], bool] | None = None
    alerts: AlertsFace | None = None
    healing: HealingFace | None = None
    tasks: TasksFace | None = None
    link: LinkFace | None = None
    restart: Callable[[str], None] | None = None
