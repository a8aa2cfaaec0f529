"""A clock that stands still until a test moves it."""


class FakeClock:
    """`advance` lets time pass; `jump` moves the wall clock alone, as somebody does who sets it."""

    def __init__(self, monotonic: float = 1000.0, wall: float = 1_750_000_000.0) -> None:
        self._monotonic = monotonic
        self._wall = wall

    def monotonic(self) -> float:
        return self._monotonic

    def wall(self) -> float:
        return self._wall

    def advance(self, seconds: float) -> None:
        self._monotonic += seconds
        self._wall += seconds

    def jump(self, seconds: float) -> None:
        self._wall += seconds
