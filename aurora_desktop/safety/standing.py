"""Whether agents may act: one pure rule over everything that has a say."""

from msgspec import Struct

from aurora_desktop.safety.view import ControlState


class Obstacle(Struct, frozen=True):
    """Something that keeps the gate closed, and how to mend it."""

    reason: str
    hint: str = ""


class Facts(Struct, frozen=True, kw_only=True):
    """Everything that decides. `obstacles`: worst first; `stopped_by`: "" when nobody ever stopped; `disarmed_by`: why
    control that was armed is no more, "" when it never was."""

    armed: bool = False
    arming: bool = False
    has_clearance: bool = False
    stopped_by: str = ""
    obstacles: tuple[Obstacle, ...] = ()
    disarmed_by: str = ""


class Standing(Struct, frozen=True):
    state: ControlState
    reason: str = ""
    hint: str = ""


RESET_HINT = "Hold Ctrl+Shift+R for one second in Aurora's window"
ARM_HINT = "Hold Ctrl+Shift+A for one second in Aurora's window"
NOT_ARMED = "the operator has not armed control"


def standing(facts: Facts) -> Standing:
    """A stop outranks everything; then what is missing; then whether the operator armed."""
    if not facts.has_clearance and facts.stopped_by:
        return Standing("latched", f"stopped by {facts.stopped_by}", RESET_HINT)
    if facts.obstacles:
        worst = facts.obstacles[0]
        return Standing("closed", worst.reason, worst.hint)
    if not facts.has_clearance:
        return Standing("latched", "control was never cleared on this machine", RESET_HINT)
    if facts.armed:
        return Standing("armed")
    if facts.arming:
        return Standing("arming", "control is being armed")
    return Standing("disarmed", facts.disarmed_by or NOT_ARMED, ARM_HINT)
