"""The command `completion`, and what the shell then asks at each Tab: `argcomplete` knows the shells, this the names.

Names of services, tasks, agents come from the running Aurora, if it answers at once; else there are none.
"""

from argparse import SUPPRESS, Action, ArgumentParser, Namespace, _SubParsersAction
from collections.abc import Callable, Iterator

from aurora_desktop.cli.call import OK, Call, state_dir
from aurora_desktop.core.errors import AuroraError
from aurora_desktop.core.paths import StatePaths

ASKED_TO_COMPLETE = "_ARGCOMPLETE"
"""The variable that the shell's code sets when it asks."""
ANSWER_TIMEOUT_S = 0.5
_PROGRAM = "aurora"

Completer = Callable[..., list[str]]


def completion(call: Call) -> int:
    """The code for the shell."""
    from argcomplete.shell_integration import shellcode

    call.console.out.write(shellcode([_PROGRAM], shell=call.given.shell))
    return OK


def complete(parser: ArgumentParser) -> None:
    """Tell the shell what may come next, and end the process."""
    import argcomplete

    for words, action in _actions(parser, ()):
        if action.help != SUPPRESS and (completer := _completer(words, action.dest)) is not None:
            action.completer = completer  # type: ignore[attr-defined]  # this is how argcomplete is told
    argcomplete.autocomplete(parser, always_complete_options=False)


def _actions(parser: ArgumentParser, words: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Action]]:
    """Every argument of the grammar, with the words of its command."""
    for action in parser._actions:
        if isinstance(action, _SubParsersAction):
            for name, below in action.choices.items():
                yield from _actions(below, (*words, name))
        else:
            yield words, action


def _completer(words: tuple[str, ...], dest: str) -> Completer | None:
    address = _NAMES.get((*words, dest)) or _NAMES.get((*words[:1], dest)) or _NAMES.get((dest,))
    return None if address is None else lambda parsed_args, **_: names(parsed_args, *address)


def names(given: Namespace, path: str, field: str) -> list[str]:
    """What the running Aurora has of these; none where it does not answer at once."""
    from aurora_desktop.cli.client import Client

    try:
        answer = Client(StatePaths(state_dir(given)), ANSWER_TIMEOUT_S).get(path)
    except AuroraError:
        return []
    rows = answer["channels"] if isinstance(answer, dict) else answer
    return [str(row[field]) for row in rows]


_SERVICES = ("/v1/services", "name")
_TASKS = ("/v1/tasks", "id")
_AGENTS = ("/v1/agents", "name")
_CHANNELS = ("/v1/alerts", "name")
# By command and argument; by the first word of the command and argument; by argument.
_NAMES: dict[tuple[str, ...], tuple[str, str]] = {
    ("start", "names"): _SERVICES,
    ("stop", "names"): _SERVICES,
    ("restart", "names"): _SERVICES,
    ("logs", "name"): _SERVICES,
    ("heal", "name"): _SERVICES,
    ("remedies", "test", "service"): _SERVICES,
    ("remedies", "show", "name"): ("/v1/remedies", "name"),
    ("task", "id"): _TASKS,
    ("agents", "names"): _AGENTS,
    ("workers", "names"): ("/v1/workers", "name"),
    ("approve", "id"): ("/v1/approvals", "id"),
    ("deny", "id"): ("/v1/approvals", "id"),
    ("alerts", "name"): _CHANNELS,
    ("agent",): _AGENTS,
}
