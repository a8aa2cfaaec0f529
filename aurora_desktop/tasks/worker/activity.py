"""What an agent is doing, derived from what its adapter observed."""

from aurora_desktop.tasks.adapters.adapter import (
    Asks,
    AsksNoMore,
    Finished,
    Observation,
    Odd,
    ProviderRetry,
    Reply,
    Said,
    Session,
    Spent,
    ToolEnded,
    ToolStarted,
)
from aurora_desktop.tasks.newest import Newest
from aurora_desktop.tasks.task import Activity, ActivityKind

SILENT_AFTER_S = 10.0
_MOST_DETAIL = 200


class ActivityTracker:
    """Times (`at`) in Unix time. A question outweighs a tool, a tool outweighs thinking; nothing follows the end."""

    def __init__(self, at: float) -> None:
        self._tools: Newest[str, str] = Newest()
        self._asks: dict[str, str] = {}
        self._retry: ProviderRetry | None = None
        self._heard = False
        self._finished = False
        self._held = False
        self._shown = Activity(kind="starting", since=at)

    @property
    def waits(self) -> bool:
        """For the operator: because it asks, or because it is held."""
        return bool(self._asks) or self._held

    @property
    def works(self) -> bool:
        """Without a word of the agent: a tool of it runs, or its provider is asked again."""
        return bool(self._tools) or self._retry is not None

    def hold(self, *, held: bool) -> None:
        self._held = held

    def observe(self, seen: Observation) -> None:
        if isinstance(seen, ProviderRetry):
            self._retry = seen
        elif not isinstance(seen, Odd | Reply | Spent | Session):
            self._retry = None
        if isinstance(seen, Asks):
            self._asks[seen.id] = seen.tool
        elif isinstance(seen, AsksNoMore):
            self._asks.pop(seen.id, None)
        elif isinstance(seen, ToolStarted):
            self._tools[seen.id] = f"{seen.tool}: {seen.summary}" if seen.summary else seen.tool
        elif isinstance(seen, ToolEnded):
            self._tools.pop(seen.id, None)
        elif isinstance(seen, Finished):
            self._finished = True
        self._heard = self._heard or isinstance(seen, Said | ToolStarted | ToolEnded | Asks)

    def printed(self) -> None:
        """It printed something, of an agent that speaks no protocol."""
        self._heard = True

    def now(self, at: float, quiet_s: float) -> Activity:
        """The same object as long as nothing changed; `since` is when it began to be so."""
        fresh = self._derived(at, quiet_s)
        if _essence(fresh) != _essence(self._shown):
            self._shown = fresh
        return self._shown

    def _derived(self, at: float, quiet_s: float) -> Activity:
        if self._held:
            return Activity(kind="frozen", since=at)
        if self._finished:
            return Activity(kind="finishing", since=at)
        if self._asks:
            return _doing("waiting_permission", at, next(iter(self._asks.values())))
        if self._retry is not None:
            return _retrying(self._retry, at)
        if self._tools:
            return _doing("tool", at, next(reversed(self._tools.values())))
        if quiet_s >= SILENT_AFTER_S:
            return Activity(kind="silent", since=at - quiet_s)
        return Activity(kind="thinking" if self._heard else "starting", since=at)


def _doing(kind: ActivityKind, at: float, detail: str) -> Activity:
    return Activity(kind=kind, since=at, detail=detail[:_MOST_DETAIL])


def _retrying(retry: ProviderRetry, at: float) -> Activity:
    detail = retry.detail or (f"HTTP {retry.status}" if retry.status is not None else "")
    return Activity(
        kind="retrying_provider",
        since=at,
        detail=detail[:_MOST_DETAIL],
        attempt=retry.attempt,
        most_attempts=retry.most_attempts,
    )


def _essence(activity: Activity) -> tuple[object, ...]:
    return activity.kind, activity.detail, activity.attempt, activity.most_attempts
