"""An agent of the Agent Client Protocol, made with the protocol's own library: it does what its prompt says.

Usage: acp_agent.py MEMORY [forgetful|resumes|old|locked], where MEMORY is a file of its sessions.
Prompts: `say WORDS`, `write FILE WORDS` (asks first), `always FILE WORDS` (offers no allowance for once), `wait` (with
a child in a session of its own), `open FILE` (through the client), `refuse`, `fail`, `die`, `recall` (all prompts).
"""

import asyncio
import json
import os
import sys
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import acp
from acp import schema

COST_USD = 0.25
"""Of each prompt."""
MODELS = ("small", "large")


class Agent(acp.Agent):
    def __init__(self, memory: Path, manner: str) -> None:
        self._memory, self._manner = memory, manner
        self._model = MODELS[0]
        self._cancelled = asyncio.Event()
        self._cwd = Path()

    def on_connect(self, conn: acp.Client) -> None:
        self._client = conn

    async def initialize(self, protocol_version: int, **_: Any) -> schema.InitializeResponse:
        able = schema.SessionCapabilities(
            resume=schema.SessionResumeCapabilities() if self._manner == "resumes" else None
        )
        return schema.InitializeResponse(
            protocol_version=2 if self._manner == "old" else protocol_version,
            agent_capabilities=schema.AgentCapabilities(
                load_session=self._manner != "forgetful", session_capabilities=able
            ),
            auth_methods=[schema.AuthMethodAgent(id="key", name="A key")],
        )

    async def new_session(self, cwd: str, **_: Any) -> schema.NewSessionResponse:
        if self._manner == "locked":
            raise acp.RequestError.auth_required()
        self._cwd, session_id = Path(cwd), str(uuid.uuid4())
        self._remember(session_id, [])
        return schema.NewSessionResponse(session_id=session_id, config_options=self._options())

    async def load_session(self, cwd: str, session_id: str, **_: Any) -> schema.LoadSessionResponse:
        self._cwd = Path(cwd)
        for prompt in self._recalled(session_id):
            await self._tell(session_id, acp.update_user_message_text(prompt))
            await self._tell(session_id, acp.update_agent_message_text(f"done: {prompt}"))
        await self._tell(session_id, self._cost(session_id))
        return schema.LoadSessionResponse(config_options=self._options())

    async def resume_session(self, cwd: str, session_id: str, **_: Any) -> schema.ResumeSessionResponse:
        self._cwd = Path(cwd)
        self._recalled(session_id)
        return schema.ResumeSessionResponse()

    async def set_config_option(
        self, config_id: str, session_id: str, value: str | bool, **_: Any
    ) -> schema.SetSessionConfigOptionResponse:
        self._model = str(value)
        return schema.SetSessionConfigOptionResponse(config_options=self._options())

    async def cancel(self, session_id: str, **_: Any) -> None:
        self._cancelled.set()

    async def prompt(self, session_id: str, prompt: Sequence[Any], **_: Any) -> schema.PromptResponse:
        words = str(prompt[0].text)
        self._remember(session_id, [*self._recalled(session_id), words])
        order, _, rest = words.partition(" ")
        stop = await getattr(self, f"_{order}")(session_id, rest)
        await self._tell(session_id, self._cost(session_id))
        spent = schema.Usage(
            total_tokens=60, input_tokens=30, output_tokens=10, thought_tokens=5, cached_read_tokens=15
        )
        return schema.PromptResponse(stop_reason=stop, usage=spent)

    async def _say(self, session: str, words: str) -> str:
        await self._tell(session, acp.update_agent_thought_text(f"I use the {self._model} model."))
        await self._tell(session, acp.update_plan([acp.plan_entry("speak", status="in_progress")]))
        for word in words.split(" "):
            await self._tell(session, acp.update_agent_message_text(word + " "))
        return "end_turn"

    async def _write(self, session: str, rest: str) -> str:
        return await self._edit(
            session, rest, [("once", "allow_once"), ("ever", "allow_always"), ("no", "reject_once")]
        )

    async def _always(self, session: str, rest: str) -> str:
        return await self._edit(session, rest, [("ever", "allow_always"), ("no", "reject_once")])

    async def _edit(self, session: str, rest: str, kinds: list[tuple[str, str]]) -> str:
        name, _, text = rest.partition(" ")
        path = self._cwd / name
        change = [acp.tool_diff_content(str(path), text, path.read_text() if path.exists() else None)]
        title = f"Write {name}"
        await self._tell(session, acp.start_tool_call("call_1", title, kind="edit", status="pending", content=change))
        options: Any = [schema.PermissionOption(option_id=key, kind=kind, name=key) for key, kind in kinds]
        tool = schema.ToolCallUpdate(tool_call_id="call_1", title=title, kind="edit", content=change)
        answer = await self._client.request_permission(session_id=session, tool_call=tool, options=options)
        chosen = getattr(answer.outcome, "option_id", "cancelled")
        is_allowed = chosen in ("once", "ever")
        if is_allowed:
            path.write_text(text)
        await self._tell(session, acp.update_tool_call("call_1", status="completed" if is_allowed else "failed"))
        await self._tell(session, acp.update_agent_message_text(f"chosen: {chosen}"))
        return "cancelled" if chosen == "cancelled" else "end_turn"

    async def _wait(self, session: str, _: str) -> str:
        self._child = await asyncio.create_subprocess_exec("sleep", "600", start_new_session=True)
        call = acp.start_tool_call("call_1", "sleep 600", kind="execute", status="in_progress")
        await self._tell(session, call)
        await self._cancelled.wait()
        return "cancelled"

    async def _open(self, session: str, name: str) -> str:
        try:
            await self._client.read_text_file(session_id=session, path=str(self._cwd / name))
        except acp.RequestError as error:
            await self._tell(session, acp.update_agent_message_text(f"refused: {error.code}"))
        return "end_turn"

    async def _refuse(self, session: str, _: str) -> str:
        return "refusal"

    async def _fail(self, session: str, _: str) -> str:
        raise acp.RequestError.internal_error({"details": "the provider is overloaded"})

    async def _die(self, session: str, _: str) -> str:
        os._exit(3)

    async def _recall(self, session: str, _: str) -> str:
        await self._tell(session, acp.update_agent_message_text(" | ".join(self._recalled(session))))
        return "end_turn"

    async def _tell(self, session: str, update: Any) -> None:
        await self._client.session_update(session_id=session, update=update)

    def _options(self) -> list[Any]:
        models = [schema.SessionConfigSelectOption(value=model, name=model) for model in MODELS]
        return [
            schema.SessionConfigOptionSelect(
                id="model", name="Model", category="model", type="select", current_value=self._model, options=models
            )
        ]

    def _cost(self, session_id: str) -> schema.UsageUpdate:
        paid = COST_USD * len(self._recalled(session_id))
        cost = schema.Cost(amount=paid, currency="USD")
        return schema.UsageUpdate(session_update="usage_update", used=100, size=1000, cost=cost)

    def _recalled(self, session_id: str) -> list[str]:
        sessions: dict[str, list[str]] = json.loads(self._memory.read_text()) if self._memory.exists() else {}
        if session_id not in sessions:
            raise acp.RequestError.resource_not_found(session_id)
        return sessions[session_id]

    def _remember(self, session_id: str, prompts: list[str]) -> None:
        sessions = json.loads(self._memory.read_text()) if self._memory.exists() else {}
        self._memory.write_text(json.dumps({**sessions, session_id: prompts}))


if __name__ == "__main__":
    agent = Agent(Path(sys.argv[1]), (sys.argv[2:] or [""])[0])
    asyncio.run(acp.run_agent(agent, use_unstable_protocol=True))
