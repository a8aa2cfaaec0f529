"""At most one primitive event after the permit is gone, and nothing that is held is unknown: over all interleavings.

The worker is a model that does one atomic thing at a time (ask, write down, send, write off), so that Hypothesis may
put a stop, an expiry, a crash or another arming between any two of them. The pages are the real ones.
"""

import os
from collections.abc import Iterator
from types import SimpleNamespace
from unittest.mock import patch

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from aurora_desktop.safety.messages import LEASE_S
from aurora_desktop.safety.permit import HeldTable, Permit, SharedPage, create_page, read_only

LEASE_NS = int(LEASE_S * 1e9)
KEYS = st.integers(8, 255)
PRIMITIVES = st.lists(st.tuples(st.sampled_from(("key", "button", "move")), KEYS), min_size=1, max_size=6)

Primitive = tuple[str, int]


class Display:
    """What the X server knows: how many events came, and what is down."""

    def __init__(self) -> None:
        self.events = 0
        self.down: set[Primitive] = set()

    def press(self, primitive: Primitive) -> None:
        self.events += 1
        if primitive[0] != "move":
            self.down.add(primitive)

    def release(self, primitive: Primitive) -> None:
        self.events += 1
        self.down.discard(primitive)


class Worker:
    """Obeys the rules that the real one is held to; `step` does the next atomic thing."""

    def __init__(self, generation: int, permit: Permit, held: HeldTable, display: Display) -> None:
        self.generation = generation
        self._permit, self._held, self._display = permit, held, display
        self._queue: list[Primitive] = []
        self._steps: Iterator[None] = iter(())
        self.sent_unpermitted = 0

    def submit(self, primitives: list[Primitive]) -> None:
        self._queue += primitives

    def step(self) -> None:
        try:
            next(self._steps)
        except StopIteration:
            if self._queue:
                self._steps = self._perform(self._queue.pop(0))

    def _perform(self, primitive: Primitive) -> Iterator[None]:
        """Press and release; a move has no release."""
        if not self._permit.allows(self.generation):
            return
        yield
        self._write_down(primitive)
        yield
        self._held.begin_event()
        yield
        self._count()
        self._display.press(primitive)
        yield
        self._held.end_event()
        yield
        if primitive[0] != "move":
            yield from self._let_go(primitive)

    def _let_go(self, primitive: Primitive) -> Iterator[None]:
        """A release is always permitted: it only takes back."""
        self._display.release(primitive)
        yield
        kind, number = primitive
        (self._held.drop_key if kind == "key" else self._held.drop_button)(number)

    def _write_down(self, primitive: Primitive) -> None:
        kind, number = primitive
        if kind == "key":
            self._held.hold_key(number)
        elif kind == "button":
            self._held.hold_button(number)

    def _count(self) -> None:
        self.sent_unpermitted += not self._permit.allows(self.generation)


def _number(kind: str, number: int) -> int:
    return number % 9 + 1 if kind == "button" else number


class Chain(RuleBasedStateMachine):
    """The guard's side is spoken by the rules."""

    def __init__(self) -> None:
        super().__init__()
        self.now_ns = 1_000_000_000
        self._clock = patch("aurora_desktop.safety.permit.time", SimpleNamespace(monotonic_ns=lambda: self.now_ns))
        self._clock.start()
        self.permit_fd, self.held_fd = create_page("permit"), create_page("held")
        reading = read_only(self.permit_fd)
        self.pages = [
            SharedPage(self.permit_fd, writable=True),
            SharedPage(reading, writable=False),
            SharedPage(self.held_fd, writable=True),
            SharedPage(self.held_fd, writable=False),
        ]
        os.close(reading)
        self.permit = Permit(self.pages[0])
        self.held = HeldTable(self.pages[3])
        self.display = Display()
        self.worker: Worker | None = None
        self.ended: list[Worker] = []
        self.generation = 0

    def teardown(self) -> None:
        self._clock.stop()
        for page in self.pages:
            page.close()
        os.close(self.permit_fd)
        os.close(self.held_fd)

    @initialize()
    def nothing_is_permitted_at_first(self) -> None:
        assert self.permit.generation == 0

    @precondition(lambda self: self.worker is None)
    @rule()
    def arm(self) -> None:
        self.generation += 1
        HeldTable(self.pages[2]).clear()
        self.permit.grant(self.generation, self.now_ns + LEASE_NS)
        self.worker = Worker(self.generation, Permit(self.pages[1]), HeldTable(self.pages[2]), self.display)

    @precondition(lambda self: self.worker is not None)
    @rule(primitives=PRIMITIVES)
    def submit(self, primitives: list[Primitive]) -> None:
        assert self.worker is not None
        self.worker.submit([(kind, _number(kind, number)) for kind, number in primitives])

    @precondition(lambda self: self.worker is not None)
    @rule(steps=st.integers(1, 9))
    def the_worker_runs(self, steps: int) -> None:
        assert self.worker is not None
        for _ in range(steps):
            self.worker.step()

    @rule(milliseconds=st.sampled_from((1, 20, 149, 150, 151, 10_000)))
    def time_passes(self, milliseconds: int) -> None:
        self.now_ns += milliseconds * 1_000_000

    @precondition(lambda self: self.permit.generation != 0)
    @rule()
    def renew(self) -> None:
        """As the guard does: a lease that ran out is not made good again."""
        if self.now_ns < self.permit.deadline_ns:
            self.permit.extend(self.now_ns + LEASE_NS)

    @rule()
    def revoke(self) -> None:
        self.permit.revoke()

    @precondition(lambda self: self.worker is not None)
    @rule()
    def crash_or_kill(self) -> None:
        """SIGKILL between any two atomic things; then the guard releases what the table names."""
        assert self.worker is not None
        self.permit.revoke()
        self.ended.append(self.worker)
        self.worker = None
        self.display.down -= self._known()
        assert not self.display.down

    @invariant()
    def at_most_one_event_was_sent_without_permit(self) -> None:
        workers = [*self.ended, *([self.worker] if self.worker else [])]
        assert all(worker.sent_unpermitted <= 1 for worker in workers)

    @invariant()
    def whatever_is_down_is_in_the_table(self) -> None:
        assert self.display.down <= self._known()

    def _known(self) -> set[Primitive]:
        codes, buttons = self.held.keys(), self.held.buttons()
        return {("key", code) for code in codes} | {("button", button) for button in buttons}

    @invariant()
    def the_workers_page_says_the_same_as_the_guards(self) -> None:
        assert Permit(self.pages[1]).generation == self.permit.generation


TestChain = Chain.TestCase


def test_the_worker_cannot_write_the_permit() -> None:
    fd = create_page("permit")
    reading = read_only(fd)
    page = SharedPage(reading, writable=False)
    with pytest.raises(TypeError):
        Permit(page).grant(1, 2)
    page.close()
    os.close(reading)
    os.close(fd)


@pytest.mark.parametrize("code", [0, 8, 63, 64, 127, 128, 191, 192, 255])
def test_every_keycode_has_a_place_of_its_own(code: int) -> None:
    fd = create_page("held")
    page = SharedPage(fd, writable=True)
    held = HeldTable(page)
    held.hold_key(code)
    held.remap(255 - code)
    assert (held.keys(), held.remapped()) == ((code,), (255 - code,))
    held.drop_key(code)
    assert (held.keys(), held.remapped()) == ((), (255 - code,))
    held.unmap(255 - code)
    assert not held.remapped()
    page.close()
    os.close(fd)
