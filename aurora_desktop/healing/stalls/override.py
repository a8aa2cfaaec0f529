"""Values of stall checking from the command line, in the place of what the settings say."""

from msgspec import Struct
from msgspec.structs import replace

from aurora_desktop.core.settings.schema_healing import StallRule


class Override(Struct, frozen=True, kw_only=True):
    """`aurora heal --daemon --interval S --threshold S`: above the settings, for this run alone."""

    interval_s: float | None = None
    threshold_s: float | None = None

    def over(self, rule: StallRule) -> StallRule:
        if self.interval_s is not None:
            rule = replace(rule, check_interval_sec=self.interval_s)
        if self.threshold_s is not None:
            proactive_s = min(rule.proactive_threshold_sec, self.threshold_s)
            rule = replace(rule, threshold_sec=self.threshold_s, proactive_threshold_sec=proactive_s)
        return rule
