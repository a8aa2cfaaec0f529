"""Whether an agent may do what it asks for: a pure rule over the settings, the windows and the time of day.

What is judged, by kind of action:

- the pointer (moves, clicks, drags, scrolls): the window under each of its places, and each place by the regions;
- the keyboard (key, hold_key, type, paste): the window that has the focus; a pointer action with modifiers too;
- screenshot, zoom, cursor_position, list_windows, wait: the hours alone. Regions and windows bound where agents *act*;
  whoever arms lets them see the screen;
- release_all: never refused, for it only lets go.
"""

import re
from collections import deque
from collections.abc import Collection, Sequence
from datetime import datetime, time
from functools import lru_cache
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from aurora_desktop.core.clock import Clock
from aurora_desktop.core.settings.schema import Hours, InputPolicy, Region, WindowRule
from aurora_desktop.input.actions import (
    MAX_DURATION_S,
    Action,
    CursorPosition,
    HoldKey,
    Key,
    ListWindows,
    Paste,
    ReleaseAll,
    Screenshot,
    Type,
    Wait,
    Zoom,
)
from aurora_desktop.input.messages import Window
from aurora_desktop.input.places import Pixel
from aurora_desktop.safety.hours import is_within

OWN_CLASS: Final = "aurora-desktop"

_PASSWORDS: Final = frozenset({
    "1password", "authenticator", "bitwarden", "buttercup", "com.bitwarden.desktop", "com.onepassword.onepassword",
    "dashlane", "elpass", "enpass", "gnome-keyring", "gnome-keyring-prompt", "io.github.quexten.goldwarden",
    "keepass", "keepass2", "keepassx", "keepassx2", "keepassxc", "keeper", "keeperpasswordmanager", "keychain access",
    "keyguard", "kwalletmanager", "kwalletmanager5", "kwalletmanager6", "kwalletd", "kwalletd5", "kwalletd6",
    "lastpass", "nordpass", "org.gnome.secrets", "org.gnome.seahorse.application", "org.gnome.world.secrets",
    "org.keepassxc.keepassxc", "org.kde.kwalletmanager", "org.kde.kwalletmanager5", "passky", "passwords",
    "proton pass", "proton-pass", "protonpass", "qtpass", "roboform", "seahorse", "secrets",
})  # fmt: skip
_PROMPTS: Final = frozenset({
    "consent", "credential dialog xaml host", "gcr-prompter", "gcr-viewer", "gksu", "gksudo", "gnome-ssh-askpass",
    "gnome-ssh-askpass2", "gnome-ssh-askpass3", "kdesu", "kdesudo", "ksshaskpass", "lxpolkit", "lxqt-openssh-askpass",
    "lxqt-policykit-agent", "lxqt-sudo", "mate-polkit", "org.gnome.polkit", "org.kde.ksshaskpass",
    "org.kde.polkit-kde-authentication-agent-1", "polkit", "polkit-agent-helper-1",
    "polkit-gnome-authentication-agent-1", "polkit-kde-authentication-agent-1", "polkit-mate-authentication-agent-1",
    "securityagent", "ssh-askpass", "ukui-polkit", "x11-ssh-askpass", "xfce-polkit",
})  # fmt: skip
_LOCKS: Final = frozenset({
    "alock", "betterlockscreen", "cinnamon-screensaver", "gdm", "gnome-screensaver", "gtklock", "hyprlock", "i3lock",
    "kscreenlocker", "kscreenlocker_greet", "light-locker", "lightdm-gtk-greeter", "lockapp", "loginwindow",
    "mate-screensaver", "physlock", "screenlock", "sddm-greeter", "slock", "swaylock", "ukui-screensaver", "vlock",
    "waylock", "xfce4-screensaver", "xlock", "xscreensaver", "xsecurelock", "xtrlock",
})  # fmt: skip
_ALWAYS_DENIED: Final = (
    (frozenset({OWN_CLASS}), "a window of Aurora's own"),
    (_PASSWORDS, "a password manager"),
    (_PROMPTS, "a dialog that asks for a password or a permission"),
    (_LOCKS, "a lock screen"),
)
_PROMPT_BEGINNINGS: Final = ("pinentry",)
# Extensions of browsers open their windows under the browser's class.
_PASSWORD_TITLES: Final = re.compile(
    r"^\s*(?:extension:.*)?\b(?:1password|bitwarden|dashlane|keepassxc?|lastpass|nordpass|proton ?pass)\b"
    r"| - keepass(?:xc|x)?\s*$|^\s*windows (?:security|default lock screen)\s*$",
    re.IGNORECASE,
)

_KEYBOARD: Final = (Key, HoldKey, Type, Paste)
_LOOKING: Final = (Screenshot, Zoom, CursorPosition, ListWindows, Wait)


class Allowed(Struct, frozen=True):
    """The action may be done."""


class Refused(Struct, frozen=True):
    """It may not; `reason` and `hint` in words."""

    reason: str
    hint: str = ""


Decision = Allowed | Refused


def decide(
    action: Action,
    policy: InputPolicy,
    *,
    places: Sequence[Pixel],
    windows: Sequence[Window | None],
    focus: Window | None,
    own_pids: Collection[int],
    now_local: datetime | time,
) -> Decision:
    """Judges a resolved action. `places`: where it touches; `windows`: the one under each place, None for none.

    `own_pids`: processes of Aurora's own; `now_local`: the time of day here.
    """
    if isinstance(action, ReleaseAll):
        return Allowed()
    if not is_within(policy.hours, now_local):
        return _outside(policy.hours)
    return (
        _by_places(action, policy, places, windows)
        or _by_windows(judged_windows(action, windows, focus), policy, own_pids)
        or Allowed()
    )


def uses_keyboard(action: Action) -> bool:
    """Whether keys are pressed, so that the focused window matters."""
    return isinstance(action, _KEYBOARD) or bool(getattr(action, "modifiers", ""))


def uses_pointer(action: Action) -> bool:
    """Whether the pointer acts, so that the windows under it matter."""
    return not isinstance(action, (*_KEYBOARD, *_LOOKING, ReleaseAll))


def judged_windows(
    action: Action, windows: Sequence[Window | None], focus: Window | None
) -> tuple[tuple[str, Window | None], ...]:
    """The windows that an action would reach, each once and with the words for how."""
    under = [("under the pointer", window) for window in dict.fromkeys(windows)] if uses_pointer(action) else []
    return (*under, *([("with the keyboard", focus)] if uses_keyboard(action) else []))


def paced(action: Action, policy: InputPolicy) -> Action:
    """The same action with its text typed no faster than the settings say."""
    if not isinstance(action, Type):
        return action
    return replace(action, interval_s=max(action.interval_s, min(1 / policy.max_characters_per_s, MAX_DURATION_S)))


def always_denied(window: Window, own_pids: Collection[int]) -> str:
    """What the window is, in words, if no agent may ever act in it; else ""."""
    if window.pid and window.pid in own_pids:
        return "a window of Aurora's own"
    names = _class_names(window)
    for classes, words in _ALWAYS_DENIED:
        if names & classes:
            return words
    if any(name.startswith(_PROMPT_BEGINNINGS) for name in names):
        return "a dialog that asks for a password or a permission"
    return "a password manager" if _PASSWORD_TITLES.search(window.title) else ""


def matches(rule: WindowRule, window: Window) -> bool:
    """Whether the window is one of the rule's: its class, and its title, where each is given."""
    if rule.window_class and rule.window_class.lower() not in _class_names(window):
        return False
    return not rule.title or bool(_pattern(rule.title).search(window.title))


def _class_names(window: Window) -> frozenset[str]:
    """Instance and class, if both were told, as X has them: with a NUL between."""
    return frozenset(name for name in window.window_class.lower().split("\0") if name)


@lru_cache(maxsize=256)
def _pattern(title: str) -> re.Pattern[str]:
    return re.compile(title)


def _by_windows(
    judged: Sequence[tuple[str, Window | None]], policy: InputPolicy, own_pids: Collection[int]
) -> Refused | None:
    return next((no for how, window in judged if (no := _by_window(how, window, policy, own_pids))), None)


def _by_window(how: str, window: Window | None, policy: InputPolicy, own_pids: Collection[int]) -> Refused | None:
    if window is None:
        allowed = not policy.allow_windows
        return None if allowed else Refused(f"no window {how} is known", "agents may act in the allowed windows alone")
    name = f"the window {how}, {_named(window)},"
    if what := always_denied(window, own_pids):
        return Refused(f"{name} is {what}", "agents never act there")
    if any(matches(rule, window) for rule in policy.deny_windows):
        return Refused(f"{name} is denied", "see `input.policy.deny_windows` in the settings")
    if policy.allow_windows and not any(matches(rule, window) for rule in policy.allow_windows):
        return Refused(f"{name} is not among the allowed ones", "see `input.policy.allow_windows` in the settings")
    return None


def _by_places(
    action: Action, policy: InputPolicy, places: Sequence[Pixel], windows: Sequence[Window | None]
) -> Refused | None:
    if not uses_pointer(action):
        return None
    if not places or len(windows) != len(places):
        return Refused("where the pointer would act is not known")
    outside = [place for place in places if policy.regions and not any(_has(r, place) for r in policy.regions)]
    if outside:
        return Refused(
            "the point {}, {} is outside of the allowed regions".format(*outside[0]), _regions(policy.regions)
        )
    return None


def _has(region: Region, place: Pixel) -> bool:
    x, y = place
    return region.x <= x < region.x + region.width and region.y <= y < region.y + region.height


def _regions(regions: Sequence[Region]) -> str:
    told = [f"x {r.x} to {r.x + r.width - 1}, y {r.y} to {r.y + r.height - 1}" for r in regions[:4]]
    return f"allowed: {'; '.join(told)}{' and more' if len(regions) > 4 else ''}"


def _outside(hours: Hours | None) -> Refused:
    span = f"{hours.start} to {hours.end}" if hours else ""
    never = " (which is never: they are the same)" if hours and hours.start == hours.end else ""
    return Refused("agents may not act at this hour", f"allowed from {span}{never}")


def _named(window: Window) -> str:
    words = window.title or window.window_class.split("\0")[-1] or "without a name"
    plain = "".join(c if c.isprintable() and c != '"' else "?" for c in words[:61])
    return f'"{plain if len(words) <= 60 else plain[:59] + "…"}"'


class RateLimit:
    """At most `max_actions_per_s` actions in any second, and text no faster than `max_characters_per_s`.

    Actions over it are refused, so they are counted exactly, within a sliding second (a longer span below 1 a second).
    Text is only slowed: a bucket of one second's characters may run into debt, which the next text waits for.
    """

    def __init__(self, clock: Clock, policy: InputPolicy) -> None:
        self._clock = clock
        self._admitted: deque[float] = deque()
        self._filled_at = clock.monotonic()
        self.policy = policy
        self._characters = policy.max_characters_per_s

    def set_policy(self, policy: InputPolicy) -> None:
        """Other limits from now on; what was used stays used."""
        self._refill()
        self.policy = policy
        self._characters = min(self._characters, policy.max_characters_per_s)

    def admit(self) -> Refused | None:
        """Counts one action, or says why it is one too many."""
        most = max(1, int(self.policy.max_actions_per_s))
        span_s = most / self.policy.max_actions_per_s
        now = self._clock.monotonic()
        while self._admitted and now - self._admitted[0] >= span_s:
            self._admitted.popleft()
        if len(self._admitted) >= most:
            return self._too_many(self._admitted[-most] + span_s - now)
        self._admitted.append(now)
        return None

    def text_wait_s(self) -> float:
        """Seconds until the next text may begin."""
        self._refill()
        return max(0.0, -self._characters / self.policy.max_characters_per_s)

    def count_text(self, action: Action) -> None:
        """The text of an action that begins now."""
        if isinstance(action, Type | Paste):
            self._refill()
            self._characters -= len(action.text)

    def _refill(self) -> None:
        now = self._clock.monotonic()
        rate = self.policy.max_characters_per_s
        self._characters = min(rate, self._characters + (now - self._filled_at) * rate)
        self._filled_at = now

    def _too_many(self, wait_s: float) -> Refused:
        words = f"more than {self.policy.max_actions_per_s:g} actions a second"
        return Refused(words, f"try again in {max(wait_s, 0.001):.3g} s; the limit is `input.policy.max_actions_per_s`")
