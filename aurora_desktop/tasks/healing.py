"""Workers that are not well, or that the operator names, are replaced."""

import difflib
from collections.abc import Sequence

from aurora_desktop.tasks.errors import TaskRefusedError
from aurora_desktop.tasks.roster import Workforce
from aurora_desktop.tasks.view import Healed, WorkerView

_NEEDS_NOTHING = ("asleep", "frozen", "stopped")


def heal(names: Sequence[str], by: str, workers: Sequence[WorkerView], workforce: Workforce) -> Healed:
    """None named: those that are not well. What is frozen stays so: it is the operator's to thaw.

    Raises TaskRefusedError for a name that there is not.
    """
    there = {worker.name: worker for worker in workers}
    for name in names:
        if name not in there:
            raise _unknown(name, list(there))
    chosen = [there[name] for name in names] if names else [worker for worker in workers if not worker.healthy]
    healed = [worker for worker in chosen if worker.status not in _NEEDS_NOTHING]
    for worker in healed:
        if worker.pid is not None:
            workforce.unwell(worker.service.name, "liveness", f"replaced, asked for by {by}")
        else:
            workforce.employ((worker.service.name,), f"started anew, asked for by {by}")
    return Healed(workers=tuple(worker.name for worker in healed), message=_message(healed, chosen))


def _message(healed: Sequence[WorkerView], chosen: Sequence[WorkerView]) -> str:
    if healed:
        return f"{', '.join(worker.name for worker in healed)}: replaced"
    if chosen:
        return "; ".join(f"{worker.name} is {worker.status}: nothing to replace" for worker in chosen)
    return "Every worker is well."


def _unknown(name: str, there: list[str]) -> TaskRefusedError:
    near = difflib.get_close_matches(name, there, n=1)
    hint = f"Did you mean `{near[0]}`?" if near else f"There are {', '.join(there)}."
    return TaskRefusedError(f"There is no worker `{name[:64]}`", "", hint)
