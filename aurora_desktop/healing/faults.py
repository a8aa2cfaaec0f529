"""What is to be healed: a failure as it was seen, and what it was recognised as."""

from enum import IntEnum

from msgspec import Struct


class Invasiveness(IntEnum):
    """How much a remedy takes upon itself; gentler ones are tried first."""

    LOOK = 0
    TIDY = 1
    RESTART = 2
    CHANGE_FILES = 3
    INSTALL = 4
    MORE = 5


class Sighting(Struct, frozen=True, kw_only=True):
    """A failure before anybody knows what it is: `message` in words, `lines` the last that were printed.

    `event`: the type of the event that told of it (`service_failed`, `probe_failing`, ...); `event_id` its place in the
    stream; `kind`: the failure's kind there (`exit`, `liveness`, `memory`, ...), or "".
    """

    at: float
    component: str
    event: str
    event_id: int
    kind: str = ""
    message: str = ""
    lines: tuple[str, ...] = ()
    exit_code: int | None = None
    attempts: int = 0


class Fault(Struct, frozen=True, kw_only=True):
    """A failure that was recognised as `kind` (`port_conflict`, `missing_python_module`, ...), or as `unknown`.

    `sentence` says it in words, with what was found; `facts` are the captured parts by name (`port`, `path`, `module`,
    `file`, `line`, ...), all as text. `failure_id` is its number in the memory, 0 before it has one.
    """

    kind: str
    sentence: str
    sighting: Sighting
    facts: dict[str, str] = {}
    failure_id: int = 0
    signature: str = ""

    @property
    def component(self) -> str:
        return self.sighting.component

    @property
    def service(self) -> str | None:
        """The name of the service, where it is one."""
        return service_of(self.component)


def service_of(component: str) -> str | None:
    """The name of the service that a component is, if it is one."""
    prefix, _, name = component.partition(":")
    return name if prefix == "service" else None
