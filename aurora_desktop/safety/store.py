"""What the brake remembers over restarts: the settings that the operator confirmed, the proven key, the last stop."""

import hashlib
import logging
import secrets
from collections.abc import Mapping
from concurrent.futures import Future
from typing import Any, TypeVar

import apsw
import msgspec
from msgspec import Struct
from msgspec.structs import replace

from aurora_desktop.core.settings.schema import InputSettings
from aurora_desktop.core.settings.schema_tasks import CliAgent, Role, TaskSettings
from aurora_desktop.core.storage.database import Database
from aurora_desktop.safety.work_limits import OnEstop

MIGRATIONS = ("CREATE TABLE safety (key TEXT PRIMARY KEY, value TEXT NOT NULL)",)

log = logging.getLogger(__name__)

T = TypeVar("T")
Named = TypeVar("Named", CliAgent, Role)


class LastStop(Struct, frozen=True):
    """Who stopped everything, and when (Unix time in seconds)."""

    source: str
    at: float


class ConfirmedWork(Struct, frozen=True):
    """The settings of agents at work in force, and what the emergency stop does with services.

    The values of environment variables are not kept: `env` has a digest of each environment, salted with `salt`.
    """

    tasks: TaskSettings
    on_estop: dict[str, OnEstop] = {}
    env: dict[str, str] = {}
    salt: str = ""


class SafetyStore:
    """A few values in `state.db`; read once at the start, written without being waited for."""

    def __init__(self, database: Database) -> None:
        """Blocking: reads."""
        self._database = database
        self._values: dict[str, str] = dict(database.read("SELECT key, value FROM safety"))

    @property
    def confirmed(self) -> InputSettings | None:
        """The safety settings in force when Aurora last ran; None at the first start."""
        return self._read("confirmed_settings", InputSettings)

    def has(self, key: str) -> bool:
        """Whether it was kept before, be it not understood any more."""
        return key in self._values

    def confirm(self, settings: InputSettings) -> None:
        self._write("confirmed_settings", settings)

    def confirmed_work(self, wanted: TaskSettings) -> ConfirmedWork:
        """What was in force of work; if that is not understood, what is there without being named.

        `wanted` gives the environments that are the same as then; of another one nothing is known, and it is empty.
        """
        known = self._read("confirmed_work", ConfirmedWork) or ConfirmedWork(TaskSettings())
        return replace(known, tasks=_with_environments(known, wanted))

    def confirm_work(self, tasks: TaskSettings, on_estop: Mapping[str, OnEstop]) -> None:
        salt = secrets.token_hex(16)
        bare = replace(tasks, agents=_bare(tasks.agents), roles=_bare(tasks.roles))
        self._write("confirmed_work", ConfirmedWork(bare, dict(on_estop), _digests(tasks, salt), salt))

    @property
    def proven_hotkey(self) -> str:
        """The hotkey that the operator pressed in a stop drill; "" if none was."""
        return self._read("proven_hotkey", str) or ""

    def prove(self, hotkey: str) -> None:
        self._write("proven_hotkey", hotkey)

    @property
    def last_stop(self) -> LastStop | None:
        return self._read("last_stop", LastStop)

    @property
    def was_cleared(self) -> bool:
        """Whether the operator ever reset: from then on a missing clearance means a stop."""
        return "last_reset" in self._values

    def stopped(self, source: str, at: float) -> None:
        self._write("last_stop", LastStop(source, at))

    def cleared(self, at: float) -> None:
        self._write("last_reset", at)

    def _read(self, key: str, kind: type[T]) -> T | None:
        try:
            return _decoded(self._values[key], kind) if key in self._values else None
        except msgspec.MsgspecError:  # of another version: as if it were not there, which is the safer side
            log.warning("the value of `%s` in state.db is not understood", key)
            return None

    def _write(self, key: str, value: object) -> None:
        text = msgspec.json.encode(value, enc_hook=int).decode()  # a size in bytes is a number
        self._values[key] = text
        try:
            self._database.submit(lambda db: _put(db, key, text)).add_done_callback(_report)
        except RuntimeError as error:
            log.warning("the brake's state cannot be kept: %s", error)


def _bare(named: Mapping[str, Named]) -> dict[str, Named]:
    """Without the environments, whose values are kept nowhere."""
    return {name: replace(each, env={}) for name, each in named.items()}


def _digests(tasks: TaskSettings, salt: str) -> dict[str, str]:
    """Of each environment that is not empty, by `agent:<name>` or `role:<name>`."""
    named = {f"agent:{name}": agent.env for name, agent in tasks.agents.items()}
    named |= {f"role:{name}": role.env for name, role in tasks.roles.items()}
    return {name: _digest(env, salt) for name, env in named.items() if env}


def _digest(env: Mapping[str, str], salt: str) -> str:
    return hashlib.sha256(salt.encode() + msgspec.json.encode(sorted(env.items()))).hexdigest()


def _with_environments(known: ConfirmedWork, wanted: TaskSettings) -> TaskSettings:
    """What was kept bare, with the environments of the file that have the digest that they had."""
    same = {name for name, digest in _digests(wanted, known.salt).items() if known.env.get(name) == digest}
    agents = {
        name: replace(agent, env=wanted.agents[name].env) if f"agent:{name}" in same else agent
        for name, agent in known.tasks.agents.items()
    }
    roles = {
        name: replace(role, env=wanted.roles[name].env) if f"role:{name}" in same else role
        for name, role in known.tasks.roles.items()
    }
    return replace(known.tasks, agents=agents, roles=roles)


def _decoded(text: str, kind: type[T]) -> T:
    """Raises MsgspecError."""
    return msgspec.json.decode(text, type=kind, dec_hook=lambda custom, value: custom(value))


def _put(connection: apsw.Connection, key: str, text: str) -> None:
    connection.execute(
        "INSERT INTO safety VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value", (key, text)
    )


def _report(future: "Future[Any]") -> None:
    if (error := future.exception()) is not None:
        log.warning("the brake's state cannot be kept: %s", error)
