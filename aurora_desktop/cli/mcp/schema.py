"""The arguments of the tools: one strict struct each, which parses them and makes their JSON Schema."""

from inspect import cleandoc
from typing import Annotated, Any, TypeVar

import msgspec
from msgspec import Meta, Struct

from aurora_desktop.core.errors import AuroraError
from aurora_desktop.input.actions import Action

MOST_ASKED_S = 300.0
MOST_WAIT_S = 600.0

WaitS = Annotated[float, Meta(ge=0, le=MOST_WAIT_S)]
Size = Annotated[int, Meta(ge=1, le=100_000)]


class Arguments(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """None, and the base of those that have some."""


class ComputerArguments(Arguments, frozen=True):
    action: dict[str, Any]


class ScreenshotArguments(Arguments, frozen=True):
    display: Annotated[str, Meta(description="Id of one display; without it the whole desktop")] | None = None
    max_width: Annotated[Size, Meta(description="The picture is made smaller to fit")] = 1280
    max_height: Size = 1280


class RequestControlArguments(Arguments, frozen=True):
    reason: Annotated[str, Meta(max_length=300, description="Why, in one sentence that the operator reads")] = ""
    wait_s: Annotated[float, Meta(ge=0, le=MOST_ASKED_S, description="Longest wait for the answer")] = 120.0


class ReasonArguments(Arguments, frozen=True):
    reason: Annotated[str, Meta(max_length=200, description="Why; kept with the event")] = ""


class ServicesArguments(Arguments, frozen=True):
    name: Annotated[str, Meta(description="Only this service, with the end of its log")] | None = None
    log_lines: Annotated[int, Meta(ge=0, le=1000, description="Of a single service")] = 30


class RestartArguments(Arguments, frozen=True):
    name: Annotated[str, Meta(min_length=1, max_length=200)]
    wait_s: Annotated[WaitS, Meta(description="Longest wait until it is up again")] = 60.0


class SubmitArguments(Arguments, frozen=True):
    prompt: Annotated[str, Meta(min_length=1, description="What is to be done")]
    agent: Annotated[str, Meta(description="Who does it; without agent, role and pipeline: claude")] = ""
    role: Annotated[str, Meta(description="A role instead: architect, coder, executor, critic, deployer, ...")] = ""
    pipeline: Annotated[str, Meta(description="Roles one after another, as the settings have them")] = ""
    cwd: Annotated[str, Meta(description="Folder to work in, absolute")] | None = None
    timeout_s: Annotated[float, Meta(gt=0, description="Longest time in all")] | None = None
    idempotency_key: Annotated[str, Meta(max_length=200, description="One task, however often submitted")] | None = None
    wait_s: Annotated[WaitS, Meta(description="Wait so long for its end; 0 answers at once")] = 0.0


class TaskArguments(Arguments, frozen=True):
    id: Annotated[str, Meta(min_length=1, max_length=100)]
    wait_s: Annotated[WaitS, Meta(description="Wait so long for its end")] = 0.0


class FailuresArguments(Arguments, frozen=True):
    query: Annotated[str, Meta(max_length=1000, description="In words, such as: port conflict")] = ""
    limit: Annotated[int, Meta(ge=1, le=100)] = 10
    cursor: Annotated[str, Meta(description="The `next_cursor` of the answer before")] | None = None


A = TypeVar("A", bound=Arguments)


def parsed(arguments: dict[str, Any] | None, shape: type[A]) -> A:
    """Raises AuroraError with what is wrong and where."""
    try:
        return msgspec.convert(arguments or {}, shape)
    except msgspec.ValidationError as error:
        fields = ", ".join(shape.__struct_fields__) or "none"
        raise AuroraError("The arguments are not right", str(error), f"Known here: {fields}") from None


def schema_of(shape: type[Arguments]) -> dict[str, Any]:
    """JSON Schema (2020-12), an object at its root as clients want it; the action with everything that it may be."""
    (_, *_), components = msgspec.json.schema_components([shape], ref_template="#/$defs/{name}")
    root = {key: value for key, value in components.pop(shape.__name__).items() if key not in ("title", "description")}
    if shape is ComputerArguments:
        (action,), components = msgspec.json.schema_components([Action], ref_template="#/$defs/{name}")
        # `discriminator` is OpenAPI's: JSON Schema knows it not.
        root["properties"]["action"] = {"description": "One action", "anyOf": action["anyOf"]}
    described = {name: _with_plain_words(one) for name, one in components.items()}
    return {**root, "$defs": described} if described else root


def _with_plain_words(component: dict[str, Any]) -> dict[str, Any]:
    """Its description without the indentation of the code."""
    words = component.get("description")
    return {**component, "description": cleandoc(words)} if words else component
