"""What the command line says in the place of the settings file. Pure."""

from collections.abc import Callable

from msgspec.structs import replace

from aurora_desktop.core.settings.schema import Settings
from aurora_desktop.core.settings.schema_healing import StallRule

Override = Callable[[Settings], Settings]


def stall_checking(interval_s: float | None, threshold_s: float | None) -> Override:
    """Every stall rule with this time between two looks, and this much silence for a stall; None leaves it.

    The gentlest remedy is not tried later than that.
    """

    def changed(rule: StallRule) -> StallRule:
        threshold = rule.threshold_sec if threshold_s is None else threshold_s
        return replace(
            rule,
            check_interval_sec=rule.check_interval_sec if interval_s is None else interval_s,
            threshold_sec=threshold,
            proactive_threshold_sec=min(rule.proactive_threshold_sec, threshold),
        )

    def override(settings: Settings) -> Settings:
        agents = settings.agents
        watched = {name: replace(agent, stall=changed(agent.stall)) for name, agent in agents.watch.items()}
        services = {
            name: replace(service, stall=changed(service.stall)) if service.stall else service
            for name, service in settings.services.items()
        }
        return replace(settings, agents=replace(agents, watch=watched, stall=changed(agents.stall)), services=services)

    return override
