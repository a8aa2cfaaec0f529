"""Errors of the door, as RFC 9457 problem details with the title, detail and hint of every Aurora error."""

from collections.abc import Mapping
from http import HTTPStatus

import msgspec

from aurora_desktop.core.errors import AuroraError, UnknownServiceError
from aurora_desktop.input.errors import InputRefusedError, RefusalCode
from aurora_desktop.input.errors import UnknownTaskError as UnknownActionError
from aurora_desktop.tasks.errors import QueueFullError, TaskRefusedError, UnknownApprovalError, UnknownTaskError

MEDIA_TYPE = "application/problem+json"

STATUS_OF: Mapping[RefusalCode, HTTPStatus] = {
    "closed": HTTPStatus.FORBIDDEN,
    "latched": HTTPStatus.FORBIDDEN,
    "disarmed": HTTPStatus.FORBIDDEN,
    "policy": HTTPStatus.FORBIDDEN,
    "queue_full": HTTPStatus.TOO_MANY_REQUESTS,
    "rate": HTTPStatus.TOO_MANY_REQUESTS,
    "duplicate": HTTPStatus.CONFLICT,
    "invalid": HTTPStatus.BAD_REQUEST,
    "off_screen": HTTPStatus.BAD_REQUEST,
    "audit": HTTPStatus.SERVICE_UNAVAILABLE,
}

_STATUS_OF_KIND: tuple[tuple[type[AuroraError], HTTPStatus], ...] = (
    (UnknownServiceError, HTTPStatus.NOT_FOUND),
    (UnknownActionError, HTTPStatus.NOT_FOUND),
    (UnknownTaskError, HTTPStatus.NOT_FOUND),
    (UnknownApprovalError, HTTPStatus.NOT_FOUND),
    (TaskRefusedError, HTTPStatus.BAD_REQUEST),
    (QueueFullError, HTTPStatus.TOO_MANY_REQUESTS),
)


class ProblemError(AuroraError):
    """An error with the HTTP status that it is answered with."""

    def __init__(self, status: int, title: str, detail: str = "", hint: str = "", code: str = "") -> None:
        """`code`: the reason in one word, where programs are to tell several apart."""
        super().__init__(title, detail, hint)
        self.status = status
        self.code = code


class ProblemBody(msgspec.Struct, frozen=True):
    """`type` is always `about:blank`: the status and the title say which problem it is."""

    title: str
    status: int
    detail: str = ""
    hint: str = ""
    type: str = "about:blank"


class CodedBody(ProblemBody, frozen=True, kw_only=True):
    """With the reason in one word."""

    code: str


def problem_of(error: Exception) -> ProblemError:
    """Any error as the problem to answer with; an unforeseen one tells nothing of its inside."""
    if isinstance(error, ProblemError):
        return error
    if isinstance(error, InputRefusedError):
        return ProblemError(STATUS_OF[error.code], error.title, error.detail, error.hint, error.code)
    if isinstance(error, AuroraError):
        status = next((status for kind, status in _STATUS_OF_KIND if isinstance(error, kind)), HTTPStatus.CONFLICT)
        return ProblemError(status, error.title, error.detail, error.hint)
    return ProblemError(
        HTTPStatus.INTERNAL_SERVER_ERROR, "Aurora could not answer", "an unforeseen error", "See logs/aurora.log"
    )


def encode_problem(problem: ProblemError) -> bytes:
    """The JSON body of the answer."""
    told = (problem.title, problem.status, problem.detail, problem.hint)
    return encode(CodedBody(*told, code=problem.code) if problem.code else ProblemBody(*told))


def encode(value: object) -> bytes:
    """JSON of structs and builtins; a character that UTF-8 cannot carry (from a file name) becomes `?`."""
    try:
        return msgspec.json.encode(value)
    except UnicodeEncodeError:
        return msgspec.json.encode(_clean(msgspec.to_builtins(value)))


def _clean(value: object) -> object:
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    if isinstance(value, dict):
        return {_clean(key): _clean(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_clean(item) for item in value]
    return value
