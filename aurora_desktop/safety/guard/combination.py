"""Which keys are down on which device, and whether they make up the hotkey."""

from collections.abc import Iterable

Groups = tuple[frozenset[int], ...]


class KeyboardState:
    """The keys that are down on each device, matched by keycodes alone.

    The operator's devices count together (modifiers on one keyboard, the key on another), each synthetic device for
    itself. A combination is pressed when the last of its keys goes down; holding it repeats nothing, and other keys
    that are down besides do not hide it.
    """

    def __init__(self) -> None:
        self._groups: Groups = ()
        self._down: dict[int, set[int]] = {}
        self._physical: set[int] = set()

    @property
    def groups(self) -> Groups:
        """For each key of the combination the keycodes of which one must be down."""
        return self._groups

    def watch_for(self, groups: Groups) -> None:
        self._groups = groups

    def set_devices(self, physical: Iterable[int], synthetic: Iterable[int]) -> None:
        """The devices there are; what is known of those that stay is kept."""
        self._physical = set(physical)
        self._down = {device: self._down.get(device, set()) for device in (*self._physical, *synthetic)}

    def set_down(self, device: int, codes: Iterable[int]) -> None:
        """What is down on a device, as the display says."""
        if device in self._down:
            self._down[device] = set(codes)

    def press(self, device: int, code: int) -> bool:
        """A key goes down; whether it completes the combination."""
        down = self._down.setdefault(device, set())
        if code in down:
            return False
        down.add(code)
        return any(code in group for group in self._groups) and self._is_complete(device)

    def release(self, device: int, code: int) -> None:
        self._down.setdefault(device, set()).discard(code)

    def _is_complete(self, device: int) -> bool:
        devices = self._physical if device in self._physical else {device}
        down = set().union(*(self._down.get(each, set()) for each in devices))
        return bool(self._groups) and all(down & group for group in self._groups)
