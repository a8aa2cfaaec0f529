"""Errors of the door, as RFC 9457 problem details with the title, detail and hint of every Aurora error."""

from http import HTTPStatus

import msgspec

from aurora_desktop.core.errors import AuroraError, UnknownServiceError

MEDIA_TYPE = "application/problem+json"


class ProblemError(AuroraError):
    """An error with the HTTP status that it is answered with."""

    def __init__(self, status: int, title: str, detail: str = "", hint: str = "") -> None:
        super().__init__(title, detail, hint)
        self.status = status


class ProblemBody(msgspec.Struct, frozen=True):
    """`type` is always `about:blank`: the status and the title say which problem it is."""

    title: str
    status: int
    detail: str = ""
    hint: str = ""
    type: str = "about:blank"


def problem_of(error: Exception) -> ProblemError:
    """Any error as the problem to answer with; an unforeseen one tells nothing of its inside."""
    if isinstance(error, ProblemError):
        return error
    if isinstance(error, UnknownServiceError):
        return ProblemError(HTTPStatus.NOT_FOUND, error.title, error.detail, error.hint)
    if isinstance(error, AuroraError):
        return ProblemError(HTTPStatus.CONFLICT, error.title, error.detail, error.hint)
    return ProblemError(
        HTTPStatus.INTERNAL_SERVER_ERROR, "Aurora could not answer", "an unforeseen error", "See logs/aurora.log"
    )


def encode_problem(problem: ProblemError) -> bytes:
    """The JSON body of the answer."""
    return encode(ProblemBody(problem.title, problem.status, problem.detail, problem.hint))


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
