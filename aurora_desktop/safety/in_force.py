"""The settings in force: what tightens acts at once, what loosens safety waits for the operator."""

import math

from msgspec.structs import replace

from aurora_desktop.core.clock import Clock
from aurora_desktop.core.errors import AuroraError
from aurora_desktop.core.settings.schema import InputSettings, Settings
from aurora_desktop.safety import loosening, work_limits
from aurora_desktop.safety.messages import HOLD_S
from aurora_desktop.safety.store import SafetyStore
from aurora_desktop.safety.work_limits import OnEstop


class InForce:
    """Of mouse and keyboard, of agents at work, and of what the emergency stop does with services.

    Kept over restarts, so that settings loosened while Aurora did not run wait too.
    """

    def __init__(self, store: SafetyStore, clock: Clock, wanted: Settings) -> None:
        self._store, self._clock = store, clock
        self.wanted = wanted
        self._wanted_since = -math.inf
        # The emergency stop's word for each service that ever had one: taken out and put back, it has it still.
        self._marks: dict[str, OnEstop] = work_limits.marks_of(wanted.services)
        self.settings = self._of_last_time(wanted)
        self._put(self._tightened(wanted))

    def pending(self) -> tuple[str, ...]:
        """What waits for the operator, in words."""
        return self._pending

    def want(self, settings: Settings) -> Settings:
        """The file has these: what of them acts at once is put in force."""
        if settings != self.wanted:
            self.wanted, self._wanted_since = settings, self._clock.monotonic()
            self._put(self._tightened(settings))
        return self.settings

    def is_fresh(self) -> bool:
        """Whether the file changed within the length of a held press: nobody can have read it before pressing."""
        return self._clock.monotonic() - self._wanted_since < HOLD_S

    def confirm(self, shown: Settings, *, was_fresh: bool) -> None:
        """All that waits is put in force. Raises AuroraError when what was pressed for is not what the file has."""
        if was_fresh or shown != self.wanted:
            raise AuroraError("The settings changed while you pressed", "They may not be what you read", "Press again")
        self._marks = {}
        self._put(shown)

    def _of_last_time(self, wanted: Settings) -> Settings:
        """Those that the operator is known to want; at the first start what the file has."""
        return replace(wanted, input=self._input_of_last_time(wanted.input), **self._work_of_last_time(wanted))

    def _input_of_last_time(self, wanted: InputSettings) -> InputSettings:
        if not self._store.has("confirmed_settings"):
            return wanted
        # Not understood: what is looser than the defaults waits for the operator.
        return self._store.confirmed or InputSettings()

    def _work_of_last_time(self, wanted: Settings) -> dict[str, object]:
        if not self._store.has("confirmed_work"):
            return {}
        known = self._store.confirmed_work(wanted.tasks)
        self._marks = known.on_estop
        return {"tasks": known.tasks}

    def _tightened(self, new: Settings) -> Settings:
        old = self.settings
        return replace(
            new,
            input=loosening.tightened(old.input, new.input),
            tasks=work_limits.tightened(old.tasks, new.tasks),
            services=work_limits.tightened_services(self._marks, new.services),
        )

    def _put(self, settings: Settings) -> None:
        self._marks = {**self._marks, **work_limits.marks_of(settings.services)}
        self.settings = settings
        self._pending = (
            *loosening.loosened(settings.input, self.wanted.input),
            *work_limits.loosened(settings.tasks, self.wanted.tasks),
            *work_limits.loosened_services(self._marks, self.wanted.services),
        )
        self._store.confirm(settings.input)
        self._store.confirm_work(settings.tasks, self._marks)
