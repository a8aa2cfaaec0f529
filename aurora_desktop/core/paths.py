"""Where Aurora's files lie: the user's settings, the state dir, and what the package ships.

The command reads this before anything else: what is slow to import is imported where it is used.
"""

from functools import cache
from pathlib import Path
from typing import NamedTuple

APP_NAME = "aurora-desktop"
_PACKAGE = Path(__file__).resolve().parent.parent


def default_config_file() -> Path:
    """The user's settings file in the platform's config dir (it need not exist)."""
    import platformdirs

    return platformdirs.user_config_path(APP_NAME, appauthor=False) / "aurora.yaml"


def gate_file(config: Path) -> Path:
    """The operator's outer gate, beside the settings file `config` (it need not exist)."""
    return config.parent / "operator_enabled.yaml"


def default_state_dir() -> Path:
    """The platform's state dir of this user."""
    import platformdirs

    return platformdirs.user_state_path(APP_NAME, appauthor=False)


def shipped(relative: str) -> Path:
    """A file that Aurora ships (`config/...`, `resources/...`), from a checkout or an installed wheel."""
    installed = _PACKAGE / "_shipped" / relative
    return installed if installed.exists() else _PACKAGE.parent / relative


class StatePaths(NamedTuple):
    """The layout of one state dir."""

    root: Path

    @property
    def lock(self) -> Path:
        return self.root / "aurora.lock"

    @property
    def journal(self) -> Path:
        return self.root / "journal.db"

    @property
    def state_db(self) -> Path:
        return self.root / "state.db"

    @property
    def backups(self) -> Path:
        return self.root / "backups"

    @property
    def logs(self) -> Path:
        return self.root / "logs"

    @property
    def service_logs(self) -> Path:
        return self.logs / "services"

    @property
    def last_good_settings(self) -> Path:
        """A copy of the settings that were last accepted, for a start with a file that is refused."""
        return self.root / "last-good-settings.yaml"

    @property
    def api_file(self) -> Path:
        return self.root / "api.json"

    @property
    def tokens(self) -> Path:
        return self.root / "tokens"

    @property
    def secrets(self) -> Path:
        """Addresses of alert channels, where there is no keyring."""
        return self.root / "secrets"

    @property
    def clearance(self) -> Path:
        """Its absence is the latch of the emergency stop."""
        return self.root / "clearance.json"

    @property
    def guard_socket(self) -> Path:
        """Where the guard takes `stop` without anybody between."""
        return self.root / "guard.sock"

    @property
    def input_log(self) -> Path:
        return self.logs / "input_agent.log"

    @property
    def audit_key(self) -> Path:
        """The key under which the audit log keeps digests of secret texts."""
        return self.root / "audit.key"

    @property
    def evidence(self) -> Path:
        return self.root / "evidence"

    @property
    def passphrase(self) -> Path:
        """The digest of the passphrase that stands in for a physical press."""
        return self.root / "passphrase.json"

    @property
    def known_good(self) -> Path:
        """What each service last worked with."""
        return self.root / "known_good"

    @property
    def fixes(self) -> Path:
        """Changes of files that are neither kept nor rolled back yet."""
        return self.root / "fixes"

    @property
    def tasks(self) -> Path:
        """What agents said while they worked: a folder for each task."""
        return self.root / "tasks"

    @property
    def task_logs(self) -> Path:
        """The readable record of each task."""
        return self.logs / "tasks"

    @property
    def worker_logs(self) -> Path:
        return self.logs / "workers"

    def service_log(self, name: str) -> Path:
        """The log of a service, or of a worker (`worker:<name>`)."""
        kind, _, worker = name.partition(":")
        return self.worker_logs / f"{worker}.log" if worker else self.service_logs / f"{kind}.log"

    @property
    def digest(self) -> str:
        """A short name for this state dir, for things that live outside of it."""
        return _digest(self.root)

    def make(self) -> None:
        """Create the folders, readable by this user alone. Raises OSError."""
        logs = (self.logs, self.service_logs, self.worker_logs, self.task_logs)
        for folder in (self.root, *logs, self.tasks, self.tokens):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)


@cache
def _digest(root: Path) -> str:
    """Made once: a restart has no time to look up the links of every folder on the way."""
    import hashlib

    return hashlib.sha256(str(root.resolve()).encode()).hexdigest()[:12]
