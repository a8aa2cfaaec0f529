"""The watched agents: who works, who is silent for how long, and how far the ladder went."""

from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QHeaderView, QVBoxLayout

from aurora_desktop.healing.view import AgentView, HealingView
from aurora_desktop.ui import phrases
from aurora_desktop.ui.models.agents import SHOWN, AgentsModel, name_of, rung, silence, worst_first
from aurora_desktop.ui.models.rows import ROW_ROLE
from aurora_desktop.ui.pages.keys import ListingKeys
from aurora_desktop.ui.pages.section import Section
from aurora_desktop.ui.theme import Theme
from aurora_desktop.ui.widgets.delegates import CellDelegate, MutedDelegate, NameDelegate, ShapeDelegate
from aurora_desktop.ui.widgets.empty import EmptyState
from aurora_desktop.ui.widgets.listing import LOW_PX, Listing
from aurora_desktop.ui.widgets.pieces import Button, ElidedLabel, Facts
from aurora_desktop.ui.widgets.search import SearchField
from aurora_desktop.ui.widgets.tables import hide_what_does_not_fit, make_table

_ROW_HEIGHT = 36
_AGENT, _STATE, _SILENT, _SIGN, _RUNG, _KNOWN = range(6)
_WIDTHS = {_AGENT: 170, _STATE: 136, _SILENT: 190, _SIGN: 160, _RUNG: 200, _KNOWN: 260}
_GIVEN_UP_FIRST = (_RUNG, _SIGN, _SILENT)
_FACTS = ("State", "Known", "Last sign", "Silent for", "Rung", "Workspace")
_NOTHING = (
    "Name workspaces under \u201cagents\u201d in the settings, or give a service a \u201cstall\u201d rule, and Aurora"
    " notices when one is alive and yet not working."
)


def counts(agents: tuple[AgentView, ...]) -> str:
    """`7 watched: 1 needs you, 2 working`."""
    tally: dict[str, int] = {}
    for agent in agents:
        word = phrases.AGENT_WORDS[agent.state].lower()
        tally[word] = tally.get(word, 0) + 1
    order = [word.lower() for word in phrases.AGENT_WORDS.values()]
    parts = [f"{tally[word]} {_agreeing(word, tally[word])}" for word in order if word in tally]
    shown = f"; the {SHOWN} most urgent are listed" if len(agents) > SHOWN else ""
    return f"{len(agents):,} watched: {', '.join(parts)}{shown}"


def _agreeing(word: str, count: int) -> str:
    return word.replace("needs", "need") if count > 1 else word


class AgentsSection(ListingKeys, Section):
    """Table, filter, and the chosen one in detail."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._agents: tuple[AgentView, ...] = ()
        self.model = AgentsModel(self)
        self.filter = SearchField(theme, "Filter agents", "Filter by name or state")
        self.filter.textChanged.connect(self._show)
        self.summary = ElidedLabel("", "muted")
        muted = MutedDelegate(theme)
        delegates = {
            _AGENT: NameDelegate(theme), _STATE: ShapeDelegate(theme), _SILENT: CellDelegate(theme), _SIGN: muted,
            _RUNG: muted, _KNOWN: muted,
        }  # fmt: skip
        self.table = make_table(self.model, "Watched agents, most urgent first", _ROW_HEIGHT, _WIDTHS, delegates)
        self.table.horizontalHeader().setSectionResizeMode(_KNOWN, QHeaderView.ResizeMode.Stretch)
        self.details = self._details_card(theme)
        self._lay_out(theme)
        self.table.selectionModel().selectionChanged.connect(self._show_details)
        self.table.clicked.connect(self._open_details)
        self.table.activated.connect(self._open_details)

    def show_healing(self, view: HealingView) -> None:
        """Show the agents as they are now."""
        self._agents = view.agents
        self._listing.show_rows(are_there=bool(view.agents))
        for each in (self.filter, self.summary):
            each.setVisible(bool(view.agents))
        self._show()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        hide_what_does_not_fit(self.table, _WIDTHS, _GIVEN_UP_FIRST, self.width())

    def _show(self) -> None:
        self.model.show(worst_first(self._agents, self.filter.text()))
        self.summary.setText(counts(self._agents))
        self._show_details()

    def _details_card(self, theme: Theme) -> QFrame:
        frame = QFrame()
        frame.setProperty("card", True)  # noqa: FBT003 - the value of a property
        frame.setAccessibleName("Agent details")
        self.title = ElidedLabel("", "title")
        self.facts = Facts(_FACTS, wrap=True)
        close = Button("Close details", "close", theme, kind="icon", tip="Close details (Esc)")
        close.clicked.connect(lambda: self._listing.close_detail())
        head = QHBoxLayout()
        head.addWidget(self.title, 1)
        head.addWidget(close)
        column = QVBoxLayout(frame)
        column.setContentsMargins(16, 12, 12, 12)
        column.addLayout(head)
        column.addWidget(self.facts, 1)
        frame.hide()
        return frame

    def _lay_out(self, theme: Theme) -> None:
        tools = QHBoxLayout()
        tools.setSpacing(12)
        tools.addWidget(self.filter, 2)
        tools.addWidget(self.summary, 3)
        empty = EmptyState(theme, "page-recovery", "No agent is watched", _NOTHING)
        self._listing = Listing(self.table, self.details, empty, detail_alone_below_px=LOW_PX, detail_height=200)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(12)
        column.addLayout(tools)
        column.addWidget(self._listing, 1)

    def _open_details(self) -> None:
        self.details.show()
        self._show_details()

    def _show_details(self) -> None:
        rows = self.table.selectionModel().selectedRows()
        agent = rows[0].data(ROW_ROLE) if rows else None
        if not isinstance(agent, AgentView):
            self.details.hide()
            return
        self.title.setText(name_of(agent))
        self.facts.show_facts(facts_of(agent))


def facts_of(agent: AgentView) -> dict[str, str]:
    """What the details tell of an agent."""
    return {
        "State": phrases.AGENT_WORDS[agent.state],
        "Known": phrases.quoted(agent.sentence),
        "Last sign": phrases.SOURCE_WORDS.get(agent.last_source, agent.last_source),
        "Silent for": silence(agent),
        "Rung": rung(agent) if agent.rung else "",
        "Workspace": agent.workspace,
    }
