"""The command `alerts`: the channels, their secrets, a test, and silence for a while."""

import getpass
import sys
import time
from typing import Any

from aurora_desktop.cli.call import FAILED, OK, Call
from aurora_desktop.cli.console import Column, state_style
from aurora_desktop.core.errors import AuroraError
from aurora_desktop.core.paths import StatePaths

TEST_S = 300.0
LOOK_S = 30.0
_COLUMNS = (
    Column("CHANNEL"),
    Column("ADDRESS"),
    Column("SECRET", style=lambda place: "red" if place == "missing" else ""),
    Column("LAST", style=state_style),
    Column("WHAT"),
)


def set_secret(call: Call) -> int:
    """Keep an address; read without echo, so that it is in no history and on no screen."""
    from aurora_desktop.healing.alerts import addresses
    from aurora_desktop.healing.alerts.secrets import SecretStore

    name = _name(call)
    url = _ask_for(name)
    addresses.check(url)
    kept = SecretStore(StatePaths(call.state_dir).secrets).keep(name, url)
    if kept.place == "file":
        title = f"The secret `{name}` lies in a file that this user alone may read"
        hint = "Once there is a keyring, run the command again; until then keep the state folder out of backups"
        call.console.error(AuroraError(title, kept.why, hint))
    call.console.line(f"kept in the {kept.place}; write `secret: {name}` into the channel of the settings")
    return OK


def _ask_for(name: str) -> str:
    if not sys.stdin.isatty():
        return sys.stdin.readline(8192).strip()
    try:
        return getpass.getpass(f"Address for `{name}` (not shown): ").strip()
    except EOFError:
        return ""


def remove_secret(call: Call) -> int:
    """1 when there was none."""
    from aurora_desktop.healing.alerts.secrets import SecretStore

    name = _name(call)
    places = SecretStore(StatePaths(call.state_dir).secrets).remove(name)
    call.console.line(f"removed from the {' and the '.join(places)}" if places else f"there is no secret `{name}`")
    return OK if places else FAILED


def _name(call: Call) -> str:
    """The name of a secret, which is also that of its file."""
    from aurora_desktop.healing.alerts import addresses

    name = str(call.given.name)
    addresses.check_secret_name(name)
    return name


def list_channels(call: Call) -> int:
    view = call.patient(LOOK_S).get("/v1/alerts", look=1)
    if call.given.json:
        call.console.json(view)
        return OK
    if view["channels"]:
        call.console.table(_COLUMNS, [_cells(channel) for channel in view["channels"]])
    else:
        call.console.line("no channels; add one below `alerts.channels` in the settings (docs/healing/alerts.md)")
    for channel in view["channels"]:
        if channel["warning"]:
            call.console.line(f"{channel['name']}: {channel['warning']}. {channel['hint']}".rstrip())
    for snooze in view["snoozes"]:
        call.console.line(_snoozed(snooze))
    return OK


def _cells(channel: dict[str, Any]) -> list[str]:
    last = channel["last"]
    ended = "-" if last is None else "ok" if last["ok"] else "failed"
    at = "" if last is None else time.strftime("%Y-%m-%d %H:%M:%S ", time.localtime(last["at"]))
    what = "" if last is None else last["title"] if last["ok"] else last["cause"]
    waiting = f" ({channel['waiting']} waiting)" if channel["waiting"] else ""
    return [channel["name"], channel["address"], channel["place"], ended, f"{at}{what}{waiting}"]


def test(call: Call) -> int:
    """1 when a channel did not take it."""
    results = call.client.post("/v1/alerts/test", {"channel": call.given.name}, wait_s=TEST_S)
    if call.given.json:
        call.console.json(results)
    else:
        for result in results:
            word = call.console.styled(*(("ok", "green") if result["ok"] else ("failed", "red")))
            call.console.line(f"{result['channel']}: {word} after {result['duration_s']:.1f} s, {result['cause']}")
    return OK if all(result["ok"] for result in results) else FAILED


def snooze(call: Call) -> int:
    for_s = call.given.for_s
    answer = call.client.post("/v1/alerts/snooze", {"for_s": for_s, "component": call.given.component})
    if call.given.json:
        call.console.json(answer)
    else:
        call.console.line(_snoozed(answer) if for_s else f"{answer['component'] or 'everything'}: told again")
    return OK


def _snoozed(snooze: dict[str, Any]) -> str:
    until = time.strftime("%Y-%m-%d %H:%M", time.localtime(snooze["until"]))
    return f"{snooze['component'] or 'everything'}: silent until {until}; emergencies are told all the same"
