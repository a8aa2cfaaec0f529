"""Reads the fields of one request in a dialect; what was not asked for is refused in the end."""

import math
from collections.abc import Callable, Mapping
from typing import Any, Final

from aurora_desktop.core.settings.problems import joined
from aurora_desktop.input.actions import MAX_DURATION_S
from aurora_desktop.input.schema_check import refused, unknown

Own = dict[str, Any]
MISSING: Final[Any] = object()


class Fields:
    """One request's fields. A field that is null counts as absent. Everything raises InputRefusedError (`invalid`).

    `screenshot`: the id of the screenshot whose pixels the points are in; without one they are desktop pixels.
    """

    def __init__(
        self, fields: Mapping[str, Any], *, skip: tuple[str, ...], path: str = "", screenshot: str = ""
    ) -> None:
        self._fields = {name: value for name, value in fields.items() if value is not None and name not in skip}
        self._path = path
        self._asked: set[str] = set()
        self._screenshot = screenshot

    def has(self, name: str) -> bool:
        return name in self._fields

    def is_text(self, name: str) -> bool:
        return isinstance(self._fields.get(name), str)

    def number(self, name: str, default: Any = MISSING) -> Any:
        """A finite number."""
        value = self._value(name, default)
        return default if value is MISSING else self._number(value, self._at(name))

    def whole(self, name: str, default: Any = MISSING, *, least: int, most: int) -> Any:
        """A whole number in a range."""
        value = self._value(name, default)
        if value is MISSING:
            return default
        number = self._number(value, self._at(name))
        if number != int(number) or not least <= number <= most:
            raise refused(f"expected a whole number from {least} to {most}", self._at(name))
        return int(number)

    def seconds(self, name: str, default: Any = MISSING, *, per_unit: float = 1.0) -> Any:
        """A duration; `per_unit`: the seconds in one unit of the field."""
        value = self.number(name, default)
        if not 0 <= value * per_unit <= MAX_DURATION_S:
            raise refused(f"expected 0 to {MAX_DURATION_S / per_unit:g}", self._at(name), "send it in several parts")
        return value * per_unit

    def text(self, name: str, default: Any = MISSING) -> Any:
        value = self._value(name, default)
        if value is not MISSING and not isinstance(value, str):
            raise refused("expected a text", self._at(name))
        return default if value is MISSING else value

    def choice(self, name: str, choices: tuple[str, ...], default: Any = MISSING) -> Any:
        value = self.text(name, default)
        if value is not default and value not in choices:
            raise unknown("value", value, choices, self._at(name))
        return value

    def texts(self, name: str, default: Any = MISSING) -> Any:
        """A list of texts."""
        value = self._value(name, default)
        if value is MISSING:
            return default
        if not isinstance(value, list | tuple) or not all(isinstance(item, str) for item in value):
            raise refused("expected a list of texts", self._at(name))
        return list(value)

    def objects(self, name: str) -> list[Mapping[str, Any]]:
        """A list of objects."""
        value = self._value(name, MISSING, required=True)
        if not isinstance(value, list | tuple) or not all(isinstance(item, Mapping) for item in value):
            raise refused("expected a list of objects", self._at(name))
        return list(value)

    def pair(self, name: str, *, required: bool = True) -> Own | None:
        """A point written `[x, y]`."""
        if self._value(name, MISSING, required=required) is MISSING:
            return None
        return self.point(*self.numbers(name, 2))

    def numbers(self, name: str, count: int) -> list[float]:
        """A list of so many numbers."""
        value = self._value(name, MISSING)
        if not isinstance(value, list | tuple) or len(value) != count:
            raise refused(f"expected a list of {count} numbers", self._at(name))
        return [self._number(item, joined(self._at(name), index)) for index, item in enumerate(value)]

    def place(self, *, required: bool = True) -> Own | None:
        """A point written as `x` and `y`, both or none."""
        if not required and not self.has("x") and not self.has("y"):
            return None
        return self.point(self.number("x"), self.number("y"))

    def point(self, x: float, y: float) -> Own:
        """A point of our schema."""
        return {"x": x, "y": y, **({"screenshot": self._screenshot} if self._screenshot else {})}

    def finish(self, action: str) -> None:
        """Refuses what the action does not know."""
        for name in self._fields:
            if name not in self._asked:
                raise unknown(f"field of `{action}`", name, sorted(self._asked) or ("none",), self._path)

    def _value(self, name: str, default: Any, *, required: bool | None = None) -> Any:
        self._asked.add(name)
        value = self._fields.get(name, MISSING)
        if value is MISSING and (default is MISSING if required is None else required):
            raise refused("it is missing", self._at(name))
        return value

    def _at(self, name: str) -> str:
        return joined(self._path, name)

    @staticmethod
    def _number(value: object, where: str) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise refused("expected a number", where)
        try:
            finite = math.isfinite(value)
        except OverflowError:
            finite = False
        if not finite:
            raise refused("expected a finite number", where)
        return value


Translator = Callable[[Fields], Own]


def translated(fields: Fields, name: str, translators: Mapping[str, Translator], where: str) -> Own:
    """Our fields for an action of the dialect."""
    if name not in translators:
        raise unknown("action", name, translators, where)
    own = translators[name](fields)
    fields.finish(name)
    return {key: value for key, value in own.items() if value is not None}
