"""What a change of the input settings loosens, and which part of it may act at once.

For each field there is a safer side. `tightened` takes the safer of the old and the new value; what is neither (the
backend) it takes from the new settings. Any change of the hotkey counts as loosening: it is the brake itself.
"""

from typing import Any, Final

from msgspec.structs import replace

from aurora_desktop.core.settings.schema import EvidenceSettings, InputPolicy, InputSettings, Region, WindowRule
from aurora_desktop.safety import areas
from aurora_desktop.safety.hours import minutes_in, overlap

# An empty list of allowed windows or regions allows all, so "none" has to be said otherwise: a pattern that matches
# no title, and a pixel where no display is.
NO_WINDOW: Final = WindowRule(title="(?!)")
NOWHERE: Final = Region(x=-(2**31), y=-(2**31), width=1, height=1)

_MODES: Final = ("dry_run", "ask", "act")
_MORE_IS_LOOSER: Final = {
    "arm_minutes": "arming lasts longer ({old:g} to {new:g} minutes)",
    "events_per_s": "events come faster ({old:g} to {new:g} a second)",
    "max_hold_s": "keys and buttons may be held longer ({old:g} to {new:g} s)",
    "queue_limit": "more actions may wait ({old} to {new})",
}
_OFF_IS_LOOSER: Final = {
    "operator_first": "the agent no longer pauses while you use mouse or keyboard",
    "failsafe_corners": "the pointer in a corner no longer stops everything",
    "show_overlay": "the border and narration on the screen are off",
}
_POLICY_LIMITS: Final = {
    "max_actions_per_s": "more actions a second ({old:g} to {new:g})",
    "max_characters_per_s": "more characters a second ({old:g} to {new:g})",
}
_EVIDENCE_LIMITS: Final = {
    "max_bytes": "fewer screenshots are kept ({old} to {new} bytes)",
    "max_age_days": "screenshots are kept for a shorter time ({old:g} to {new:g} days)",
}


def loosened(old: InputSettings, new: InputSettings) -> tuple[str, ...]:
    """A sentence for each field by which the new settings allow more; none if nothing loosens."""
    told = [
        *([f"`hotkey`: the panic hotkey becomes {new.hotkey}"] if new.hotkey != old.hotkey else []),
        *([f"`mode`: arming offers `{new.mode}` first, not `{old.mode}`"] if _mode(new) > _mode(old) else []),
        *_grown(old, new, _MORE_IS_LOOSER, ""),
        *(f"`{name}`: {words}" for name, words in _OFF_IS_LOOSER.items() if getattr(old, name) > getattr(new, name)),
        *_loosened_evidence(old.evidence, new.evidence),
        *_loosened_policy(old.policy, new.policy),
    ]
    return tuple(told)


def tightened(old: InputSettings, new: InputSettings) -> InputSettings:
    """The new settings with the old value wherever that is the safer one, so that nothing is loosened."""
    safer: dict[str, Any] = {name: min(getattr(old, name), getattr(new, name)) for name in _MORE_IS_LOOSER}
    safer |= {name: getattr(old, name) or getattr(new, name) for name in _OFF_IS_LOOSER}
    return replace(
        new,
        hotkey=old.hotkey,
        mode=min(old.mode, new.mode, key=_MODES.index),
        evidence=_tightened_evidence(old.evidence, new.evidence),
        policy=_tightened_policy(old.policy, new.policy),
        **safer,
    )


def _mode(settings: InputSettings) -> int:
    return _MODES.index(settings.mode)


def _grown(old: Any, new: Any, limits: dict[str, str], prefix: str) -> list[str]:
    pairs = {name: (getattr(old, name), getattr(new, name)) for name in limits}
    return [f"`{prefix}{name}`: {limits[name].format(old=a, new=b)}" for name, (a, b) in pairs.items() if b > a]


def _loosened_evidence(old: EvidenceSettings, new: EvidenceSettings) -> list[str]:
    off = ["`evidence.enabled`: no screenshots before and after actions"] if old.enabled > new.enabled else []
    shorter = [
        f"`evidence.{name}`: {words.format(old=getattr(old, name), new=getattr(new, name))}"
        for name, words in _EVIDENCE_LIMITS.items()
        if getattr(new, name) < getattr(old, name)
    ]
    return [*off, *shorter]


def _tightened_evidence(old: EvidenceSettings, new: EvidenceSettings) -> EvidenceSettings:
    kept = {name: max(getattr(old, name), getattr(new, name)) for name in _EVIDENCE_LIMITS}
    return EvidenceSettings(enabled=old.enabled or new.enabled, **kept)


def _loosened_policy(old: InputPolicy, new: InputPolicy) -> list[str]:
    told: tuple[tuple[bool, str], ...] = (
        (_more_windows(old.allow_windows, new.allow_windows), "`policy.allow_windows`: agents may act in more windows"),
        (_fewer_denied(old.deny_windows, new.deny_windows), "`policy.deny_windows`: fewer windows are denied"),
        (_more_area(old.regions, new.regions), "`policy.regions`: agents may act in a larger area"),
        (not minutes_in(new.hours) <= minutes_in(old.hours), "`policy.hours`: agents may act at more hours"),
    )
    return [*(words for is_looser, words in told if is_looser), *_grown(old, new, _POLICY_LIMITS, "policy.")]


def _tightened_policy(old: InputPolicy, new: InputPolicy) -> InputPolicy:
    return InputPolicy(
        allow_windows=_allowed_by_both(old.allow_windows, new.allow_windows),
        deny_windows=_denied_by_either(old.deny_windows, new.deny_windows),
        regions=_area_of_both(old.regions, new.regions),
        hours=new.hours if minutes_in(new.hours) <= minutes_in(old.hours) else overlap(old.hours, new.hours),
        **{name: min(getattr(old, name), getattr(new, name)) for name in _POLICY_LIMITS},
    )


def _more_windows(old: list[WindowRule], new: list[WindowRule]) -> bool:
    """Whether the new list allows a window that the old one did not; an empty list allows all."""
    return bool(old) and (not new or not all(_is_within(rule, old) for rule in new))


def _allowed_by_both(old: list[WindowRule], new: list[WindowRule]) -> list[WindowRule]:
    if not _more_windows(old, new):
        return new
    return [*(r for r in new if _is_within(r, old)), *(r for r in old if r not in new and _is_within(r, new))] or (
        [NO_WINDOW] if new else old
    )


def _fewer_denied(old: list[WindowRule], new: list[WindowRule]) -> bool:
    return not all(_is_within(rule, new) for rule in old)


def _denied_by_either(old: list[WindowRule], new: list[WindowRule]) -> list[WindowRule]:
    return [*new, *(rule for rule in old if not _is_within(rule, new))]


def _is_within(rule: WindowRule, rules: list[WindowRule]) -> bool:
    """Whether every window of the rule is one of a single other rule's; two patterns compare by their text alone."""
    return any(_is_narrower(rule, other) for other in rules)


def _is_narrower(rule: WindowRule, other: WindowRule) -> bool:
    same_class = not other.window_class or other.window_class.lower() == (rule.window_class or "").lower()
    return rule == NO_WINDOW or (same_class and (not other.title or other.title == rule.title))


def _more_area(old: list[Region], new: list[Region]) -> bool:
    """Whether the new list has a pixel that the old one had not; an empty list is everywhere."""
    return bool(old) and (not new or not all(region == NOWHERE or areas.covers(old, region) for region in new))


def _area_of_both(old: list[Region], new: list[Region]) -> list[Region]:
    if not _more_area(old, new):
        return new
    return areas.overlap(old, new) or [NOWHERE] if new else old
