"""The part of an address behind the `?`: known names only, each once, each within its bounds."""

import math

from starlette.requests import Request

from aurora_desktop.api.problems import ProblemError


class Query:
    """Raises ProblemError 400 for a name that is not among `known`, is given twice, or has a value out of bounds."""

    def __init__(self, request: Request, *known: str) -> None:
        pairs = request.query_params.multi_items()
        self._values = dict(pairs)
        unknown = [name for name in self._values if name not in known]
        if unknown or len(pairs) > len(self._values):
            what = f"`{unknown[0]}` is not known here" if unknown else "a name is given twice"
            raise ProblemError(400, "The query is not right", what, f"Known here: {', '.join(known) or 'none'}")

    def __contains__(self, name: str) -> bool:
        return name in self._values

    def text(self, name: str) -> str | None:
        return self._values.get(name) or None

    def integer(self, name: str, default: int, low: int, high: int) -> int:
        number = self.number(name, default, low, high)
        if not number.is_integer():
            raise _wrong(name, low, high)
        return int(number)

    def number(self, name: str, default: float, low: float, high: float) -> float:
        if name not in self._values:
            return float(default)
        try:
            number = float(self._values[name])
        except ValueError:
            raise _wrong(name, low, high) from None
        if not math.isfinite(number) or not low <= number <= high:
            raise _wrong(name, low, high)
        return number


def _wrong(name: str, low: float, high: float) -> ProblemError:
    return ProblemError(400, "The query is not right", f"`{name}` must be a number from {low:g} to {high:g}")
