"""Sends one message through Apprise, behind the fence, and says in words how it went."""

import difflib
import logging
import smtplib
from typing import Any

import apprise
import requests
from apprise.logger import logger as apprise_logger
from apprise.manager_plugins import NotificationManager

from aurora_desktop.healing.alerts import addresses
from aurora_desktop.healing.alerts.alert import one_line
from aurora_desktop.healing.alerts.fence import Fence, why_not_follow
from aurora_desktop.healing.alerts.messages import Send, Sent

_STATUS_WORDS = {
    401: "it does not accept the password or token (401)",
    403: "it does not allow it (403)",
    404: "it has nothing at this address (404)",
    413: "it finds the message too long (413)",
    429: "it has had too many messages (429)",
}
_WEB = {
    scheme: f"`{scheme}://` says not what the other side takes; for a webhook that takes JSON write `{json}://`"
    for scheme, json in (("http", "json"), ("https", "jsons"))
}
"""Apprise knows the web addresses of some services by their looks; of all others it is not known what they take."""
_FINAL_STATUSES = frozenset({400, 401, 403, 404, 405, 410, 413, 415})


class _Witness(logging.Handler):
    """What was seen while it was sent: the last thing that went wrong, in words."""

    def __init__(self, timeout_s: float) -> None:
        super().__init__(logging.DEBUG)
        self._timeout_s = timeout_s
        self.seen = ""
        self.said = ""
        self.final = False

    def emit(self, record: logging.LogRecord) -> None:
        """Apprise says why only to its log: a warning, and what the library said as `Socket Exception: ...`."""
        text = record.getMessage()
        _, is_exception, why = text.partition("Exception: ")
        if is_exception:
            self.said = why
        elif record.levelno >= logging.WARNING:
            self.said = text

    def answered(self, status: int) -> None:
        if 200 <= status < 300:
            return
        self.seen = _STATUS_WORDS.get(status, f"it answered {status}")
        self.final = status in _FINAL_STATUSES

    def failed(self, error: Exception) -> None:
        self.seen, self.final = _words_of(error, self._timeout_s)

    def redirected(self, why: str) -> None:
        self.seen, self.final = f"{why}; put the address that it leads to into the channel", True


def send(request: Send, url: str, schemes: frozenset[str]) -> Sent:
    """Never raises. The words hold nothing of the address that may be secret. `schemes`: what `load` gave."""
    witness, fence = _Witness(request.timeout_s), Fence()
    _watch(witness)
    fence.raise_up()
    if (scheme := addresses.scheme_of(url)) not in schemes and scheme not in _WEB:
        return Sent(ok=False, cause=_unknown(scheme, schemes), final=True)
    try:
        ok = _deliver(request, url)
    except Exception as error:  # noqa: BLE001 - two hundred services, each with faults of its own
        ok, witness.said = False, f"{type(error).__name__}: {error}"
    if ok:
        return Sent(ok=True)
    refused = f"this channel asks for what is not allowed: {fence.refused[0]}" if fence.refused else ""
    web = _WEB.get(scheme, "") if ok is None else ""
    cause = refused or web or witness.seen or witness.said or "Apprise did not say why"
    final = bool(refused) or witness.final or ok is None
    return Sent(ok=False, cause=one_line(addresses.scrubbed(cause, url)), final=final)


def _deliver(request: Send, url: str) -> bool | None:
    """Whether it arrived; None for an address that the scheme's own service does not understand."""
    apprise.URLBase.socket_connect_timeout = request.timeout_s
    apprise.URLBase.socket_read_timeout = request.timeout_s
    asset = apprise.AppriseAsset(
        app_id="Aurora Desktop",
        app_desc="Alerts of Aurora Desktop",
        async_mode=False,
        allow_templates=False,
        plugin_paths=[],
        storage_mode=apprise.PersistentStoreMode.MEMORY,
        result_log_disk_size=0,
    )
    service = apprise.Apprise.instantiate(url, asset=asset)
    if service is None:
        return None
    apprise_ = apprise.Apprise(services=[service], asset=asset)
    severity = apprise.NotifyType(request.severity)
    return bool(apprise_.notify(title=request.title, body=request.body, notify_type=severity, body_format="text"))


def load() -> frozenset[str]:
    """All services of Apprise, which takes most of a second; their schemes, without those that stay on this machine."""
    manager: Any = NotificationManager()  # type: ignore[no-untyped-call]  # Apprise types half of itself
    manager.load_modules()
    manager.disable(*addresses.LOCAL_SCHEMES)
    return frozenset(manager.schemas(include_disabled=False))


def _unknown(scheme: str, schemes: frozenset[str]) -> str:
    near = difflib.get_close_matches(scheme, sorted(schemes), 1)
    hint = f"; did you mean `{near[0]}://`?" if near else ""
    return f"Apprise knows no scheme `{scheme}://`, or lacks a package for it{hint}"


def _watch(witness: _Witness) -> None:
    """Listen to Apprise's log, and see each HTTP request, redirect and answer of a mail server."""
    apprise_logger.addHandler(witness)
    apprise_logger.setLevel(logging.DEBUG)
    apprise_logger.propagate = False
    plain_send, plain_target = requests.adapters.HTTPAdapter.send, requests.Session.get_redirect_target
    plain_reply = smtplib.SMTP.getreply

    def watched_send(adapter: Any, request: Any, *args: Any, **kwargs: Any) -> Any:
        try:
            response = plain_send(adapter, request, *args, **kwargs)
        except Exception as error:
            witness.failed(error)
            raise
        witness.answered(response.status_code)
        return response

    def judged_target(session: Any, response: Any) -> str | None:
        target = plain_target(session, response)
        if target is None:
            return None
        why = why_not_follow(response.request.method, response.status_code, response.url, target)
        if why:
            witness.redirected(why)
            raise requests.exceptions.TooManyRedirects(why)
        return target

    def heard_reply(server: smtplib.SMTP) -> tuple[int, bytes]:
        code, words = plain_reply(server)
        if code >= 400:  # Apprise says only that it failed
            witness.seen, witness.final = f"it answered {code}: {words.decode('utf-8', 'replace')}", code >= 500
        return code, words

    smtplib.SMTP.getreply = heard_reply  # type: ignore[assignment, method-assign]  # this process sends one message
    requests.adapters.HTTPAdapter.send = watched_send  # type: ignore[assignment, method-assign]  # as above
    requests.Session.get_redirect_target = judged_target  # type: ignore[assignment, method-assign]  # as above


def _words_of(error: Exception, timeout_s: float) -> tuple[str, bool]:
    """What went wrong with a request, and whether it would again."""
    text = str(error)
    if isinstance(error, requests.exceptions.SSLError):
        return f"its TLS certificate is not accepted: {_reason(text)}", True
    if isinstance(error, requests.exceptions.Timeout):
        return f"it did not answer within {timeout_s:g} s", False
    if "NameResolutionError" in text or "getaddrinfo" in text:
        return "there is no host of this name, or no network", False
    if "refused" in text:
        return "nothing listens there (connection refused)", False
    if isinstance(error, requests.exceptions.InvalidURL | requests.exceptions.InvalidSchema):
        return "the address is not right", True
    return f"the connection failed: {_reason(text)}", False


def _reason(text: str) -> str:
    """The innermost words of urllib3's nested ones."""
    return text.rsplit("Error(", 1)[-1].strip("()'\" ") or text
