"""Which adapter an agent's kind has; each is imported when the first task for it comes."""

from importlib import import_module

from aurora_desktop.core.errors import AuroraError
from aurora_desktop.tasks.adapters.adapter import AgentAdapter, MakesAdapter
from aurora_desktop.tasks.messages import Run

ADAPTERS = {
    "claude": ("aurora_desktop.tasks.adapters.claude", "Claude"),
    "codex": ("aurora_desktop.tasks.adapters.codex", "Codex"),
    "acp": ("aurora_desktop.tasks.adapters.acp", "Acp"),
    "command": ("aurora_desktop.tasks.adapters.command", "CommandAgent"),
}
"""Module and class by kind; `input` has none: its actions go through the gate, and no program runs."""


def make_adapter(run: Run) -> AgentAdapter:
    """Raises AuroraError for a kind that no worker can do, or what the adapter itself refuses."""
    if run.kind not in ADAPTERS:
        raise AuroraError(f"an agent of the kind `{run.kind}` is not for a worker")
    module, name = ADAPTERS[run.kind]
    make: MakesAdapter = getattr(import_module(module), name)
    return make(run)
