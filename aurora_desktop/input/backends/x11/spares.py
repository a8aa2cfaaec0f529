"""Spare keycodes: lent to characters that no key of the layout writes, and emptied again.

A program looks a key's meaning up when it comes to read the event, so a keycode must keep its character until then:
the one used longest ago is taken first, and only once what it wrote before is known, or long enough ago, to be read.
"""

from collections.abc import Iterable
from dataclasses import dataclass

UNANSWERED_S = 0.25  # a program that answers no ping has read a key after this; measured with xterm under load


@dataclass
class _Spare:
    code: int
    symbol: int = 0
    number: int = 0
    used_at: float = 0.0


class Spares:
    """Which symbol each spare keycode stands for. `number` counts the uses, so that an answer tells up to which."""

    def __init__(self, codes: Iterable[int] = ()) -> None:
        self._spares = {code: _Spare(code) for code in codes}
        self._by_symbol: dict[int, _Spare] = {}
        self.number = 0
        self._read_number = 0

    @property
    def codes(self) -> frozenset[int]:
        return frozenset(self._spares)

    def __len__(self) -> int:
        return len(self._spares)

    def holding(self, symbol: int) -> int | None:
        """The keycode that stands for the symbol already."""
        spare = self._by_symbol.get(symbol)
        return spare.code if spare else None

    def is_free(self, now: float, *, answers: bool) -> bool:
        """Whether a keycode can be lent now; `answers`: whether the program tells what it has read."""
        return bool(self._spares) and self._is_read(self._oldest(), now, answers=answers)

    def lend(self, symbol: int) -> int:
        """The keycode that stands for the symbol from now on; only while `is_free`."""
        spare = self._oldest()
        self._by_symbol.pop(spare.symbol, None)
        spare.symbol = symbol
        self._by_symbol[symbol] = spare
        return spare.code

    def used(self, symbol: int, now: float) -> None:
        """Its key is about to be pressed."""
        spare = self._by_symbol[symbol]
        self.number += 1
        spare.number, spare.used_at = self.number, now

    def read_up_to(self, number: int) -> None:
        """All uses up to this one have been read."""
        self._read_number = max(self._read_number, number)

    def are_read(self, now: float, *, answers: bool) -> bool:
        """Whether everything that was written with spare keycodes has been read."""
        return all(self._is_read(spare, now, answers=answers) for spare in self._by_symbol.values())

    def take_back(self) -> tuple[int, ...]:
        """The keycodes that are to be emptied; none is lent afterwards."""
        codes = tuple(spare.code for spare in self._by_symbol.values())
        self._by_symbol.clear()
        self._spares = {code: _Spare(code) for code in self._spares}
        self.number = self._read_number = 0
        return codes

    def _oldest(self) -> _Spare:
        return min(self._spares.values(), key=lambda spare: spare.number)

    def _is_read(self, spare: _Spare, now: float, *, answers: bool) -> bool:
        read = spare.number <= self._read_number
        return read or (not answers and now - spare.used_at >= UNANSWERED_S)
