"""Any agent of the Agent Client Protocol: JSON-RPC on its standard input and output, one session and one turn.

Aurora offers it neither files nor terminals: the agent uses its own, and asks where it wants permission.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec
from msgspec import Struct

from aurora_desktop.core.task_events import ApprovalDecision
from aurora_desktop.tasks.adapters.acp_messages import (
    UNUSED_UPDATES,
    AnyUpdate,
    ConfigOption,
    Initialized,
    MessageChunk,
    PermissionAsked,
    PermissionOption,
    Plan,
    Prompted,
    RequestCancelled,
    SessionOpened,
    ThoughtChunk,
    TokenUsage,
    ToolCall,
    ToolCallUpdate,
    UsageUpdate,
)
from aurora_desktop.tasks.adapters.acp_tools import begun, block_text, chosen, ended, judged, question
from aurora_desktop.tasks.adapters.adapter import (
    Asks,
    AsksNoMore,
    Exit,
    Finished,
    Launch,
    Observation,
    Odd,
    Reply,
    Session,
    Spent,
    Verdict,
)
from aurora_desktop.tasks.adapters.jsonrpc import Answer, Call, Malformed, Notice, Peer, RpcError, RpcId
from aurora_desktop.tasks.adapters.speech import Speech
from aurora_desktop.tasks.adapters.texts import checklist, how_it_ended, one_line, readable
from aurora_desktop.tasks.messages import Run
from aurora_desktop.tasks.newest import Newest
from aurora_desktop.tasks.task import Usage

PROTOCOL_VERSION = 1
AUTH_REQUIRED = -32000

CLIENT: Mapping[str, Any] = {
    "protocolVersion": PROTOCOL_VERSION,
    "clientCapabilities": {"fs": {"readTextFile": False, "writeTextFile": False}, "terminal": False},
    "clientInfo": {"name": "aurora_desktop", "title": "Aurora Desktop", "version": "1"},
}

_STOPS: Mapping[str, Verdict] = {
    "end_turn": Verdict("completed"),
    "max_tokens": Verdict("error", error="the model reached its limit of tokens before the turn was over"),
    "max_turn_requests": Verdict("error", error="the agent reached its limit of requests for one turn"),
    "refusal": Verdict("error", error="the agent refused to go on"),
    "cancelled": Verdict("interrupted", error="the agent was interrupted"),
}

Handler = Callable[[Any], list[Observation]]


class _Question(Struct, frozen=True):
    call_id: RpcId
    asks: Asks
    options: Sequence[PermissionOption]


class Acp:
    """One attempt with an agent: opens or resumes a session, gives it the prompt, and ends with the turn."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._peer = Peer()
        self._session = ""
        self._can = Initialized(PROTOCOL_VERSION)
        self._is_prompted = False
        self._speech = Speech()
        self._tools: Newest[str, list[dict[str, Any]] | None] = Newest()
        """Tool calls that have begun, with the newest content of each."""
        self._questions: dict[str, _Question] = {}
        self._cost_before = 0.0
        self._usage = Usage()
        self._denials: list[str] = []
        self._verdict: Verdict | None = None
        self._answers: Mapping[str, tuple[type[Struct] | None, Handler]] = {
            "initialize": (Initialized, self._initialized),
            "session/new": (SessionOpened, self._opened),
            "session/load": (None, self._reopened),
            "session/resume": (None, self._reopened),
            "session/set_config_option": (None, self._prompt),
            "session/prompt": (Prompted, self._prompted),
        }

    def launch(self) -> Launch:
        first = self._peer.request("initialize", CLIENT)
        return Launch(argv=(*self._run.program, *self._run.args), stdin="pipe", first=first)

    def feed(self, line: bytes) -> list[Observation]:
        match self._peer.receive(line):
            case Malformed(reason):
                return [Odd("", reason)]
            case Answer() as answer:
                return self._on_answer(answer)
            case Call() as call:
                return self._on_call(call)
            case Notice() as notice:
                return self._on_notice(notice)

    def answer(self, ask_id: str, decision: ApprovalDecision, message: str) -> bytes:
        """The protocol has no words for a decision: `message` goes along as metadata, for agents that read it."""
        asked = self._questions.pop(ask_id, None)
        if asked is None:
            return b""
        if decision == "deny":
            self._denials.append(asked.asks.summary)
        return self._decide(asked.call_id, asked.options, decision, message)

    def interrupt(self) -> bytes:
        """Whoever cancels must answer what is still asked, says the protocol."""
        if not self._is_prompted or self._verdict is not None:
            return b""
        open_calls = [asked.call_id for asked in self._questions.values()]
        self._questions.clear()
        cancelled = [self._peer.answer(call_id, _outcome(None)) for call_id in open_calls]
        return self._peer.notice("session/cancel", {"sessionId": self._session}) + b"".join(cancelled)

    def verdict(self, ended: Exit) -> Verdict:
        if self._verdict is not None:
            return msgspec.structs.replace(self._verdict, denials=tuple(self._denials))
        error = f"{self._run.agent} {how_it_ended(ended)} before its turn was over"
        return Verdict("crashed", self._speech.last_message, error, tuple(self._denials))

    def _on_answer(self, answer: Answer) -> list[Observation]:
        if answer.error is not None:
            return self._end(Verdict("error", error=self._refusal(answer.method, answer.error)))
        shape, handler = self._answers[answer.method]
        try:
            return handler(answer.result if shape is None else msgspec.convert(answer.result, shape))
        except msgspec.ValidationError as error:
            words = f"{self._run.agent} answered `{answer.method}` in a way that Aurora does not understand"
            return [Odd(answer.method, str(error)), *self._end(Verdict("error", error=words))]

    def _refusal(self, method: str, error: RpcError) -> str:
        if error.code == AUTH_REQUIRED:
            ways = ", ".join(way.name or way.id for way in self._can.auth_methods)
            return f"{self._run.agent} wants you to sign in first, in a terminal{f' ({ways})' if ways else ''}"
        detail = one_line(readable(error.data))
        return f"{self._run.agent} cannot do `{method}`: {error.message}{f' ({detail})' if detail else ''}"

    def _on_call(self, call: Call) -> list[Observation]:
        if call.method != "session/request_permission":
            return [Odd(call.method, "a request that Aurora does not offer"), Reply(self._peer.refuse(call))]
        try:
            return self._asked(call, msgspec.convert(call.params, PermissionAsked))
        except msgspec.ValidationError as error:
            return [Odd(call.method, str(error)), Reply(self._peer.refuse(call))]

    def _asked(self, call: Call, told: PermissionAsked) -> list[Observation]:
        asks = question(f"{self._run.attempt}-{call.id}", told.tool_call, told.options)
        decision = judged(self._run.permissions, told.tool_call.kind)
        if decision is None:
            self._questions[asks.id] = _Question(call.id, asks, told.options)
            return [*self._speech.pause(), asks]
        if decision == "deny":
            self._denials.append(asks.summary)
        return [Reply(self._decide(call.id, told.options, decision, f"permissions: {self._run.permissions}"))]

    def _decide(
        self, call_id: RpcId, options: Sequence[PermissionOption], decision: ApprovalDecision, why: str
    ) -> bytes:
        result = _outcome(chosen(options, decision))
        return self._peer.answer(call_id, result | {"_meta": {"reason": why}} if why else result)

    def _on_notice(self, notice: Notice) -> list[Observation]:
        try:
            match notice.method:
                case "session/update":
                    return self._on_update(notice.params)
                case "$/cancel_request":
                    return self._taken_back(msgspec.convert(notice.params, RequestCancelled))
        except msgspec.ValidationError as error:
            return [Odd(notice.method, str(error))]
        return [Odd(notice.method, "an unknown message")]

    def _on_update(self, params: Any) -> list[Observation]:
        update = params.get("update") if isinstance(params, dict) else None
        kind = update.get("sessionUpdate") if isinstance(update, dict) else None
        if kind in UNUSED_UPDATES:
            return []
        try:
            return self._updated(msgspec.convert(update, AnyUpdate))
        except msgspec.ValidationError as error:
            return [Odd(kind if isinstance(kind, str) else "session/update", str(error))]

    def _updated(self, update: AnyUpdate) -> list[Observation]:
        """Before the prompt was given it is the history of a session that was loaded."""
        if isinstance(update, UsageUpdate):
            return self._paid(update)
        if not self._is_prompted:
            return []
        match update:
            case MessageChunk(content=content, message_id=message_id):
                return self._speech.hear(block_text(content), "message", message_id)
            case ThoughtChunk(content=content, message_id=message_id):
                return self._speech.hear(block_text(content), "thinking", message_id)
            case Plan(entries=entries):
                plan = checklist((entry.content, entry.status) for entry in entries)
                return [*self._speech.pause(), *self._speech.hear(plan, "thinking", None), *self._speech.pause()]
            case ToolCall() | ToolCallUpdate():
                return [*self._speech.pause(), *self._tool(update)]

    def _tool(self, call: ToolCall | ToolCallUpdate) -> list[Observation]:
        is_new = call.tool_call_id not in self._tools
        content = self._tools[call.tool_call_id] = call.content or self._tools.get(call.tool_call_id)
        told: list[Observation] = [begun(_as_begun(call))] if is_new else []
        if call.status in ("completed", "failed"):
            told.append(ended(call, content))
            del self._tools[call.tool_call_id]
        return told

    def _taken_back(self, told: RequestCancelled) -> list[Observation]:
        ask_id = f"{self._run.attempt}-{told.request_id}"
        return [AsksNoMore(ask_id)] if self._questions.pop(ask_id, None) is not None else []

    def _initialized(self, told: Initialized) -> list[Observation]:
        self._can = told
        if told.protocol_version != PROTOCOL_VERSION:
            words = (
                f"{self._run.agent} speaks version {told.protocol_version} of the protocol, Aurora {PROTOCOL_VERSION}"
            )
            return self._end(Verdict("error", error=words))
        place = {"cwd": self._run.cwd, "mcpServers": []}
        if self._run.resume is None:
            return [Reply(self._peer.request("session/new", place))]
        if not self._can_resume:
            words = f"{self._run.agent} cannot go on with an earlier session: retry the task from its beginning"
            return self._end(Verdict("error", error=words))
        self._session = self._run.resume
        # What is loaded is told once more from its beginning; what is resumed is not.
        has_resume = told.agent_capabilities.session_capabilities.resume is not None
        way = "session/resume" if has_resume else "session/load"
        return [Reply(self._peer.request(way, place | {"sessionId": self._session}))]

    @property
    def _can_resume(self) -> bool:
        can = self._can.agent_capabilities
        return can.load_session or can.session_capabilities.resume is not None

    def _opened(self, told: SessionOpened) -> list[Observation]:
        self._session = told.session_id
        known: list[Observation] = [Session(self._session)] if self._can_resume else []
        return [*known, *self._choose_model(told.config_options or [])]

    def _reopened(self, result: Any) -> list[Observation]:
        told = SessionOpened() if result is None else msgspec.convert(result, SessionOpened)
        return [Session(self._session), *self._choose_model(told.config_options or [])]

    def _choose_model(self, options: Sequence[ConfigOption]) -> list[Observation]:
        model = self._run.model
        if model is None:
            return self._prompt(None)
        choice = next((option for option in options if option.category == "model"), None)
        if choice is None or model not in choice.values:
            offered = "lets nobody choose its model" if choice is None else f"offers {', '.join(choice.values)}"
            words = f"the model `{model}` cannot be had: {self._run.agent} {offered}"
            return self._end(Verdict("error", error=words))
        if choice.current_value == model:
            return self._prompt(None)
        wanted = {"sessionId": self._session, "configId": choice.id, "value": model}
        return [Reply(self._peer.request("session/set_config_option", wanted))]

    def _prompt(self, _: object) -> list[Observation]:
        self._is_prompted = True
        prompt = [{"type": "text", "text": self._run.prompt}]
        return [Reply(self._peer.request("session/prompt", {"sessionId": self._session, "prompt": prompt}))]

    def _prompted(self, told: Prompted) -> list[Observation]:
        unknown = Verdict("error", error=f"the turn ended for a reason that Aurora does not know: {told.stop_reason}")
        last = self._speech.pause()
        verdict = msgspec.structs.replace(_STOPS.get(told.stop_reason, unknown), result=self._speech.last_message)
        return [*last, *self._counted(told.usage), *self._end(verdict)]

    def _counted(self, usage: TokenUsage | None) -> list[Observation]:
        if usage is None:
            return []
        output = usage.output_tokens + (usage.thought_tokens or 0)
        read = max(usage.input_tokens, usage.total_tokens - output)
        self._usage = Usage(cost_usd=self._usage.cost_usd, input_tokens=read, output_tokens=output)
        return [Spent(self._usage)]

    def _paid(self, told: UsageUpdate) -> list[Observation]:
        if told.cost is None or told.cost.currency.upper() != "USD":
            return []
        if not self._is_prompted:
            self._cost_before = told.cost.amount
            return []
        self._usage = msgspec.structs.replace(self._usage, cost_usd=max(0.0, told.cost.amount - self._cost_before))
        return [Spent(self._usage)]

    def _end(self, verdict: Verdict) -> list[Observation]:
        self._verdict = self._verdict or verdict
        return [Reply(b"", closes_stdin=True), Finished()]


def _outcome(option: PermissionOption | None) -> dict[str, Any]:
    if option is None:
        return {"outcome": {"outcome": "cancelled"}}
    return {"outcome": {"outcome": "selected", "optionId": option.option_id}}


def _as_begun(call: ToolCall | ToolCallUpdate) -> ToolCall:
    """An agent may tell of a tool for the first time when it has changed."""
    if isinstance(call, ToolCall):
        return call
    return ToolCall(
        call.tool_call_id, call.title or "", call.kind, call.status, call.content, call.raw_input, call.raw_output
    )
