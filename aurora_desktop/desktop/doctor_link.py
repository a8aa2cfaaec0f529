"""Checks of the link to a collaboration server: what the settings ask for, and how the running Aurora fares with it."""

import asyncio

from aurora_desktop.core.errors import AuroraError
from aurora_desktop.core.paths import StatePaths
from aurora_desktop.core.settings.problems import SettingsError
from aurora_desktop.core.settings.schema_link import LinkSettings, is_private
from aurora_desktop.desktop.finding import Finding, Patient
from aurora_desktop.healing.alerts.secrets import SecretStore
from aurora_desktop.link.keeper import NAME, store_in
from aurora_desktop.link.view import LinkView

_LINK, _SERVER, _WAY, _TOKENS, _LETTERS = "Link", "Link server", "Link encryption", "Link tokens", "Link messages"
_STATUS = "aurora link status"
_LONG_DOWN_ATTEMPTS = 5
"""About half a minute of them: fewer are a server that is being started."""


def link(patient: Patient) -> list[Finding]:
    """What can be told of it without a running Aurora: the address, who can read along, where the tokens lie."""
    try:
        settings = patient.settings().link
    except SettingsError:  # another check tells of it
        return [Finding(_LINK, "ok", "not looked at: the settings cannot be read")]
    if not settings.enabled:
        return [Finding(_LINK, "ok", "off in the settings")]
    return [_server(settings), *_encryption(settings), *_tokens(store_in(StatePaths(patient.state_dir).secrets))]


def _server(settings: LinkSettings) -> Finding:
    """Somebody speaks its language there, and with a certificate that is right: nothing secret is said to it."""
    from aurora_desktop.link.build import Certificates
    from aurora_desktop.link.cloudbrain import CloudBrain
    from aurora_desktop.link.failure import LinkError
    from aurora_desktop.link.http import Http

    url = settings.url or ""
    server = CloudBrain(Http(url.rstrip("/"), Certificates(settings.ca_file).for_address(url)).ask)
    try:
        asyncio.run(server.greet())
    except LinkError as failure:
        return Finding(_SERVER, "error", f"{url}: {failure.sentence}", failure.hint or "Look at `link.url`")
    return Finding(_SERVER, "ok", f"{url} answers as it should")


def _encryption(settings: LinkSettings) -> list[Finding]:
    open_ones = [each for each in (settings.url or "", settings.live_url) if not is_private(each)]
    if not open_ones:
        return []
    detail = f"everybody on the way can read tokens and messages: {', '.join(open_ones)}"
    return [Finding(_WAY, "warning", detail, "Use `https://` and `wss://`, and drop `link.allow_plaintext`")]


def _tokens(store: SecretStore) -> list[Finding]:
    try:
        found = store.find(NAME)
    except AuroraError as error:
        return [Finding(_TOKENS, "warning", f"{error.title}: {error.detail}", error.hint)]
    if found is None:
        return []
    if found.place == "file":
        detail = "they lie in a plain file that this user alone may read: there was no keyring"
        return [Finding(_TOKENS, "warning", detail, "Set up or unlock a keyring for this session")]
    return [Finding(_TOKENS, "ok", "in the keyring")]


def judge_link(view: LinkView) -> list[Finding]:
    """What a running Aurora says of itself."""
    if not view.enabled:
        return []
    return [_judge_state(view), *_judge_letters(view)]


def _judge_state(view: LinkView) -> Finding:
    words = f"{view.state.replace('_', ' ')}: {view.cause}"
    remedy = view.hint or _STATUS
    match view.state:
        case "refused":
            return Finding(_LINK, "error", words, view.hint or "Have the identity admitted at the server")
        case "backing_off" if view.attempt >= _LONG_DOWN_ATTEMPTS:
            return Finding(_LINK, "error", f"{words} ({view.attempt} attempts)", remedy)
        case "backing_off" | "offline" | "degraded":
            return Finding(_LINK, "warning", words, remedy)
    return Finding(_LINK, "ok", words)


def _judge_letters(view: LinkView) -> list[Finding]:
    dead = view.outbox.dead
    if not dead:
        return []
    detail = f"{view.outbox.dead_count} not sent, the last one to {dead[0].recipient}: {dead[0].cause}"
    remedy = f"`{_STATUS}` lists them; `aurora link retry` sends them again, `aurora link forget` deletes them"
    return [Finding(_LETTERS, "warning", detail, remedy)]
