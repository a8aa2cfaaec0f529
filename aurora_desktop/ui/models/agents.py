"""The watched agents as a table, those that need somebody first."""

from collections.abc import Sequence
from heapq import nsmallest

from PySide6.QtCore import QObject

from aurora_desktop.core.events import AGENT_PREFIX, SERVICE_PREFIX
from aurora_desktop.healing.view import AgentState, AgentView
from aurora_desktop.ui import phrases
from aurora_desktop.ui.models.rows import Cells, Look, RowsModel

# Of ten thousand nobody reads them all, and each look must stay within what the loop may take.
SHOWN = 200

AGENT_LOOKS: dict[AgentState, Look] = {
    "working": ("state-ready", "ok"), "idle": ("state-stopped", "muted"), "silent": ("state-waiting", "warn"),
    "stalled": ("state-unhealthy", "bad"), "healing": ("state-starting", "info"), "escalated": ("needs-you", "bad"),
    "unreadable": ("state-failed", "warn"),
}  # fmt: skip
_RANK: dict[AgentState, int] = {
    "escalated": 0, "stalled": 1, "healing": 2, "unreadable": 3, "silent": 4, "working": 5, "idle": 6,
}  # fmt: skip


def worst_first(agents: Sequence[AgentView], text: str = "") -> list[AgentView]:
    """The first `SHOWN` that contain every word of `text`, by how much they need somebody, then by name."""
    words = text.casefold().split()
    found = [agent for agent in agents if _contains(agent, words)] if words else agents
    return nsmallest(SHOWN, found, key=lambda agent: (_RANK[agent.state], agent.component))


def _contains(agent: AgentView, words: list[str]) -> bool:
    where = f"{agent.component} {phrases.AGENT_WORDS[agent.state]} {agent.sentence}".casefold()
    return all(word in where for word in words)


def silence(agent: AgentView) -> str:
    """How long nothing was seen of it, beside what is too long; an idle one may be silent for ever."""
    silent = phrases.uptime(agent.silent_s)
    limited = agent.threshold_s and agent.state != "idle"
    return f"{silent} (limit {phrases.uptime(agent.threshold_s)})" if limited else silent


def name_of(agent: AgentView) -> str:
    """Its name, among agents; that it is a service is what is worth a word."""
    if agent.component.startswith(SERVICE_PREFIX):
        return f"{agent.component.removeprefix(SERVICE_PREFIX)} (service)"
    return agent.component.removeprefix(AGENT_PREFIX)


def rung(agent: AgentView) -> str:
    """How far up the ladder it is."""
    if not agent.rung:
        return phrases.NONE
    tries = f", attempt {agent.attempts}" if agent.attempts else ""
    return f"{phrases.named(agent.rung)}{tries}"


class AgentsModel(RowsModel[AgentView]):
    """One row for each watched agent."""

    def __init__(self, parent: QObject | None = None) -> None:
        columns = (
            Cells(title="Agent", text=name_of),
            Cells(
                title="State", text=lambda agent: phrases.AGENT_WORDS[agent.state],
                look=lambda agent: AGENT_LOOKS[agent.state],
            ),
            Cells(title="Silent for", text=silence),
            Cells(title="Last sign", text=lambda agent: phrases.SOURCE_WORDS.get(agent.last_source, agent.last_source)),
            Cells(title="Rung", text=rung),
            Cells(title="What is known", text=lambda agent: agent.sentence),
        )  # fmt: skip
        super().__init__(columns, lambda agent: agent.component, parent=parent)
