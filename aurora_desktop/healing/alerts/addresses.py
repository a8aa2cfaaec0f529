"""The addresses of channels (Apprise URLs): what is secret in them, and which are refused. Pure."""

import re
from typing import NamedTuple
from urllib.parse import parse_qsl, unquote, urlsplit

from aurora_desktop.core.errors import AuroraError
from aurora_desktop.core.settings.schema_healing import AlertChannel

MAX_LENGTH = 4096
SHORTEST_SECRET = 4
_SCHEME = re.compile(r"([A-Za-z0-9][A-Za-z0-9+.-]*)://")
# They speak to this machine's own desktop, its log or a device at its USB, or run a program for it.
LOCAL_SCHEMES = frozenset({
    "dbus", "qt", "kde", "glib", "gio", "gnome", "windows", "macosx", "syslog", "blink1",
    "file", "memory", "exec", "script", "notify",
})  # fmt: skip
# Whose host and path say only where to. With all others, each part may be a token.
_PLAIN_SCHEMES = frozenset({
    "json", "jsons", "xml", "xmls", "form", "forms", "apprise", "apprises", "mailto", "mailtos",
    "mqtt", "mqtts", "irc", "ircs", "rsyslog", "xmpp", "xmpps", "growl", "kodi", "kodis", "xbmc", "xbmcs",
})  # fmt: skip
_SECRET_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_SECRET_NAMES = re.compile(r"pass|pwd|token|secret|key|auth|sig", re.IGNORECASE)


def scheme_of(url: str) -> str:
    """In lower case; "" when it has none."""
    match = _SCHEME.match(url)
    return match[1].lower() if match else ""


def check(url: str) -> None:
    """Raises AuroraError, which shows nothing of the address but its scheme."""
    if not url.strip() or len(url) > MAX_LENGTH or not url.isprintable():
        detail = f"it must be one line of at most {MAX_LENGTH} printable characters"
        raise AuroraError("This is no address for alerts", detail, _EXAMPLES)
    scheme = scheme_of(url)
    if not scheme:
        raise AuroraError("This is no address for alerts", "it does not begin with a scheme like `jsons://`", _EXAMPLES)
    if scheme in LOCAL_SCHEMES:
        detail = f"`{scheme}://` does not leave this machine: it speaks to a program or device here, or runs one"
        raise AuroraError("Alerts are not sent by this scheme", detail, "The desktop's own notifications come anyway")


_EXAMPLES = "For instance `jsons://example.com/hook` or `mailtos://user:password@example.com`"


def check_secret_name(name: str) -> None:
    """It is the name of a file too. Raises AuroraError."""
    if not _SECRET_NAME.fullmatch(name):
        raise AuroraError("This is no name for a secret", "letters, digits, `.`, `_` and `-`, at most 64", "")


def has_credentials(url: str) -> bool:
    """Whether a password or token stands in the address, or may, with services that put theirs anywhere."""
    parts = _Parts.of(url)
    named = any(_SECRET_NAMES.search(name) for name, _ in parts.query)
    return ":" in parts.user or named or scheme_of(url) not in _PLAIN_SCHEMES


def shown(channel: AlertChannel) -> str:
    """The address without what is secret in it, or the name of the secret that holds it."""
    return shown_url(channel.url) if channel.url is not None else f"secret `{channel.secret}`"


def shown_url(url: str) -> str:
    """`jsons://example.com`: scheme and host alone, and of those only what cannot be a token."""
    scheme = scheme_of(url)
    host = _Parts.of(url).host if scheme in _PLAIN_SCHEMES else ""
    return f"{scheme}://{host or '***'}" if scheme else "***"


def scrubbed(text: str, url: str) -> str:
    """The text without the address and the parts of it that may be secret, longest first."""
    parts = _Parts.of(url)
    found = {url, parts.user, *parts.user.split(":"), parts.path, *parts.path.split("/")}
    found |= {value for _, value in parts.query}
    if scheme_of(url) not in _PLAIN_SCHEMES:
        found.add(parts.host)
    for part in sorted(found | set(map(unquote, found)), key=len, reverse=True):
        if len(part) >= SHORTEST_SECRET:
            text = text.replace(part, "***")
    return text


class _Parts(NamedTuple):
    """User-info, host with port, path and query of any text, right or not."""

    user: str
    host: str
    path: str
    query: list[tuple[str, str]]

    @classmethod
    def of(cls, url: str) -> "_Parts":
        try:
            parts = urlsplit(url)
        except ValueError:  # brackets that belong to no IPv6 address: all of it may be secret
            return cls(url, "", "", [])
        user, _, host = parts.netloc.rpartition("@")
        return cls(user, host, parts.path, parse_qsl(parts.query))
