"""Checks of the channels for alerts: whether their secrets are there, and lie where secrets belong."""

from aurora_desktop.core.errors import AuroraError
from aurora_desktop.core.paths import StatePaths
from aurora_desktop.core.settings.problems import SettingsError
from aurora_desktop.core.settings.schema_healing import AlertChannel
from aurora_desktop.desktop.finding import Finding, Patient
from aurora_desktop.healing.alerts import addresses
from aurora_desktop.healing.alerts.secrets import SecretStore


def channels(patient: Patient) -> list[Finding]:
    """One finding for each channel of the settings."""
    try:
        settings = patient.settings()
    except SettingsError:  # another check tells of it
        return [Finding("Alert channels", "ok", "not looked at: the settings cannot be read")]
    store = SecretStore(StatePaths(patient.state_dir).secrets)
    found = [_judge(name, channel, store) for name, channel in settings.alerts.channels.items()]
    return found or [Finding("Alert channels", "ok", "none in the settings; alerts come as notifications alone")]


def _judge(name: str, channel: AlertChannel, store: SecretStore) -> Finding:
    title = f"Alert channel {name}"
    if channel.url is not None:
        return _judge_url(title, name, channel.url)
    secret = channel.secret or ""
    try:
        found = store.find(secret)
        if found is not None:
            addresses.check(found.value)
    except AuroraError as error:
        return Finding(title, "error", f"{error.title}: {error.detail}", error.hint)
    if found is None:
        return Finding(title, "error", f"there is no secret `{secret}`", f"aurora alerts set-secret {secret}")
    if found.place == "file":
        detail = f"the secret `{secret}` lies in a plain file that this user alone may read: there was no keyring"
        remedy = f"Once there is a keyring: aurora alerts set-secret {secret}"
        return Finding(title, "warning", detail, remedy)
    return Finding(title, "ok", f"the secret `{secret}` is in the keyring")


def _judge_url(title: str, name: str, url: str) -> Finding:
    try:
        addresses.check(url)
    except AuroraError as error:
        return Finding(title, "error", f"{error.title}: {error.detail}", error.hint)
    if addresses.has_credentials(url):
        remedy = f"aurora alerts set-secret {name}, then `secret: {name}` instead of `url` in the settings"
        return Finding(title, "warning", "its address holds a password or token in plain settings", remedy)
    return Finding(title, "ok", addresses.shown_url(url))
