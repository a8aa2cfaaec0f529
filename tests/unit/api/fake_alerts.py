"""Alerts with one channel, that send nothing."""

from aurora_desktop.core.errors import AuroraError
from aurora_desktop.healing.alerts.view import AlertsView, ChannelView, Delivered, Place, Snooze, TestResult


class FakeAlerts:
    def __init__(self) -> None:
        self.tested: list[str | None] = []
        self.snoozed: list[tuple[float, str]] = []
        self.ok = True
        self.place: Place = "keyring"
        self.warning = ""

    def view(self) -> AlertsView:
        return self._view("unknown")

    async def look(self) -> AlertsView:
        return self._view(self.place)

    async def test(self, channel: str | None) -> tuple[TestResult, ...]:
        if channel not in (None, "hook"):
            raise AuroraError(f"There is no channel `{channel}`", "", "Did you mean `hook`?")
        self.tested.append(channel)
        cause = "it was taken" if self.ok else "it answered 500"
        return (TestResult(channel="hook", ok=self.ok, cause=cause, duration_s=1.25),)

    def snooze(self, for_s: float, component: str = "") -> Snooze:
        if for_s < 0:
            raise AuroraError("This is no time to be silent for")
        self.snoozed.append((for_s, component))
        return Snooze(until=1_700_000_000.0 + for_s, component=component)

    def is_snoozed(self, component: str) -> bool:
        return any(component == snoozed for _, snoozed in self.snoozed)

    def _view(self, place: Place) -> AlertsView:
        last = Delivered(at=1_700_000_000.0, ok=self.ok, title="web failed", cause="" if self.ok else "it answered 500")
        channel = ChannelView(
            name="hook", address="secret `hook`", on=("escalation",), place=place, warning=self.warning, last=last
        )
        snoozes = tuple(Snooze(until=1_700_000_000.0 + for_s, component=name) for for_s, name in self.snoozed)
        return AlertsView(channels=(channel,), snoozes=snoozes)
