"""The rules of the link: when to try again, how long a token holds, whose turn it is."""

import base64
import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aurora_desktop.core.settings.schema_link import LinkInbound
from aurora_desktop.link import backoff, jwt
from aurora_desktop.link.failure import LinkError, in_a_line
from aurora_desktop.link.inbox import Untold, summary, why_no_task
from aurora_desktop.link.jwt import Tokens
from aurora_desktop.link.live import decoded, failure_of
from aurora_desktop.link.network import Glance, own_addresses, what_came_back
from aurora_desktop.link.outbox import Waiting, is_poison, next_to_send
from aurora_desktop.link.throttle import Figures, Throttle

from .brain import jwt as signed

CHANCES = st.floats(0, 1)
MOST_S = st.floats(1, 60)


# When to try again


@given(st.integers(1, 10_000), st.floats(0, 30), CHANCES, MOST_S)
def test_two_attempts_never_begin_further_apart_than_promised(
    attempt: int, spent_s: float, chance: float, most_s: float
) -> None:
    wait_s = backoff.wait_s(attempt, spent_s, chance, most_s)
    assert 0 <= wait_s <= backoff.ceiling_s(attempt, most_s)
    assert spent_s + wait_s <= max(most_s, spent_s)


def test_the_first_is_soon_and_the_jitter_is_full() -> None:
    assert backoff.wait_s(1, 0, 1.0, 15) == 2.0
    assert backoff.wait_s(1, 0, 0.0, 15) == 0.0
    assert [backoff.ceiling_s(n, 15) for n in (1, 2, 3, 4, 60)] == [2, 4, 8, 15, 15]


@given(st.integers(1, 100), CHANCES)
def test_what_was_refused_waits_for_somebody(attempt: int, chance: float) -> None:
    for kind in ("refused", "certificate"):
        plan = backoff.plan(LinkError(kind, "no"), attempt, 0, chance, 15, None)  # type: ignore[arg-type]
        assert plan == ("refused", backoff.REFUSED_S)


def test_the_last_attempt_that_is_allowed_is_the_last() -> None:
    failure = LinkError("unreachable", "gone")
    assert backoff.plan(failure, 2, 0, 0.5, 15, 3).wait_s is not None
    assert backoff.plan(failure, 3, 0, 0.5, 15, 3) == ("offline", None)


@given(st.floats(0, 1e9), CHANCES)
def test_a_server_that_wants_quiet_gets_it_and_not_for_ever(asked_s: float, chance: float) -> None:
    plan = backoff.plan(LinkError("throttled", "slow", retry_after_s=asked_s), 1, 0, chance, 15, None)
    assert plan.wait_s is not None
    assert min(asked_s, backoff.LONGEST_S) <= plan.wait_s <= 2 * backoff.LONGEST_S + 15


# How long a token holds


@given(st.floats(-2e6, 2e6), st.integers(1, 100_000))
def test_a_token_holds_as_long_as_it_says_however_wrong_the_servers_clock_is(skew_s: float, life_s: int) -> None:
    iat = 1.8e9 + skew_s
    token = signed(iat=iat, exp=iat + life_s)
    assert jwt.lifetime_s(token, None, 1.8e9) == pytest.approx(life_s, abs=0.01)


@pytest.mark.parametrize(
    ("token", "expires_in", "lifetime_s"),
    [
        ("opaque", None, jwt.UNKNOWN_LIFETIME_S),
        ("opaque", 120.0, 120.0),
        (signed(), 60.0, 60.0),
        (signed(exp=1_000_500), None, 500.0),
        (signed(exp=999_000), None, -1000.0),
        (signed(exp="soon"), None, jwt.UNKNOWN_LIFETIME_S),
        (signed(iat=1, exp=1e300), None, jwt.UNKNOWN_LIFETIME_S),
        (signed(iat=0, exp=9e9), None, jwt.LONGEST_LIFETIME_S),
        (signed(iat=0, exp=100), 3600.0, 100.0),
        ("a.b.c", None, jwt.UNKNOWN_LIFETIME_S),
        (f"a.{base64.urlsafe_b64encode(json.dumps([1]).encode()).decode()}.c", None, jwt.UNKNOWN_LIFETIME_S),
        ("é.ü.ß", None, jwt.UNKNOWN_LIFETIME_S),
    ],
)
def test_what_a_token_says_of_its_end(token: str, expires_in: float | None, lifetime_s: float) -> None:
    assert jwt.lifetime_s(token, expires_in, 1_000_000) == lifetime_s


@given(st.text(max_size=60))
def test_no_text_is_too_odd_for_a_token(text: str) -> None:
    jwt.claims(text)
    assert jwt.lifetime_s(text, 5.0, 0) <= 5.0


def held(lifetime_s: float, got_at: float = 0.0) -> Tokens:
    return Tokens(
        token="t", refresh_token="r", owner="o", got_at=got_at, lifetime_s=lifetime_s, refresh_lifetime_s=7 * 86_400
    )


@given(st.floats(0.1, 1e6))
def test_it_is_exchanged_while_it_still_holds(lifetime_s: float) -> None:
    tokens = held(lifetime_s)
    due_s = jwt.refresh_due_s(tokens)
    assert 0 < due_s < lifetime_s
    assert jwt.is_usable(tokens, due_s)
    assert not jwt.is_usable(tokens, lifetime_s)


def test_a_clock_that_was_set_makes_no_token_younger() -> None:
    tokens = held(3600, got_at=1000)
    assert jwt.age_s(tokens, 1100, 100) == 100
    assert jwt.age_s(tokens, 1100, 5000) == 5000  # set back by hand
    assert jwt.age_s(tokens, 9000, 100) == 8000  # slept
    assert jwt.age_s(tokens, 0, 100) == 100  # of the future
    assert not jwt.is_usable(jwt.spent(tokens), 0)
    assert jwt.can_refresh(tokens, 86_400)
    assert not jwt.can_refresh(tokens, 8 * 86_400)


def test_tokens_are_not_shown_by_accident() -> None:
    tokens = Tokens(token="hunter22", refresh_token="hunter23", owner="o", got_at=0, lifetime_s=1, refresh_lifetime_s=1)
    assert "hunter" not in repr(tokens) + f"{tokens}"


# How often


@given(st.lists(st.floats(0, 5), min_size=1, max_size=60), st.integers(1, 10))
def test_no_minute_holds_more_requests_than_allowed(gaps: list[float], per_minute: int) -> None:
    throttle, now, asked = Throttle(per_minute), 0.0, []
    for gap in gaps:
        now += gap
        now += throttle.wait_s(now) + 1e-6
        throttle.took(now)
        asked.append(now)
    assert all(sum(at - 60 < other <= at for other in asked) <= per_minute for at in asked)


def test_a_door_that_was_closed_opens_by_itself_or_by_a_word() -> None:
    throttle = Throttle(10)
    throttle.close(100.0, 30.0)
    throttle.close(100.0, 5.0)
    assert throttle.wait_s(110.0) == 20.0
    throttle.open()
    assert throttle.wait_s(110.0) == 0.0


def test_the_figures_are_of_the_last_requests() -> None:
    figures = Figures()
    assert (figures.latency_ms, figures.error_rate) == (None, 0.0)
    for _ in range(70):
        figures.answered(0.02)
    figures.failed()
    assert (figures.latency_ms, len(figures.latencies_ms), figures.error_rate) == (20.0, 60, 0.02)


# Whose turn


def waiting(number: int, recipient: str, not_before: float = 0.0) -> Waiting:
    return Waiting(
        number=number, key=str(number), recipient=recipient, subject="", content="x", kind="text", size=1,
        created_at=0.0, not_before=not_before,
    )  # fmt: skip


@given(st.lists(st.tuples(st.sampled_from("abc"), st.floats(0, 10)), max_size=20), st.floats(0, 10))
def test_nobody_is_overtaken_on_the_way_to_the_same_recipient(queue: list[tuple[str, float]], now: float) -> None:
    messages = [waiting(number, recipient, at) for number, (recipient, at) in enumerate(queue)]
    chosen, due = next_to_send(messages, now)
    if chosen is None:
        heads = {message.recipient: message for message in reversed(messages)}.values()
        assert due == (min(head.not_before for head in heads) if heads else None)
        return
    assert chosen.not_before <= now
    assert not [m for m in messages if m.recipient == chosen.recipient and m.number < chosen.number]


def test_a_message_is_poison_only_where_others_pass() -> None:
    assert is_poison(25, 1)
    assert not is_poison(24, 1)
    assert not is_poison(1000, 0)


# What a message may ask for


@pytest.mark.parametrize(
    ("kind", "sender", "why"),
    [("task", "17", None), ("text", "17", ""), ("task", "18", "18 is not among"), ("Task", "17", "")],
)
def test_only_a_task_of_an_allowed_sender_is_one(kind: str, sender: str, why: str | None) -> None:
    message = Untold(1, "m", sender, kind, "", "do it")
    said = why_no_task(message, LinkInbound(allowed_senders=["17"]))
    assert said == why if not why else why in (said or "")
    assert why_no_task(message, LinkInbound()) != (None if kind == "task" else "x")


def test_a_summary_is_one_line_that_can_be_shown() -> None:
    assert summary(Untold(1, "m", "s", "text", "", "two\nlines\x1b[31m")) == "two lines?[31m"
    assert len(summary(Untold(1, "m", "s", "text", "", "x" * 10_000))) == 120


def test_a_secret_is_masked_before_the_line_is_cut() -> None:
    assert in_a_line("token hunter22 is bad", ("hunter22", "")) == "token *** is bad"
    assert in_a_line(f"no such token: {signed(exp=1)}!") == "no such token: ***!"


# What came back, and what came in


def test_a_network_or_a_machine_that_returns_is_seen() -> None:
    at = Glance(("10.0.0.2",), 100.0, 1000.0)
    assert what_came_back(at, Glance(("10.0.0.2",), 102.0, 1002.0), 2) == ""
    assert what_came_back(at._replace(addresses=()), Glance(("10.0.0.2",), 102.0, 1002.0), 2) == "the network is back"
    assert what_came_back(at, Glance(("10.0.0.3",), 102.0, 1002.0), 2) == "the network is another one"
    assert what_came_back(at, Glance((), 102.0, 1002.0), 2) == ""
    assert what_came_back(at, Glance(("10.0.0.2",), 102.0, 2002.0), 2) == "the machine is back"
    assert all(own_addresses())


@given(st.one_of(st.text(max_size=50), st.binary(max_size=50)))
def test_no_frame_is_too_odd(raw: str | bytes) -> None:
    assert isinstance(decoded(raw).kind, str)


@pytest.mark.parametrize(
    ("said", "kind"), [("Token expired", "refused"), ("Unauthorized", "refused"), ("busy", "server")]
)
def test_an_error_frame_is_told_by_its_words(said: str, kind: str) -> None:
    frame = decoded(json.dumps({"type": "error", "error": said}))
    assert failure_of(frame, "").kind == kind
    assert not math.isnan(failure_of(frame, "").retry_after_s)
