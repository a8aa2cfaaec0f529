"""A request of an agent, as bytes or plain data, to a `Submission`; everything wrong with it is refused by name.

An action stands among the fields of the request or, as `action`, in an object of its own. Beside it may stand
`task_id`, `agent`, `operator_user`, `dialect` and `screenshot` (the one that a foreign dialect's points are in).
"""

import json
import re
import secrets
from collections.abc import Mapping
from typing import Any, Final, NoReturn

from aurora_desktop.core.settings.problems import shown_key
from aurora_desktop.input.actions import Action
from aurora_desktop.input.dialects import translate
from aurora_desktop.input.schema_check import refused
from aurora_desktop.input.view import Submission

MAX_REQUEST_BYTES: Final = 8_000_000
MAX_NAME_CHARACTERS: Final = 100
_BESIDE: Final = frozenset({"task_id", "agent", "operator_user", "dialect", "screenshot"})
_OWN_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")


def new_task_id() -> str:
    """An id that nobody has used: `input_` and 16 hexadecimal digits."""
    return f"input_{secrets.token_hex(8)}"


def parse(raw: bytes | Mapping[str, Any], dialect: str = "auto") -> Submission:
    """The submission of a request, whose own `dialect` goes first. Raises InputRefusedError (`invalid`)."""
    fields = _decoded(raw) if isinstance(raw, bytes | bytearray | memoryview) else raw
    if not isinstance(fields, Mapping) or not all(isinstance(name, str) for name in fields):
        raise refused(
            "expected an object with an `action`", hint='like {"action": "left_click", "at": {"x": 10, "y": 20}}'
        )
    return Submission(
        action=_action(fields, _text(fields, "dialect") or dialect),
        task_id=_task_id(fields),
        agent=_text(fields, "agent"),
        operator_user=_text(fields, "operator_user"),
    )


def _decoded(raw: bytes | bytearray | memoryview) -> Any:
    if len(raw) > MAX_REQUEST_BYTES:
        raise refused(
            f"the request has {len(raw):,} bytes, over the limit of {MAX_REQUEST_BYTES:,}",
            hint="a text has at most 1,000,000 characters; send it in several actions",
        )
    try:
        return json.loads(bytes(raw).decode("utf-8"), object_pairs_hook=_once_each, parse_constant=_no_constant)
    except UnicodeDecodeError:
        raise refused("the request is not UTF-8") from None
    except RecursionError:
        raise refused("the request is nested too deeply") from None
    except json.JSONDecodeError as error:
        raise refused(f"this is not JSON: {error.msg} in line {error.lineno}, column {error.colno}") from None
    except ValueError:
        # The one other: an integer of more digits than Python converts.
        raise refused("a number is too long") from None


def _once_each(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    for name, value in pairs:
        if name in fields:
            raise refused(f"`{shown_key(name)}` is given twice", hint="leave one of them out")
        fields[name] = value
    return fields


def _no_constant(name: str) -> NoReturn:
    raise refused(f"`{name}` is no number of JSON", hint="numbers are finite")


def _action(fields: Mapping[str, Any], dialect: str) -> Action:
    rest = {name: value for name, value in fields.items() if name not in _BESIDE}
    inner = rest.get("action")
    if set(rest) == {"action"} and isinstance(inner, Mapping):
        rest = dict(inner)
    return translate(rest, dialect, _text(fields, "screenshot"))


def _task_id(fields: Mapping[str, Any]) -> str:
    task_id = fields.get("task_id")
    if task_id in (None, ""):
        return ""
    if not isinstance(task_id, str) or not _OWN_ID.fullmatch(task_id):
        raise refused("expected 1 to 64 letters, digits, `.`, `_` and `-`", "task_id", "or leave it out for a new one")
    return task_id


def _text(fields: Mapping[str, Any], name: str) -> str:
    text = fields.get(name)
    if text is None:
        return ""
    if not isinstance(text, str) or len(text) > MAX_NAME_CHARACTERS or not text.isprintable():
        raise refused(f"expected a text of at most {MAX_NAME_CHARACTERS} characters in one line", name)
    return text
