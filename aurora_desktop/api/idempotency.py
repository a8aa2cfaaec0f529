"""`Idempotency-Key`: a call that creates something may be sent again, and creates it once.

Tasks keep their key themselves. For an action of mouse and keyboard the key is on disk before the action is queued
(`key_store.py`), so that a client which lost the answer, to a restart too, cannot have it done twice.
"""

from starlette.requests import Request

from aurora_desktop.api.problems import ProblemError

HEADER = "idempotency-key"
MAX_KEY = 200


def key_of(request: Request) -> str | None:
    """The key that came with the request. Raises ProblemError 400 for one that cannot be kept."""
    given = request.headers.getlist(HEADER)
    if not given:
        return None
    key = given[0]
    if len(given) > 1 or not 1 <= len(key) <= MAX_KEY or not (key.isascii() and key.isprintable()):
        raise ProblemError(
            400, "The idempotency key cannot be used", f"expected one, of 1 to {MAX_KEY} ASCII characters", ""
        )
    return key


def chosen_key(request: Request, in_body: str | None) -> str | None:
    """The key of the header, or that of the body. Raises ProblemError 400 for two different ones."""
    key = key_of(request)
    if key and in_body and key != in_body:
        raise ProblemError(400, "There are two different idempotency keys", "", "Give it in the header or in the body")
    return key or in_body
