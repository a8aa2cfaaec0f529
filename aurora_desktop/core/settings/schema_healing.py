"""The options of healing: stalls, watched agents, remedies, the machine, prediction and alerts."""

import re
from collections.abc import Sequence
from typing import Annotated, Literal, get_args

from msgspec import Meta, field

from aurora_desktop.core.settings.options import Count, Name, Percent, Seconds, Section, option
from aurora_desktop.core.settings.values import Command

StallSource = Literal["output", "cpu", "network", "files", "status", "inbox", "probe"]
AlertKind = Literal["escalation", "errors", "prediction", "emergency"]
IDLE_STATUSES = ("IDLE", "WAITING", "WAITING_FOR_OPERATOR", "WAITING_APPROVAL", "DONE", "STOPPED")


class IdleRule(Section, frozen=True):
    """When silence is no stall: any of these says that it waits, or has nothing to do."""

    statuses: Annotated[
        list[str], option("Values of `status` in the agent's `status.json` that mean waiting or idle; case is ignored.")
    ] = field(default_factory=lambda: list(IDLE_STATUSES))
    no_task: Annotated[bool, option("An empty list of `current_tasks` in `status.json` means idle.")] = True
    log_pattern: Annotated[
        Annotated[str, Meta(max_length=500)] | None,
        option("Regular expression; idle while the last line of the log matches it."),
    ] = None

    def __post_init__(self) -> None:
        try:
            re.compile(self.log_pattern or "")
        except (re.error, OverflowError, RecursionError, Warning) as error:
            raise ValueError(f"`log_pattern` is no regular expression: {error}") from error


class ProgressProbe(Section, frozen=True):
    """Asks the program itself how far it is: progress is an answer that differs from the one before."""

    http: Annotated[Annotated[str, Meta(pattern=r"^https?://")] | None, option("Address to GET.")] = None
    command: Annotated[Command | None, option("Command to run; what it prints is the answer.")] = None
    timeout_sec: Annotated[Seconds, option("An answer that takes longer is none.")] = 2.0

    def __post_init__(self) -> None:
        if (self.http is None) == (self.command is None):
            raise ValueError("expected exactly one of `http` and `command`")


class StallRule(Section, frozen=True):
    """Alive and yet not working: no source of activity has moved for too long."""

    sources: Annotated[
        list[StallSource] | None,
        option(
            "What counts as activity: `output` (the log grows), `cpu`, `network` (bytes of the tree), `files` (of the"
            " workspace), `status` (`status.json`), `inbox`, `probe`. Default: all that there are."
        ),
    ] = None
    threshold_sec: Annotated[Seconds, option("Silence that is a stall.")] = 300.0
    proactive_threshold_sec: Annotated[Seconds, option("Silence after which the gentlest remedy is tried.")] = 120.0
    check_interval_sec: Annotated[Seconds, option("Time between two looks.")] = 30.0
    cpu_percent: Annotated[Percent, option("CPU of the tree above this is activity.", "% of one core")] = 1.0
    probe: Annotated[ProgressProbe | None, option("A progress probe.")] = None
    idle_ok: Annotated[IdleRule, option("When silence is no stall.")] = IdleRule()

    def __post_init__(self) -> None:
        if self.proactive_threshold_sec > self.threshold_sec:
            raise ValueError("`proactive_threshold_sec` must not be above `threshold_sec`")
        if self.sources is not None and not self.sources:
            raise ValueError("`sources` is empty: name at least one, or leave it out")


class WatchedAgent(Section, frozen=True):
    """An agent's workspace that Aurora watches, whoever started the agent."""

    workspace: Annotated[str, Meta(min_length=1), option("Its folder, with `status.json` and `inbox/`.")]
    service: Annotated[Name | None, option("The service that runs it, restarted as the last rung.")] = None
    log: Annotated[str | None, option("Its log, relative to the workspace.")] = None
    restart: Annotated[Command | None, option("Command that restarts it, where no service does.")] = None
    stall: Annotated[StallRule, option("When it counts as stalled.")] = StallRule()


class AgentsSettings(Section, frozen=True):
    """Agents that Aurora watches and wakes, also those that it did not start."""

    root: Annotated[str | None, option("Every folder in here is the workspace of an agent of that name.")] = None
    watch: Annotated[dict[Name, WatchedAgent], option("Single workspaces, by the agent's name.")] = {}
    stall: Annotated[StallRule, option("When those under `root` count as stalled.")] = StallRule()
    max_attempts: Annotated[Count, option("Failed attempts before you are called.", "attempts")] = 3
    verify_sec: Annotated[Seconds, option("New activity within this time makes a rung a success.")] = 60.0


class ServiceHealing(Section, frozen=True):
    """What Aurora may do to heal this service, beside restarting it."""

    remedies: Annotated[bool, option("Apply known remedies; `false` only names them.")] = True
    port_env: Annotated[str | None, option("Variable that tells the service its port.")] = None
    port_range: Annotated[
        list[Annotated[int, Meta(ge=1, le=65535)]] | None,
        option("First and last port that it may move to when its own is taken."),
    ] = None
    config_files: Annotated[
        list[str], option("Its own settings, relative to `cwd`; the last version that worked is kept.")
    ] = []
    stale_files: Annotated[
        list[str],
        option("Pid, lock and socket files, relative to `cwd`, that may be set aside once their owner is dead."),
    ] = []
    check: Annotated[Command | None, option("Command that must exit with 0 before a change of files is kept.")] = None
    check_timeout_sec: Annotated[Seconds, option("A check that takes longer has failed.")] = 300.0

    def __post_init__(self) -> None:
        if self.port_range is not None:
            if len(self.port_range) != 2 or self.port_range[0] > self.port_range[1]:
                raise ValueError("`port_range` is the first and the last port, like `[8081, 8099]`")
            if self.port_env is None:
                raise ValueError("`port_range` needs `port_env`, the variable that tells the service its port")


class UserRemedy(Section, frozen=True):
    """A remedy of your own: what it recognises, what it runs, and how it is verified and undone."""

    pattern: Annotated[
        Annotated[str, Meta(min_length=1, max_length=500)],
        option("Regular expression, searched in the message of a failure and the last lines of the log."),
    ]
    command: Annotated[
        Command,
        option("What to run, in the service's folder and environment; `{service}` and named groups are filled in."),
    ]
    verify: Annotated[
        Command | None, option("Exits with 0 once it helped. Default: the service is up again and stays so.")
    ] = None
    undo: Annotated[Command | None, option("Run when it did not help.")] = None
    services: Annotated[list[Name], option("Only for these services; empty: for all.")] = []
    ask_first: Annotated[bool, option("Offer it in the window instead of applying it.")] = False
    restart: Annotated[bool, option("Restart the service after the command.")] = True
    invasiveness: Annotated[
        int, Meta(ge=0, le=5), option("0 changes nothing, 1 tidies, 2 restarts, 3 changes files, 4 installs, 5 more.")
    ] = 3
    timeout_sec: Annotated[Seconds, option("Each of its commands that takes longer has failed.")] = 60.0

    def __post_init__(self) -> None:
        try:
            pattern = re.compile(self.pattern)
        except (re.error, OverflowError, RecursionError, Warning) as error:
            raise ValueError(f"`pattern` is no regular expression: {error}") from error
        for key in ("command", "verify", "undo"):
            _refuse_code(key, getattr(self, key) or (), set(pattern.groupindex))


_INTERPRETER = re.compile(
    r"(.*[/\\])?((ba|da|z|k|fi)?sh|python[\d.]*|perl|ruby|node|php|lua|cmd|powershell|pwsh|su|runuser)(\.exe)?"
)
_CODE_FOLLOWS = re.compile(r"-[a-z]*[cer]|--eval|--print|-command|/[ck]", re.IGNORECASE)


def _refuse_code(key: str, command: Sequence[str], groups: set[str]) -> None:
    """What is found in a log is anybody's: it is neither a program nor code. Raises ValueError."""
    for place, argument in enumerate(command):
        found = groups.intersection(re.findall(r"{(\w+)}", argument))
        if found and place == 0:
            raise ValueError(f"`{key}`: the program itself cannot be taken from the log")
        flag = command[place - 1 - (command[place - 1] == "--" and place > 1)]
        is_code = _CODE_FOLLOWS.fullmatch(flag) and any(map(_INTERPRETER.fullmatch, command[:place]))
        if found and is_code:
            raise ValueError(
                f"`{key}`: what is found in the log would be run as code; hand it on as an argument of its own:"
                f" `[sh, -c, 'rm -- \"$1\"', sh, '{{{min(found)}}}']`"
            )


class TempFolder(Section, frozen=True):
    """A folder whose old files may be removed when the disk runs low."""

    path: Annotated[str, Meta(min_length=1), option("The folder; `~` is understood.")]
    older_than_hours: Annotated[float, Meta(gt=0), option("Only files untouched for this long.", "h")] = 24.0


class InfrastructureSettings(Section, frozen=True):
    """The machine itself: what is watched, and what may be done when it runs low."""

    interval_s: Annotated[Seconds, option("Time between two looks.")] = 30.0
    lasting_s: Annotated[Seconds, option("A breach that lasts this long counts; a spike does not.")] = 90.0
    cpu_percent: Annotated[Percent, option("CPU of the whole machine.")] = 90.0
    memory_percent: Annotated[Percent, option("Memory in use.")] = 85.0
    disk_percent: Annotated[Percent, option("Disk in use, where the state dir lies.")] = 90.0
    temp_folders: Annotated[list[TempFolder], option("Folders that may be cleared by age.")] = []


class PredictionSettings(Section, frozen=True):
    """Advice about what will happen if it goes on like this; never an action."""

    enabled: Annotated[bool, option("Look for leaks, filling disks, and rising rates of errors and restarts.")] = True
    interval_s: Annotated[Seconds, option("Time between two samples.")] = 60.0
    horizon_h: Annotated[float, Meta(gt=0), option("What is further away is not announced.", "h")] = 24.0


class HealingSettings(Section, frozen=True):
    """How Aurora heals."""

    enabled: Annotated[bool, option("Apply remedies; `false` only says what would help.")] = True
    max_attempts: Annotated[Count, option("Failed remedies for one failure before you are called.", "attempts")] = 3
    verify_sec: Annotated[Seconds, option("How long a healed service must stay well.")] = 5.0
    memory_max_days: Annotated[float, Meta(gt=0), option("Failures are remembered this long.", "days")] = 3650.0
    off: Annotated[list[str], option("Built-in remedies that are never applied, by name; see `aurora remedies`.")] = []
    remedies: Annotated[dict[Name, UserRemedy], option("Remedies of your own, by name.")] = {}
    infrastructure: Annotated[InfrastructureSettings, option("The machine.")] = InfrastructureSettings()
    prediction: Annotated[PredictionSettings, option("Prediction.")] = PredictionSettings()


class AlertChannel(Section, frozen=True):
    """Where alerts go, beside the desktop's notifications."""

    url: Annotated[
        str | None,
        option(
            "Where to, as an Apprise URL: `jsons://host/hook`, `mailto://…`. One with a password belongs in `secret`."
        ),
    ] = None
    secret: Annotated[
        Name | None, option("Name of a URL that is kept in the keyring: `aurora alerts set-secret NAME`.")
    ] = None
    on: Annotated[list[AlertKind], option("Which alerts go there.")] = field(
        default_factory=lambda: list(get_args(AlertKind))
    )

    def __post_init__(self) -> None:
        if (self.url is None) == (self.secret is None):
            raise ValueError("expected exactly one of `url` and `secret`")


class AlertsSettings(Section, frozen=True):
    """Alerts by desktop notification, webhook, e-mail and whatever else Apprise knows."""

    channels: Annotated[dict[Name, AlertChannel], option("Where alerts go, by name.")] = {}
    error_threshold: Annotated[Count, option("So many errors of one component within the window are one alert.")] = 10
    error_window_s: Annotated[Seconds, option("The window of `error_threshold`.")] = 300.0
    repeat_s: Annotated[Seconds, option("The same alert is not sent again within this time.")] = 3600.0
    timeout_s: Annotated[Seconds, option("A delivery that takes longer has failed.")] = 20.0
    retries: Annotated[Annotated[int, Meta(ge=0, le=20)], option("Further tries of a failed delivery.", "tries")] = 4
