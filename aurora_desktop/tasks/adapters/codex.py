"""Codex, by its app-server: JSON-RPC on its standard input and output, one thread and one turn for an attempt."""

import re
from collections.abc import Callable, Mapping
from typing import Any

import msgspec
from msgspec import Struct

from aurora_desktop.core.settings.schema_tasks import Permissions
from aurora_desktop.core.task_events import ApprovalDecision
from aurora_desktop.tasks.adapters.adapter import (
    AsksNoMore,
    Exit,
    Finished,
    Launch,
    Observation,
    Odd,
    ProviderRetry,
    Reply,
    Said,
    Session,
    Spent,
    ToolEnded,
    ToolStarted,
    Verdict,
)
from aurora_desktop.tasks.adapters.codex_items import begun, ended
from aurora_desktop.tasks.adapters.codex_messages import (
    AgentMessage,
    AnyItem,
    Delta,
    ErrorTold,
    ItemTold,
    PlanUpdated,
    Resolved,
    ThreadOpened,
    Tokens,
    TokensUsed,
    TurnCompleted,
    TurnError,
    TurnOpened,
)
from aurora_desktop.tasks.adapters.codex_questions import Question, question, unasked_reply
from aurora_desktop.tasks.adapters.jsonrpc import Answer, Call, Malformed, Notice, Peer, RpcError
from aurora_desktop.tasks.adapters.texts import checklist, how_it_ended
from aurora_desktop.tasks.messages import Run
from aurora_desktop.tasks.newest import Newest
from aurora_desktop.tasks.task import Usage

CLIENT = {"name": "aurora_desktop", "title": "Aurora Desktop", "version": "1"}


class Limits(Struct, frozen=True):
    """What Codex may do by itself: `sandbox` bounds it, `approval` says when it asks to go beyond."""

    sandbox: str
    approval: str


LIMITS: Mapping[Permissions, Limits] = {
    # In a sandbox that it may write in, Codex edits without a word: what is asked for must be out of bounds.
    "ask": Limits("read-only", "on-request"),
    "read-only": Limits("read-only", "never"),
    "edit": Limits("workspace-write", "never"),
    "full": Limits("danger-full-access", "never"),
}

_OWN_WORDS = tuple(
    b'{"method":"item/%s","params":{"item":{"type":"userMessage"' % stage for stage in (b"started", b"completed")
)
"""Codex tells our words back, twice; of a long prompt these lines are cut, and no JSON."""
_COMPLETED = re.compile(rb'\{"method":"item/completed","params":\{"item":\{"type":"\w+","id":"([\w-]{1,100})"')
_RETRY = re.compile(r"(\d+)/(\d+)")
_UNUSED = frozenset(
    {
        "account/rateLimits/updated",
        "account/updated",
        "app/list/updated",
        "hook/completed",
        "hook/started",
        "item/commandExecution/outputDelta",
        "item/commandExecution/terminalInteraction",
        "item/fileChange/outputDelta",
        "item/fileChange/patchUpdated",
        "item/mcpToolCall/progress",
        "item/plan/delta",
        "item/reasoning/summaryPartAdded",
        "mcpServer/startupStatus/updated",
        "remoteControl/status/changed",
        "skills/changed",
        "thread/environment/connected",
        "thread/goal/cleared",
        "thread/goal/updated",
        "thread/name/updated",
        "thread/settings/updated",
        "thread/started",
        "thread/status/changed",
        "turn/diff/updated",
        "turn/started",
    }
)
"""Told by Codex and of no use here: the same is known from other messages."""

Handler = Callable[[Any], list[Observation]]


class Codex:
    """One attempt with Codex: opens or resumes a thread, gives it the prompt, and ends with the turn."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._peer = Peer(states_version=False)
        self._thread = self._turn = ""
        self._items: Newest[str, AnyItem] = Newest()
        self._questions: dict[str, Question] = {}
        self._meter = _Meter()
        self._words = ""
        self._denials: list[str] = []
        self._verdict: Verdict | None = None
        self._answers: Mapping[str, tuple[type[Struct] | None, Handler]] = {
            "initialize": (None, self._initialized),
            "thread/start": (ThreadOpened, self._opened),
            "thread/resume": (ThreadOpened, self._opened),
            "turn/start": (TurnOpened, self._began),
            "turn/interrupt": (None, _nothing),
            "turn/steer": (None, _nothing),
        }
        self._notices: Mapping[str, tuple[type[Struct], Handler]] = {
            "error": (ErrorTold, _retried),
            "item/agentMessage/delta": (Delta, _said_in_part),
            "item/completed": (ItemTold, self._item_completed),
            "item/reasoning/summaryTextDelta": (Delta, _thought_in_part),
            "item/reasoning/textDelta": (Delta, _thought_in_part),
            "item/started": (ItemTold, self._item_started),
            "serverRequest/resolved": (Resolved, self._resolved),
            "thread/tokenUsage/updated": (TokensUsed, self._spent),
            "turn/completed": (TurnCompleted, self._completed),
            "turn/plan/updated": (PlanUpdated, _planned),
        }

    def launch(self) -> Launch:
        first = self._peer.request("initialize", {"clientInfo": CLIENT})
        return Launch(argv=(*self._run.program, "app-server", *self._run.args), stdin="pipe", first=first)

    def feed(self, line: bytes) -> list[Observation]:
        if line.startswith(_OWN_WORDS):
            return []
        match self._peer.receive(line):
            case Malformed(reason):
                return self._on_cut_item(line) or [Odd("", reason)]
            case Answer() as answer:
                return self._on_answer(answer)
            case Call() as call:
                return self._on_call(call)
            case Notice(method, params):
                return self._on_notice(method, params)

    def _on_cut_item(self, line: bytes) -> list[Observation]:
        """Output of a megabyte makes a line that is cut: the tool has ended nevertheless."""
        found = _COMPLETED.match(line)
        item = self._items.pop(found[1].decode(), None) if found else None
        return [ToolEnded(item.id, output="(too long to be shown)")] if item is not None else []

    def answer(self, ask_id: str, decision: ApprovalDecision, message: str) -> bytes:
        """Codex takes no words with a decision: why it was denied is said to it besides."""
        asked = self._questions.pop(ask_id, None)
        if asked is None:
            return b""
        answer = self._peer.answer(asked.call_id, asked.replies[decision])
        if decision != "deny":
            return answer
        self._denials.append(asked.asks.summary)
        return answer + self._steer(f"The operator denied this: {message}") if message else answer

    def _steer(self, words: str) -> bytes:
        """Words into the turn that goes on."""
        params = {"threadId": self._thread, "expectedTurnId": self._turn, "input": _text(words)}
        return self._peer.request("turn/steer", params)

    def interrupt(self) -> bytes:
        """Ends the turn; commands that Codex started go on until their tree is killed."""
        if not self._turn or self._verdict is not None:
            return b""
        return self._peer.request("turn/interrupt", {"threadId": self._thread, "turnId": self._turn})

    def verdict(self, ended: Exit) -> Verdict:
        denials = tuple(self._denials)
        if self._verdict is not None:
            return msgspec.structs.replace(self._verdict, denials=denials)
        error = f"Codex {how_it_ended(ended)} before its turn was over"
        return Verdict("crashed", self._words, error, denials)

    def _on_answer(self, answer: Answer) -> list[Observation]:
        shape, handler = self._answers[answer.method]
        if answer.error is not None:
            return self._refused(answer.method, answer.error)
        try:
            return handler(answer.result if shape is None else msgspec.convert(answer.result, shape))
        except msgspec.ValidationError as error:
            return [Odd(answer.method, str(error)), *self._end(Verdict("error", error=_not_understood(answer.method)))]

    def _on_call(self, call: Call) -> list[Observation]:
        ask_id = f"{self._run.attempt}-{call.id}"
        try:
            if (reply := unasked_reply(call)) is not None:
                return [Reply(self._peer.answer(call.id, reply))]
            asked = question(call, ask_id, self._items)
        except msgspec.ValidationError as error:
            return [Odd(call.method, str(error)), Reply(self._peer.refuse(call))]
        if asked is None:
            return [Odd(call.method, "a request that Aurora does not know"), Reply(self._peer.refuse(call))]
        self._questions[ask_id] = asked
        return [asked.asks]

    def _on_notice(self, method: str, params: Any) -> list[Observation]:
        if method in _UNUSED:
            return []
        if method not in self._notices:
            return [Odd(method, _remark(params))]
        shape, handler = self._notices[method]
        try:
            return handler(msgspec.convert(params, shape))
        except msgspec.ValidationError as error:
            return [Odd(method, str(error))]

    def _initialized(self, _: object) -> list[Observation]:
        limits = LIMITS[self._run.permissions]
        options: dict[str, Any] = {
            "cwd": self._run.cwd,
            "sandbox": limits.sandbox,
            "approvalPolicy": limits.approval,
            # Not the reviewer of the user's settings: what is asked is asked of the operator.
            "approvalsReviewer": "user",
            "config": {"background_terminal_max_timeout": _longest_wait_ms(self._run.timeout_s)},
        }
        if self._run.model is not None:
            options["model"] = self._run.model
        if self._run.resume is None:
            opening = self._peer.request("thread/start", options)
        else:
            resumed = options | {"threadId": self._run.resume, "excludeTurns": True}
            opening = self._peer.request("thread/resume", resumed)
        return [Reply(self._peer.notice("initialized") + opening)]

    def _opened(self, told: ThreadOpened) -> list[Observation]:
        self._thread = told.thread.id
        turn = self._peer.request("turn/start", {"threadId": self._thread, "input": _text(self._run.prompt)})
        return [Session(self._thread), Reply(turn)]

    def _began(self, told: TurnOpened) -> list[Observation]:
        self._turn = told.turn.id
        return []

    def _refused(self, method: str, error: RpcError) -> list[Observation]:
        if method in ("turn/interrupt", "turn/steer"):
            return [Odd(method, error.message)]
        doing = {"thread/resume": "go on with its thread", "turn/start": "begin its turn"}.get(method, "begin")
        return self._end(Verdict("error", error=f"Codex cannot {doing}: {error.message}"))

    def _item_started(self, told: ItemTold) -> list[Observation]:
        started = begun(told.item)
        if started is None:
            return []
        self._items[told.item.id] = told.item
        return [started]

    def _item_completed(self, told: ItemTold) -> list[Observation]:
        if isinstance(told.item, AgentMessage) and told.thread_id == self._thread:
            self._words = told.item.text or self._words
        unannounced: ToolStarted | None = None if told.item.id in self._items else begun(told.item)
        self._items.pop(told.item.id, None)
        return [*([unannounced] if unannounced else []), *ended(told.item)]

    def _resolved(self, told: Resolved) -> list[Observation]:
        """Of what was answered this is an echo; of the rest it says that nobody waits any more."""
        ask_id = f"{self._run.attempt}-{told.request_id}"
        return [AsksNoMore(ask_id)] if self._questions.pop(ask_id, None) is not None else []

    def _spent(self, told: TokensUsed) -> list[Observation]:
        is_history = told.thread_id == self._thread and told.turn_id != self._turn
        return [Spent(self._meter.read(told, is_history=is_history))]

    def _completed(self, told: TurnCompleted) -> list[Observation]:
        if told.thread_id != self._thread:
            return []
        match told.turn.status:
            case "completed":
                return self._end(Verdict("completed", self._words))
            case "interrupted":
                return self._end(Verdict("interrupted", self._words, "Codex was interrupted"))
        return self._end(Verdict("error", self._words, _failure(told.turn.error)))

    def _end(self, verdict: Verdict) -> list[Observation]:
        self._verdict = self._verdict or verdict
        return [Reply(b"", closes_stdin=True), Finished()]


class _Meter:
    """Tokens of this attempt, of all threads together: Codex counts each since it began, also before it was resumed."""

    def __init__(self) -> None:
        self._before: dict[str, Tokens] = {}
        self._now: dict[str, Tokens] = {}

    def read(self, told: TokensUsed, *, is_history: bool) -> Usage:
        """`is_history`: it tells of a turn before this one, as Codex does when a thread is resumed."""
        total, last = told.token_usage.total, told.token_usage.last
        before = total if is_history else _less(total, last)
        self._before.setdefault(told.thread_id, before)
        self._now[told.thread_id] = total
        spent = [_less(now, self._before[thread]) for thread, now in self._now.items()]
        return Usage(
            input_tokens=sum(tokens.input_tokens for tokens in spent),
            output_tokens=sum(tokens.output_tokens for tokens in spent),
        )


def _less(total: Tokens, part: Tokens) -> Tokens:
    return Tokens(
        max(0, total.input_tokens - part.input_tokens),
        max(0, total.output_tokens - part.output_tokens),
    )


def _longest_wait_ms(timeout_s: float) -> int:
    """How long Codex may wait for a command without a word: so that time is left to look after it. Its own limit is
    300 s, and it waits no less than 5 s."""
    return int(min(300.0, max(5.0, timeout_s / 2)) * 1000)


def _text(words: str) -> list[dict[str, str]]:
    return [{"type": "text", "text": words}]


def _nothing(_: object) -> list[Observation]:
    return []


def _said_in_part(told: Delta) -> list[Observation]:
    return [Said(told.delta, partial=True)]


def _thought_in_part(told: Delta) -> list[Observation]:
    return [Said(told.delta, "thinking", partial=True)]


def _planned(told: PlanUpdated) -> list[Observation]:
    steps = checklist((step.step, step.status) for step in told.plan)
    return [Said("\n".join(filter(None, [told.explanation, steps])), "thinking")]


def _retried(told: ErrorTold) -> list[Observation]:
    """`Reconnecting... 1/5`. An error that is not tried again comes once more with the end of the turn."""
    if not told.will_retry:
        return []
    found = _RETRY.search(told.error.message)
    attempt, most = (int(found[1]), int(found[2])) if found else (1, 1)
    detail = told.error.additional_details or told.error.message
    return [ProviderRetry(attempt, most, status=told.error.status, detail=detail)]


def _failure(error: TurnError | None) -> str:
    if error is None:
        return "Codex says that its turn failed, and not why"
    if error.status == 401 or error.codex_error_info == "unauthorized":
        return f"The provider refused the key: {error.message}. Sign in by `codex login`, or mend the key"
    return f"The turn failed: {error.message}"


def _not_understood(method: str) -> str:
    return f"Codex answered `{method}` in a way that Aurora does not understand: another version of it may help"


def _remark(params: Any) -> str:
    """The words of a warning, else that the message is unknown."""
    if isinstance(params, dict) and isinstance(words := params.get("message", params.get("summary")), str):
        return words
    return "an unknown message"
