"""The input settings in force: what tightens acts at once, what loosens waits for the operator."""

import math

from aurora_desktop.core.clock import Clock
from aurora_desktop.core.errors import AuroraError
from aurora_desktop.core.settings.schema import InputSettings
from aurora_desktop.safety.loosening import loosened, tightened
from aurora_desktop.safety.messages import HOLD_S
from aurora_desktop.safety.store import SafetyStore


class InForce:
    """Kept over restarts, so that settings loosened while Aurora did not run wait too."""

    def __init__(self, store: SafetyStore, clock: Clock, wanted: InputSettings) -> None:
        self._store, self._clock = store, clock
        self._wanted, self._wanted_since = wanted, -math.inf
        confirmed = store.confirmed
        if confirmed is None and store.was_confirmed:
            confirmed = InputSettings()  # not understood: what is looser than the defaults waits for the operator
        self.settings = wanted if confirmed is None else tightened(confirmed, wanted)
        if confirmed is None:
            store.confirm(wanted)
        self._pending = self._loosened()

    @property
    def wanted(self) -> InputSettings:
        """As the file has them."""
        return self._wanted

    def pending(self) -> tuple[str, ...]:
        """What waits for the operator, in words."""
        return self._pending

    def _loosened(self) -> tuple[str, ...]:
        """Worked out when one of them changes: it is asked for at every look."""
        return loosened(self.settings, self._wanted)

    def want(self, settings: InputSettings) -> InputSettings:
        """The file changed: what is to be put in force of it at once."""
        if settings != self._wanted:
            self._wanted, self._wanted_since = settings, self._clock.monotonic()
            self._pending = self._loosened()
        return tightened(self.settings, settings)

    def is_fresh(self) -> bool:
        """Whether the file changed within the length of a held press: nobody can have read it before pressing."""
        return self._clock.monotonic() - self._wanted_since < HOLD_S

    def put(self, settings: InputSettings) -> None:
        """These are in force."""
        self.settings = settings
        self._pending = self._loosened()
        self._store.confirm(settings)

    def refuse_if_changed(self, shown: InputSettings, *, was_fresh: bool) -> None:
        """Raises AuroraError when what was pressed for is not what the file has."""
        if was_fresh or shown != self._wanted:
            raise AuroraError("The settings changed while you pressed", "They may not be what you read", "Press again")
