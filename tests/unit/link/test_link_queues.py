"""Outbox and inbox: what is on disk, what is refused, what is told once."""

import asyncio
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest
from core.clocks import FakeClock
from hypothesis import given, settings
from hypothesis import strategies as st

from aurora_desktop.core.errors import AuroraError, NotNowError
from aurora_desktop.core.link_events import LinkMessageFailed, LinkMessageReceived
from aurora_desktop.core.settings.schema_link import LinkInbound, LinkOutbox, LinkSettings
from aurora_desktop.core.settings.values import ByteSize
from aurora_desktop.core.storage.database import Database
from aurora_desktop.link.caller import Caller
from aurora_desktop.link.cloudbrain import PAGE, Message, Outgoing, Page
from aurora_desktop.link.errors import OutboxFullError
from aurora_desktop.link.exchange import Exchange
from aurora_desktop.link.failure import LinkError
from aurora_desktop.link.inbox import Inbox
from aurora_desktop.link.outbox import MOST_CONTENT_BYTES, Outbox
from aurora_desktop.link.standing import Standing
from aurora_desktop.link.throttle import Throttle
from aurora_desktop.link.view import OutgoingView

from .rig import FakeTasks, Told, open_database


def lived(work: Coroutine[Any, Any, None]) -> None:
    asyncio.run(work)


class Bearer:
    """A token that always holds."""

    async def current(self) -> str:
        return "t"

    def reject(self, token: str) -> None:
        """It always holds."""


class Post:
    """A server of messages alone: `fails` are raised by the next sends; `takes`: those arrive all the same."""

    def __init__(self) -> None:
        self.sent_: list[Outgoing] = []
        self.mail: list[Message] = []
        self.fails: list[LinkError] = []
        self.takes = False
        self.lists_keys = True
        self.knows_not = "404"
        self.pages = 0
        self.fails_at_page: int | None = None

    async def send(self, token: str, message: Outgoing) -> str:
        if message.recipient == self.knows_not:
            raise LinkError("absent", "it answered 404: no such recipient")
        failure = self.fails.pop(0) if self.fails else None
        if failure is None or self.takes:
            self.sent_.append(message)
        if failure is not None:
            raise failure
        return str(len(self.sent_))

    async def sent(self, token: str, offset: int) -> Page:
        listed = [
            Message(
                str(number), "me", m.recipient, "", m.content, m.kind, "", m.key if self.lists_keys else "",
                shows_key=self.lists_keys,
            )
            for number, m in enumerate(self.sent_, 1)
        ]  # fmt: skip
        return Page(tuple(listed[::-1][offset : offset + PAGE]), len(listed))

    async def inbox(self, token: str, offset: int) -> Page:
        self.pages += 1
        if self.pages == self.fails_at_page:
            raise LinkError("unreachable", "cut")
        return Page(tuple(self.mail[::-1][offset : offset + PAGE]), len(self.mail))

    def post(self, content: str, kind: str = "text", sender: str = "17", key: str = "") -> None:
        self.mail.append(Message(f"m{len(self.mail)}", sender, "me", "", content, kind, "then", key))


class Desk:
    """Both queues on a real database, and a server of messages."""

    def __init__(self, folder: Path, post: Post | None = None, told: Told | None = None, **settings: Any) -> None:
        self._is_closed = False
        self.clock, self.post, self.told, self.tasks = FakeClock(), post or Post(), told or Told(), FakeTasks()
        self.database: Database = open_database(folder)
        self.settings = LinkSettings(**settings)
        standing = Standing(self.clock, self.told.publish)
        call = Caller(Bearer(), Throttle(10**6), self.clock, lambda: 0.5, lambda _: None)  # type: ignore[arg-type]  # what it calls of it
        self.outbox = Outbox(self.database, self.clock, self.settings.outbox)
        self.inbox = Inbox(self.database, self.clock)
        self.exchange = Exchange(
            self.settings, self.outbox, self.inbox, clock=self.clock, publish=self.told.publish, standing=standing,
            server=self.post, call=call, tasks=self.tasks, journal=self.told, chance=lambda: 0.5,  # type: ignore[arg-type]  # the three that it calls
        )  # fmt: skip

    async def add(self, content: str, recipient: str = "9", key: str = "") -> OutgoingView:
        return await self.outbox.add(recipient, content, "", "text", key)

    async def send_all(self) -> None:
        """Until nothing waits, whatever it is put off."""
        rounds = asyncio.ensure_future(self.exchange.send_rounds())
        try:
            async with asyncio.timeout(60):
                while len(self.outbox):
                    await asyncio.sleep(0)
                    message, due = self.outbox.next()
                    if message is None and due is not None:
                        self.clock.advance(due - self.clock.monotonic())
                        self.outbox.changed.set()
        finally:
            rounds.cancel()
            await asyncio.gather(rounds, return_exceptions=True)

    def close(self) -> None:
        """Once; what is under way is written first."""
        if not self._is_closed:
            self._is_closed = True
            self.database.close()


@pytest.fixture
def desk(tmp_path: Path) -> Any:
    made: list[Desk] = []

    def make(**given: Any) -> Desk:
        made.append(Desk(tmp_path, **given))
        return made[-1]

    yield make
    for each in made:
        each.close()


Make = Callable[..., Desk]


def contents(desk: Desk) -> list[str]:
    return [message.content for message in desk.post.sent_]


# Out


def test_what_was_taken_is_there_after_a_crash_and_in_order(desk: Make) -> None:
    async def live() -> None:
        first = desk()
        for number in range(5):
            await first.add(str(number))
        second = desk()  # nothing of the first was closed
        assert len(second.outbox) == 5
        await second.send_all()
        assert contents(second) == ["0", "1", "2", "3", "4"]
        second.close()
        third = desk()
        assert (len(third.outbox), third.outbox.view().sent) == (0, 5)

    lived(live())


def test_one_key_is_one_message_over_restarts(desk: Make) -> None:
    async def live() -> None:
        first = desk()
        one, two = await asyncio.gather(first.add("a", key="k"), first.add("a", key="k"))
        assert one == two
        await first.send_all()
        first.close()
        assert (await desk().add("a", key="k")).status == "sent"
        assert contents(first) == ["a"]

    lived(live())


@pytest.mark.parametrize("lists_keys", [True, False])
@pytest.mark.parametrize("has_arrived", [True, False])
def test_what_is_in_doubt_is_looked_for_before_it_is_sent_again(
    desk: Make, has_arrived: bool, lists_keys: bool
) -> None:
    async def live() -> None:
        ours = desk()
        ours.post.takes, ours.post.lists_keys = has_arrived, lists_keys
        ours.post.fails = [LinkError("unreachable", "cut", is_doubtful=True)]
        await ours.add("once")
        await ours.send_all()
        assert contents(ours) == ["once"]

    lived(live())


@pytest.mark.parametrize("restarts", [False, True])
@pytest.mark.parametrize("has_arrived", [True, False])
def test_without_keys_an_earlier_one_of_the_same_words_is_not_taken_for_it(
    desk: Make, has_arrived: bool, restarts: bool
) -> None:
    async def live() -> None:
        ours = desk()
        ours.post.lists_keys = False
        await ours.add("all is well")
        await ours.send_all()
        if restarts:
            ours.close()
            ours = desk(post=ours.post)
        ours.post.takes = has_arrived
        ours.post.fails = [LinkError("unreachable", "cut", is_doubtful=True)]
        await ours.add("all is well")
        await ours.send_all()
        assert contents(ours) == ["all is well"] * 2

    lived(live())


def test_without_keys_the_same_words_to_somebody_else_are_not_taken_for_it(desk: Make) -> None:
    async def live() -> None:
        ours = desk()
        ours.post.lists_keys = False
        ours.post.sent_.append(Outgoing("of another program", "8", "", "hello", "text"))
        ours.post.fails = [LinkError("unreachable", "cut", is_doubtful=True)]
        await ours.add("hello")
        await ours.send_all()
        assert [(m.recipient, m.content) for m in ours.post.sent_] == [("8", "hello"), ("9", "hello")]

    lived(live())


def test_the_ids_of_what_arrived_are_kept_and_not_for_ever(desk: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("aurora_desktop.link.outbox._IDS_KEPT", 3)

    async def live() -> None:
        ours = desk()
        for number in range(5):
            await ours.add(str(number))
        await ours.send_all()
        assert [n for n in range(1, 6) if ours.outbox.has_arrived(str(n))] == [3, 4, 5]
        ours.clock.advance(8 * 86_400.0)
        ours.outbox.prune()
        ours.close()
        again = desk()
        assert ([n for n in range(1, 6) if again.outbox.has_arrived(str(n))], again.outbox.sent_count) == ([3, 4, 5], 3)

    lived(live())


def test_a_crash_between_sending_and_noting_it_sends_nothing_twice(desk: Make) -> None:
    async def live() -> None:
        first = desk()
        await first.add("once")
        message, _ = first.outbox.next()
        assert message is not None
        begun = await first.outbox.begin(message)
        await first.post.send("t", begun.outgoing)  # and then it ended
        second = desk(post=first.post)
        await second.send_all()
        assert contents(second) == ["once"]

    lived(live())


def test_a_failed_look_leaves_the_doubt(desk: Make) -> None:
    class Blind(Post):
        looks = 0

        async def sent(self, token: str, offset: int) -> Page:
            self.looks += 1
            if self.looks < 3:
                raise LinkError("throttled", "slow down")
            return await super().sent(token, offset)

    async def live() -> None:
        ours = desk(post=Blind())
        ours.post.takes = True
        ours.post.fails = [LinkError("server", "it answered 500", is_doubtful=True)]
        await ours.add("once")
        await ours.send_all()
        assert contents(ours) == ["once"]

    lived(live())


def test_a_message_that_is_not_taken_is_a_dead_letter_and_holds_up_nobody(desk: Make) -> None:
    async def live() -> None:
        ours = desk()
        await ours.add("to nobody", recipient="404")
        await ours.add("to somebody")
        await ours.send_all()
        assert contents(ours) == ["to somebody"]
        (failed,) = ours.told.of(LinkMessageFailed)
        assert (failed.cause, failed.tries) == ("it answered 404: no such recipient", 2)
        ours.close()
        assert desk().outbox.view().dead[0].cause == "it answered 404: no such recipient"

    lived(live())


def test_dead_letters_are_sent_again_by_a_word_and_looked_for_first(desk: Make) -> None:
    async def live() -> None:
        ours = desk()
        for number in range(3):
            await ours.add(f"to nobody {number}", recipient="404", key=f"k{number}")
        await ours.send_all()
        assert (ours.outbox.view().dead_count, contents(ours)) == (3, [])
        ours.post.knows_not = ""
        ours.post.sent_.append(Outgoing("k1", "404", "", "to nobody 1", "text"))  # it had arrived after all
        await ours.outbox.retry_dead("k2")
        await ours.send_all()
        assert (ours.outbox.view().dead_count, contents(ours)) == (2, ["to nobody 1", "to nobody 2"])
        await ours.outbox.retry_dead("")
        await ours.send_all()
        assert contents(ours) == ["to nobody 1", "to nobody 2", "to nobody 0"]
        ours.close()
        again = desk().outbox.view()
        assert (again.dead_count, again.dead, again.sent) == (0, (), 3)

    lived(live())


@pytest.mark.parametrize("arrives", [True, False])
def test_what_is_just_being_sent_is_not_given_up(desk: Make, arrives: bool) -> None:
    """Else it would be a dead letter that has arrived, or one that is sent all the same."""

    class Slow(Post):
        async def send(self, token: str, message: Outgoing) -> str:
            ours.clock.advance(86_401)
            ours.exchange.bury_old()
            return await super().send(token, message)

    async def live() -> None:
        nonlocal ours
        ours = desk(post=Slow(), outbox=LinkOutbox(max_age_days=1))
        ours.post.fails = [] if arrives else [LinkError("unreachable", "cut")]
        await ours.add("old")
        await ours.send_all()
        view = ours.outbox.view()
        assert (contents(ours), view.sent, view.dead_count) == (["old"], 1, 0)
        assert ours.told.of(LinkMessageFailed) == []

    ours: Desk
    lived(live())


def test_dead_letters_that_are_old_get_their_whole_time_again(desk: Make) -> None:
    async def live() -> None:
        ours = desk(outbox=LinkOutbox(max_age_days=1))
        await ours.add("old")
        ours.clock.advance(86_401)
        ours.exchange.bury_old()
        await ours.outbox.retry_dead("")
        ours.exchange.bury_old()
        await ours.send_all()
        assert contents(ours) == ["old"]

    lived(live())


def test_dead_letters_are_forgotten_by_a_word(desk: Make) -> None:
    async def live() -> None:
        ours = desk()
        for key in ("k1", "k2"):
            await ours.add("to nobody", recipient="404", key=key)
        await ours.send_all()
        await ours.outbox.forget_dead("k1")
        assert [each.key for each in ours.outbox.view().dead] == ["k2"]
        for settle in (ours.outbox.forget_dead, ours.outbox.retry_dead):
            with pytest.raises(AuroraError, match="no such dead letter"):
                await settle("k1")
        await ours.outbox.forget_dead("")
        assert ours.outbox.view().dead_count == 0
        ours.close()
        assert desk().outbox.view().dead_count == 0

    lived(live())


def test_dead_letters_wait_for_room(desk: Make) -> None:
    async def live() -> None:
        ours = desk(outbox=LinkOutbox(max_messages=1))
        await ours.add("to nobody", recipient="404")
        await ours.send_all()
        await ours.add("another")
        with pytest.raises(OutboxFullError, match="full"):
            await ours.outbox.retry_dead("")
        assert ours.outbox.view().dead_count == 1

    lived(live())


def test_what_is_too_old_is_given_up_and_told(desk: Make) -> None:
    async def live() -> None:
        ours = desk(outbox=LinkOutbox(max_age_days=1))
        await ours.add("old")
        ours.clock.advance(86_401)
        ours.exchange.bury_old()
        await ours.send_all()
        assert contents(ours) == []
        assert "longer than 1 days" in ours.told.of(LinkMessageFailed)[0].cause

    lived(live())


def test_a_full_outbox_takes_no_more_and_says_so(desk: Make) -> None:
    async def live() -> None:
        ours = desk(outbox=LinkOutbox(max_messages=2))
        await asyncio.gather(ours.add("1"), ours.add("2"))
        with pytest.raises(OutboxFullError, match="full"):
            await ours.add("3")
        small = desk(outbox=LinkOutbox(max_bytes=ByteSize(10)))
        with pytest.raises(OutboxFullError, match="full"):
            await small.add("x" * 11)

    lived(live())


@pytest.mark.parametrize(
    ("recipient", "content", "subject", "title"),
    [
        ("", "x", "", "no recipient"),
        ("r" * 201, "x", "", "no recipient"),
        ("9", "  ", "", "empty"),
        ("9", "\ud800", "", "half a character"),
        ("9", "x" * (MOST_CONTENT_BYTES + 1), "", "too long"),
        ("9", "x", "s" * 501, "cannot be sent like this"),
    ],
)
def test_what_cannot_be_sent_is_refused_in_words(
    desk: Make, recipient: str, content: str, subject: str, title: str
) -> None:
    async def live() -> None:
        with pytest.raises(AuroraError, match=title):
            await desk().outbox.add(recipient, content, subject, "text", "")

    lived(live())


# In


@given(st.lists(st.integers(0, 130), min_size=1, max_size=4), st.integers(1, 8))
@settings(max_examples=12)
def test_every_message_is_told_once_and_in_order_whatever_is_cut(
    tmp_path_factory: pytest.TempPathFactory, arrivals: list[int], fails_at: int
) -> None:
    async def live() -> None:
        ours = Desk(tmp_path_factory.mktemp("desk"))
        ours.post.fails_at_page = fails_at
        for count in arrivals:
            for _ in range(count):
                ours.post.post(str(len(ours.post.mail)))
            try:
                await ours.exchange.receive()
            except LinkError:
                await ours.exchange.receive()
        assert [e.summary for e in ours.told.of(LinkMessageReceived)] == [m.content for m in ours.post.mail]
        ours.close()

    lived(live())


def test_a_restart_before_the_note_tells_nothing_twice(desk: Make) -> None:
    async def live() -> None:
        first = desk()
        first.post.post("hello")
        first.told.is_safe = False  # the journal has the event, and nobody could wait for that
        await first.exchange.receive()
        await first.exchange.receive()
        assert len(first.told.of(LinkMessageReceived)) == 1
        first.told.is_safe = True
        second = desk(post=first.post, told=first.told)
        await second.exchange.receive()
        assert len(first.told.of(LinkMessageReceived)) == 1
        assert await second.inbox.untold(10) == []

    lived(live())


def test_what_another_aurora_sent_twice_is_told_once(desk: Make) -> None:
    async def live() -> None:
        ours = desk()
        for key in ("k", "k", "l"):
            ours.post.post(f"key {key}", key=key)
        await ours.exchange.receive()
        ours.post.post("key k", key="k")
        ours.post.post("key k", key="k", sender="18")
        await ours.exchange.receive()
        assert [e.summary for e in ours.told.of(LinkMessageReceived)] == ["key k", "key l", "key k"]

    lived(live())


def test_a_task_of_an_allowed_sender_is_taken_once(desk: Make) -> None:
    async def live() -> None:
        ours = desk(inbound=LinkInbound(allowed_senders=["17"]))
        ours.post.post("look at the logs", kind="task")
        ours.post.post("rm -rf", kind="task", sender="18")
        await ours.exchange.receive()
        taken, refused = ours.told.of(LinkMessageReceived)
        assert (taken.task_id, taken.cause) == ("task_1", "")
        assert (refused.task_id, "18 is not among" in refused.cause) == ("", True)
        assert ours.tasks.taken == {"link:m0": ("look at the logs", "17")}

    lived(live())


def test_a_task_that_cannot_be_taken_now_waits_and_one_that_never_can_is_told(desk: Make) -> None:
    async def live() -> None:
        ours = desk(inbound=LinkInbound(allowed_senders=["17"]))
        ours.post.post("do it", kind="task")
        ours.post.post("and hello")
        ours.tasks.refuses = NotNowError("The queue is full")
        await ours.exchange.receive()
        assert ours.told.of(LinkMessageReceived) == []
        ours.tasks.refuses = AuroraError("There is no agent `claude`", "tasks.agents names none")
        await ours.exchange.receive()
        first, second = ours.told.of(LinkMessageReceived)
        assert first.cause == "There is no agent `claude`. tasks.agents names none"
        assert second.summary == "and hello"

    lived(live())


def test_the_newest_come_first_when_they_are_listed(desk: Make) -> None:
    async def live() -> None:
        ours = desk()
        for number in range(3):
            ours.post.post(str(number))
        await ours.exchange.receive()
        ours.inbox.prune()
        assert [message.content for message in await ours.inbox.newest(2)] == ["2", "1"]

    lived(live())
