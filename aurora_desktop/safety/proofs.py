"""How the operator proves to be there: a held press that the guard vouches for, or the passphrase; the stop drill."""

import asyncio
from collections.abc import Callable

from aurora_desktop.core.clock import Clock
from aurora_desktop.core.errors import AuroraError
from aurora_desktop.safety.chain import Chain
from aurora_desktop.safety.messages import DRILL_S, Drill
from aurora_desktop.safety.passphrase import Passphrase
from aurora_desktop.safety.store import SafetyStore
from aurora_desktop.safety.view import Confirmation, HotkeyState

PASSPHRASE_S = 180.0


class Proofs:
    """Asks the guard and the passphrase's file; `hotkey` is the one in force now."""

    def __init__(
        self, clock: Clock, chain: Chain, store: SafetyStore, passphrase: Passphrase, hotkey: Callable[[], str]
    ) -> None:
        self._clock, self._chain, self._store = clock, chain, store
        self._passphrase, self._hotkey = passphrase, hotkey
        self._drill_until = 0.0
        self._passphrase_until = float("-inf")

    # --- a press or the passphrase ----------------------------------------------------------------------------

    @property
    def needs_passphrase(self) -> bool:
        """Whether a press can prove nothing here, or the operator chose the passphrase instead."""
        return self._chain.is_up and (not self._chain.tells_physical or self.has_passphrase)

    @property
    def has_passphrase(self) -> bool:
        return self._passphrase.is_set()

    async def confirm(self, confirmation: Confirmation) -> None:
        """Raises AuroraError when it was not the operator."""
        if confirmation.passphrase:
            await asyncio.to_thread(self._passphrase.check, confirmation.passphrase)
        else:
            await self._chain.confirm(confirmation)

    async def allow_passphrase(self, confirmation: Confirmation) -> None:
        """Let a first passphrase be set within PASSPHRASE_S. Raises AuroraError."""
        await self.confirm(confirmation)
        self._passphrase_until = self._clock.monotonic() + PASSPHRASE_S

    async def set_passphrase(self, passphrase: str) -> None:
        """Set the first one; where presses can be told, one must have allowed it. Raises AuroraError."""
        if self.has_passphrase:
            raise AuroraError(
                "There is a passphrase already",
                str(self._passphrase.path),
                "Remove that file by hand to begin anew; the latch stays",
            )
        if self._chain.is_up and self._chain.tells_physical and self._clock.monotonic() > self._passphrase_until:
            raise AuroraError("A held press comes first", "This session can tell your press from a program's")
        await asyncio.to_thread(self._passphrase.set, passphrase)

    # --- the stop key -----------------------------------------------------------------------------------------

    def hotkey_state(self) -> HotkeyState:
        """Whether the stop key is heard, and was ever pressed in a drill."""
        if not self._chain.is_up:
            return "off"
        if not self._chain.is_listening:
            return "lost"
        return "proven" if self._is_proven() else "listening"

    def refuse_unless_proven(self) -> None:
        """Raises AuroraError."""
        if not self._is_proven():
            raise AuroraError(
                "Prove the stop key first",
                f"{self._hotkey()} was never pressed in a stop drill",
                "Start the drill on the page Input and press it once",
            )

    @property
    def drills(self) -> bool:
        """Whether a drill is under way."""
        return self._clock.monotonic() < self._drill_until

    def set_drill(self, *, on: bool) -> None:
        """Begin or end one; it ends by itself."""
        self._drill_until = self._clock.monotonic() + DRILL_S if on else 0.0
        self._chain.send(Drill(on))

    def proven(self, hotkey: str) -> None:
        """It was pressed, which ends the drill."""
        self._drill_until = 0.0
        self._store.prove(hotkey)

    def _is_proven(self) -> bool:
        return self._store.proven_hotkey == self._hotkey()
