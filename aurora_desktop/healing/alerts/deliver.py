"""The process that sends one alert: `python -m aurora_desktop.healing.alerts.deliver`.

It exists only while something is sent, so that the tray app carries none of Apprise's 60 MB, and what hangs hangs
alone. The address comes over stdin, never by argv or the environment, which other programs can read; the answer is
one JSON line on stdout. Main kills it when its time is over.
"""

import os
import sys
import threading
from pathlib import Path
from typing import NoReturn

import msgspec

from aurora_desktop.core.errors import AuroraError
from aurora_desktop.healing.alerts import addresses
from aurora_desktop.healing.alerts.messages import Keep, Look, Looked, Request, Send, Sent
from aurora_desktop.healing.alerts.secrets import KeyringLockedError, SecretStore
from aurora_desktop.healing.alerts.view import Place

_NICENESS = 5


def main() -> NoReturn:
    if hasattr(os, "nice"):
        os.nice(_NICENESS)  # what it does is never urgent to the millisecond
    request = msgspec.json.decode(sys.stdin.buffer.read(), type=Request)
    if isinstance(request, Keep):
        _answer(_keep(request))
    _answer(_look(request) if isinstance(request, Look) else _send(request))


def _answer(answer: Sent | Looked) -> NoReturn:
    os.write(1, msgspec.json.encode(answer) + b"\n")
    os._exit(0)  # a thread that waits for a keyring, or a library's pool, must not keep it


def _look(request: Look) -> Looked:
    store = SecretStore(Path(request.secrets_folder))
    places: dict[str, Place] = {}
    wrong: dict[str, str] = {}
    for name in request.secrets:
        try:
            found = store.find(name)
            places[name] = found.place if found else "missing"
        except AuroraError as error:
            places[name], wrong[name] = "unknown", error.in_one_line
    return Looked(places, wrong)


def _keep(request: Keep) -> Looked:
    name, url = request.secret, request.url
    try:
        addresses.check_secret_name(name)
        addresses.check(url)
        kept = SecretStore(Path(request.secrets_folder)).keep(name, url)
    except AuroraError as error:
        return Looked({name: "missing"}, {name: addresses.scrubbed(error.in_one_line, url)})
    return Looked({name: kept.place}, {name: kept.why} if kept.why else {})


def _send(request: Send) -> Sent:
    url = request.url
    place: Place = "settings"
    try:
        if request.secret:
            url, place = _address(request)
        addresses.check(url)
    except AuroraError as error:
        cause = addresses.scrubbed(error.in_one_line, url) if url else error.in_one_line
        return Sent(ok=False, cause=cause, final=not isinstance(error, KeyringLockedError), place=place)
    from aurora_desktop.healing.alerts import apprising  # late: 60 MB, and nothing of it before it is needed

    schemes = apprising.load()

    def give_up() -> None:
        _answer(Sent(ok=False, cause=f"it did not answer within {request.timeout_s:g} s", place=place))

    patience = threading.Timer(request.timeout_s, give_up)
    patience.daemon = True
    patience.start()
    return msgspec.structs.replace(apprising.send(request, url, schemes), place=place)


def _address(request: Send) -> tuple[str, Place]:
    secret = SecretStore(Path(request.secrets_folder)).find(request.secret)
    if secret is None:
        hint = f"`aurora alerts set-secret {request.secret}` takes it"
        raise AuroraError(f"There is no secret `{request.secret}`", "neither in the keyring nor in a file", hint)
    return secret


if __name__ == "__main__":
    main()
