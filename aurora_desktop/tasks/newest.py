"""A dict that keeps its newest entries alone."""

from typing import TypeVar

K = TypeVar("K")
V = TypeVar("V")


class Newest(dict[K, V]):
    """What an agent begins and never ends must not fill the worker's memory: of more than `most` the oldest go."""

    def __init__(self, most: int = 100) -> None:
        super().__init__()
        self._most = most

    def __setitem__(self, key: K, value: V) -> None:
        super().__setitem__(key, value)
        if len(self) > self._most:
            del self[next(iter(self))]
