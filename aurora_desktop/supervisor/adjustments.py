"""What healing changed for the next starts of a service: kept in memory, and no part of its definition."""

from collections.abc import Mapping

from msgspec import Struct, field
from msgspec.structs import replace

from aurora_desktop.core.settings.schema import Service


class Adjustments(Struct):
    """`variables` by name, each with the value that the settings had for it then; `most_files`: the limit of open files
    is raised."""

    variables: dict[str, tuple[str, str | None]] = field(default_factory=dict)
    most_files: bool = False

    def set(self, variable: str, value: str, spec: Service) -> None:
        self.variables[variable] = (value, spec.env.get(variable))

    def unset(self, variable: str) -> None:
        self.variables.pop(variable, None)

    def definition_changed(self, spec: Service) -> None:
        """Whoever sets the variable in the settings has the last word."""
        for variable, (_, before) in tuple(self.variables.items()):
            if spec.env.get(variable) != before:
                del self.variables[variable]

    def applied(self, spec: Service) -> Service:
        """The definition with what was changed; the same object where nothing was."""
        if not self.variables:
            return spec
        values: Mapping[str, str] = {name: value for name, (value, _) in self.variables.items()}
        return replace(spec, env={**spec.env, **values})

    def words(self) -> tuple[str, ...]:
        told = [f"the variable {name} is set by healing" for name in self.variables]
        return (*told, *(("the limit of open files is raised by healing",) if self.most_files else ()))
