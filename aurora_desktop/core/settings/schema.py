"""Every option of Aurora, with its type, default, unit and sentence.

The loader, `docs/settings.md`, the JSON Schema for editors and the forms in the window are all made from
these structs. `extra["unit"]` names the unit; durations are seconds unless the name says otherwise.
"""

import re
from typing import Annotated, Literal
from urllib.parse import urlsplit

from msgspec import Meta
from msgspec.structs import force_setattr

from aurora_desktop.core.settings.options import Count, Delay, Name, Port, Seconds, Section, option
from aurora_desktop.core.settings.schema_backups import BackupSettings
from aurora_desktop.core.settings.schema_healing import (
    AgentsSettings,
    AlertsSettings,
    HealingSettings,
    ServiceHealing,
    StallRule,
)
from aurora_desktop.core.settings.schema_link import LinkSettings
from aurora_desktop.core.settings.schema_tasks import TaskSettings
from aurora_desktop.core.settings.values import ByteSize, Command, Environment

Signal = Literal["SIGTERM", "SIGINT", "SIGQUIT", "SIGHUP", "SIGUSR1", "SIGUSR2", "SIGKILL"]

PROBE_KINDS = ("http", "tcp", "exec", "file_age", "log_pattern")
RESERVED_NAMES = frozenset({"aurora"})


def _has_host(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


class HttpProbe(Section, frozen=True):
    """Succeeds when a GET answers with a status from 200 to 399."""

    url: Annotated[str, Meta(pattern=r"^https?://"), option("Address to GET; redirects are not followed.")]

    def __post_init__(self) -> None:
        if not _has_host(self.url):
            raise ValueError("`url` is no address: expected one like `http://127.0.0.1:8080/health`")


class TcpProbe(Section, frozen=True):
    """Succeeds when a connection is accepted."""

    port: Annotated[Port, option("Port to connect to.")]
    host: Annotated[str, option("Host to connect to.")] = "127.0.0.1"


class ExecProbe(Section, frozen=True):
    """Succeeds when the command exits with 0; it runs in the service's folder and environment."""

    command: Annotated[Command, option("Command to run: a list, or a string split into words; no shell.")]


class FileAgeProbe(Section, frozen=True):
    """Succeeds while the file was modified within `max_age_sec`."""

    path: Annotated[str, Meta(min_length=1), option("File to look at; relative to the service's `cwd`.")]
    max_age_sec: Annotated[Seconds, option("Oldest modification that still counts as alive.")]


class LogPatternProbe(Section, frozen=True):
    """Searches the lines that the service printed since it was started (`present`) or since the last check."""

    pattern: Annotated[str, Meta(min_length=1, max_length=500), option("Regular expression, searched in each line.")]
    expect: Annotated[
        Literal["present", "absent"],
        option("`present` succeeds once a line matched; `absent` fails when a new line matches."),
    ] = "present"

    def __post_init__(self) -> None:
        try:
            re.compile(self.pattern)
        except (re.error, OverflowError, RecursionError, Warning) as error:
            raise ValueError(f"`pattern` is no regular expression: {error}") from error


class Probe(Section, frozen=True):
    """A check of a service: exactly one of `http`, `tcp`, `exec`, `file_age` and `log_pattern`."""

    http: Annotated[HttpProbe | None, option("GET an address.")] = None
    tcp: Annotated[TcpProbe | None, option("Connect to a port.")] = None
    exec: Annotated[ExecProbe | None, option("Run a command.")] = None
    file_age: Annotated[FileAgeProbe | None, option("Look at the age of a file.")] = None
    log_pattern: Annotated[LogPatternProbe | None, option("Search the output.")] = None
    period_sec: Annotated[Seconds, option("Time between two checks.")] = 5.0
    timeout_sec: Annotated[Seconds, option("A check that takes longer has failed.")] = 1.0
    failure_threshold: Annotated[Count, option("Failed checks in a row that count.", "checks")] = 2
    success_threshold: Annotated[Count, option("Successful checks in a row that count.", "checks")] = 1

    def __post_init__(self) -> None:
        kinds = [k for k in PROBE_KINDS if getattr(self, k) is not None]
        if len(kinds) != 1:
            found = " and ".join(f"`{k}`" for k in kinds) or "none"
            raise ValueError(f"expected exactly one of {', '.join(PROBE_KINDS)}; found {found}")


class ServiceLog(Section, frozen=True):
    """The file that a service's output goes to."""

    max_bytes: Annotated[ByteSize, option("Size at which the log is rotated.", "bytes")] = ByteSize(10_000_000)
    keep: Annotated[int, Meta(ge=0, le=1000), option("Compressed archives to keep.", "files")] = 5


class Service(Section, frozen=True):
    """One program that Aurora supervises."""

    command: Annotated[Command, option("Program and arguments: a list, or a string split into words; no shell.")]
    cwd: Annotated[str | None, option("Folder to run in; `~` is understood. Default: the home folder.")] = None
    env: Annotated[dict[str, str], option("Environment variables, taken verbatim; their values are never logged.")] = {}
    env_file: Annotated[str | None, option("File of NAME=value lines, read at each start; `env` wins over it.")] = None
    pass_environment: Annotated[
        list[str] | None,
        option("Names of Aurora's own variables to pass on. Default: all; a list passes those and the basic ones."),
    ] = None
    type: Annotated[
        Literal["simple", "notify", "oneshot"],
        option("`simple`: started once spawned; `notify`: once it sends READY=1; `oneshot`: once it ended well."),
    ] = "simple"
    requires: Annotated[
        list[Name], option("Services that must be ready first; while one is down, this one waits.")
    ] = []
    after: Annotated[list[Name], option("Services to start before this one, without needing them.")] = []
    part_of: Annotated[list[Name], option("Services whose stop and restart by the operator carry this one along.")] = []
    restart: Annotated[
        Literal["always", "on-failure", "never"] | None,
        option("When to start it again after it ended. Default: `always`; for a oneshot `on-failure`."),
    ] = None
    restart_sec: Annotated[Delay, option("Base of the backoff; the first restart is at once.")] = 1.0
    restart_max_delay_sec: Annotated[Seconds, option("Cap of the backoff.")] = 60.0
    restart_reset_after_sec: Annotated[
        Seconds, option("Health that must last this long before the count of restarts begins anew.")
    ] = 60.0
    start_limit_burst: Annotated[
        Count, option("Restarts within `start_limit_interval_sec` before the service is degraded.", "restarts")
    ] = 5
    start_limit_interval_sec: Annotated[Seconds, option("Window in which restarts are counted.")] = 60.0
    timeout_start_sec: Annotated[Seconds, option("Time to become ready before it counts as failed.")] = 90.0
    timeout_stop_sec: Annotated[Delay, option("Time to end after `kill_signal` before SIGKILL.")] = 10.0
    kill_signal: Annotated[Signal, option("Signal that asks it to end.")] = "SIGTERM"
    restart_prevent_exit_status: Annotated[
        list[Annotated[int, Meta(ge=0, le=255)]], option("Exit codes after which it is not started again.")
    ] = []
    memory_max: Annotated[
        ByteSize | None, option("Memory of the whole process tree over which it is restarted.", "bytes")
    ] = None
    memory_high: Annotated[
        ByteSize | None,
        option("Memory of the tree over which it is restarted at the next quiet moment.", "bytes"),
    ] = None
    cpu_max_percent: Annotated[
        Annotated[float, Meta(gt=0)] | None,
        option("CPU of the tree, lasting a minute, over which you are warned.", "% of one core"),
    ] = None
    watchdog_sec: Annotated[
        Seconds | None, option("Restart when it sends no WATCHDOG=1 for this long (sd_notify).")
    ] = None
    startup_probe: Annotated[Probe | None, option("Holds back the other probes until it has succeeded.")] = None
    readiness_probe: Annotated[Probe | None, option("Ready, and dependents may start, while it succeeds.")] = None
    liveness_probe: Annotated[Probe | None, option("Restarted when it fails.")] = None
    stall: Annotated[StallRule | None, option("Restarted when it is alive and yet not working.")] = None
    healing: Annotated[ServiceHealing, option("What may be done to heal it.")] = ServiceHealing()
    on_estop: Annotated[
        Literal["freeze", "stop", "ignore"],
        option("What the emergency stop does with it and its whole tree."),
    ] = "ignore"
    autostart: Annotated[bool, option("Start together with Aurora.")] = True
    log: Annotated[ServiceLog, option("The log of its output.")] = ServiceLog()

    def __post_init__(self) -> None:
        force_setattr(self, "env", Environment(self.env))
        if self.type == "oneshot" and self.restart == "always":
            raise ValueError("a oneshot cannot have `restart: always`; use `on-failure` or `never`")
        if self.restart_max_delay_sec < self.restart_sec:
            raise ValueError("`restart_max_delay_sec` must not be below `restart_sec`")
        if self.memory_high is not None and self.memory_max is not None and self.memory_high >= self.memory_max:
            raise ValueError("`memory_high` must be below `memory_max`")
        for key in (*self.env, *(self.pass_environment or ())):
            if not key or "=" in key or "\0" in key:
                raise ValueError("names of environment variables cannot be empty or contain `=` or NUL")
        if any("\0" in value for value in self.env.values()):
            raise ValueError("values of environment variables cannot contain NUL")

    @property
    def restart_policy(self) -> Literal["always", "on-failure", "never"]:
        """`restart`, with the default of the type filled in."""
        return self.restart or ("on-failure" if self.type == "oneshot" else "always")


class SupervisorSettings(Section, frozen=True):
    check_interval_s: Annotated[Seconds, option("Time between two checks of every service.")] = 5.0
    on_quit: Annotated[
        Literal["stop", "leave"],
        option("`stop` ends the services in reverse order at quit; `leave` lets them run, to be adopted."),
    ] = "stop"
    quit_timeout_s: Annotated[Seconds, option("Most that an ordered stop of everything may take.")] = 30.0


class HeartbeatSettings(Section, frozen=True):
    interval_s: Annotated[float, Meta(ge=1), option("Time between two heartbeats.", "s")] = 60.0


class JournalSettings(Section, frozen=True):
    max_age_days: Annotated[float, Meta(gt=0), option("Older events are removed.", "days")] = 90.0
    max_bytes: Annotated[ByteSize, option("Oldest events are removed above this size.", "bytes")] = ByteSize(
        200_000_000
    )


class LogSettings(Section, frozen=True):
    """Aurora's own logs: heartbeat, recovery events and the program's log."""

    max_bytes: Annotated[ByteSize, option("Size at which a log is rotated.", "bytes")] = ByteSize(10_000_000)
    keep: Annotated[int, Meta(ge=0, le=1000), option("Compressed archives to keep.", "files")] = 5


class ApiSettings(Section, frozen=True):
    port: Annotated[
        int, Meta(ge=0, le=65535), option("Loopback port of the local API, taken at the start; 0 takes a free one.")
    ] = 0


class NotificationSettings(Section, frozen=True):
    enabled: Annotated[bool, option("Notify of failures, and of recoveries that took attempts.")] = True


class UiSettings(Section, frozen=True):
    theme: Annotated[Literal["system", "light", "dark"], option("Colours of the window.")] = "system"
    start_hidden: Annotated[bool, option("Start in the tray without opening the window.")] = False


class WindowRule(Section, frozen=True):
    """Windows by their X class, their title, or both."""

    window_class: Annotated[
        str | None, option("The window's class, as `xprop WM_CLASS` tells it; case is ignored.")
    ] = None
    title: Annotated[
        Annotated[str, Meta(max_length=500)] | None, option("Regular expression, searched in the title.")
    ] = None

    def __post_init__(self) -> None:
        if not self.window_class and not self.title:
            raise ValueError("expected `window_class`, `title` or both")
        try:
            re.compile(self.title or "")
        except (re.error, OverflowError, RecursionError, Warning) as error:
            raise ValueError(f"`title` is no regular expression: {error}") from error


class Region(Section, frozen=True):
    """A rectangle of the desktop."""

    x: Annotated[int, option("Left edge.", "px")]
    y: Annotated[int, option("Upper edge.", "px")]
    width: Annotated[int, Meta(ge=1), option("Width.", "px")]
    height: Annotated[int, Meta(ge=1), option("Height.", "px")]


ClockTime = Annotated[str, Meta(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$")]


class Hours(Section, frozen=True):
    """A span of each day, in local time; one that ends before it starts goes over midnight."""

    start: Annotated[ClockTime, option("First minute, `HH:MM`.")]
    end: Annotated[ClockTime, option("First minute after it, `HH:MM`.")]


class InputPolicy(Section, frozen=True):
    """What agents may do with mouse and keyboard. Aurora's own windows, password managers and lock screens never."""

    allow_windows: Annotated[list[WindowRule], option("If not empty, agents may act in these windows alone.")] = []
    deny_windows: Annotated[list[WindowRule], option("Agents may not act in these windows.")] = []
    regions: Annotated[list[Region], option("If not empty, the pointer may act inside of these alone.")] = []
    max_actions_per_s: Annotated[
        Annotated[float, Meta(gt=0, le=1000)], option("Actions over this are refused.", "actions/s")
    ] = 20.0
    max_characters_per_s: Annotated[
        Annotated[float, Meta(gt=0, le=100_000)], option("Text is typed no faster.", "characters/s")
    ] = 200.0
    hours: Annotated[Hours | None, option("When agents may act; always if not given.")] = None


class EvidenceSettings(Section, frozen=True):
    """Screenshots before and after each action."""

    enabled: Annotated[bool, option("Take them.")] = False
    max_bytes: Annotated[ByteSize, option("Oldest are removed above this size.", "bytes")] = ByteSize(200_000_000)
    max_age_days: Annotated[float, Meta(gt=0), option("Older ones are removed.", "days")] = 7.0


class InputSettings(Section, frozen=True):
    """Mouse and keyboard for agents. What loosens safety waits for your confirmation in the window."""

    backend: Annotated[
        Literal["auto", "xtest", "pyautogui"],
        option("How events are sent; `auto` takes `xtest` on X11 and `pyautogui` elsewhere."),
    ] = "auto"
    hotkey: Annotated[
        Annotated[str, Meta(pattern=r"^((ctrl|alt|shift|super)\+){1,4}[A-Za-z0-9_]+$")],
        option("The panic hotkey: modifiers and one key, joined by `+`."),
    ] = "ctrl+alt+shift+escape"
    arm_minutes: Annotated[Annotated[float, Meta(gt=0, le=480)], option("Arming ends by itself.", "min")] = 15.0
    mode: Annotated[
        Literal["act", "ask", "dry_run"], option("What arming offers first; `ask` asks before each action.")
    ] = "ask"
    operator_first: Annotated[bool, option("Pause the agent while you use mouse or keyboard.")] = True
    failsafe_corners: Annotated[bool, option("The pointer in a corner of the screen stops everything.")] = True
    show_overlay: Annotated[bool, option("Border and narration on the screen while an agent acts.")] = True
    events_per_s: Annotated[
        Annotated[float, Meta(gt=0, le=5000)], option("Pace of single events (presses, releases, moves).", "events/s")
    ] = 200.0
    max_hold_s: Annotated[
        Annotated[float, Meta(gt=0, le=60)], option("A button or key held by an agent is released after this.", "s")
    ] = 10.0
    queue_limit: Annotated[Annotated[int, Meta(ge=1, le=10_000)], option("Actions that may wait.", "actions")] = 100
    evidence: Annotated[EvidenceSettings, option("Screenshots before and after each action.")] = EvidenceSettings()
    policy: Annotated[InputPolicy, option("What agents may do.")] = InputPolicy()


class Settings(Section, frozen=True):
    """The whole of `aurora.yaml`."""

    services: Annotated[dict[Name, Service], option("The programs to supervise, by name.")] = {}
    supervisor: Annotated[SupervisorSettings, option("The supervisor.")] = SupervisorSettings()
    heartbeat: Annotated[HeartbeatSettings, option("The heartbeat.")] = HeartbeatSettings()
    journal: Annotated[JournalSettings, option("The journal of events.")] = JournalSettings()
    logs: Annotated[LogSettings, option("Aurora's own logs.")] = LogSettings()
    api: Annotated[ApiSettings, option("The local API.")] = ApiSettings()
    notifications: Annotated[NotificationSettings, option("Notifications.")] = NotificationSettings()
    ui: Annotated[UiSettings, option("The window.")] = UiSettings()
    input: Annotated[InputSettings, option("Mouse and keyboard for agents.")] = InputSettings()
    agents: Annotated[AgentsSettings, option("Agents that are watched for stalls.")] = AgentsSettings()
    healing: Annotated[HealingSettings, option("Healing.")] = HealingSettings()
    alerts: Annotated[AlertsSettings, option("Alerts.")] = AlertsSettings()
    tasks: Annotated[TaskSettings, option("Tasks for agents.")] = TaskSettings()
    backups: Annotated[BackupSettings, option("Backups.")] = BackupSettings()
    link: Annotated[LinkSettings, option("The link to a collaboration server.")] = LinkSettings()
