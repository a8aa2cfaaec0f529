"""Errors that a person can act on."""

import pytest

from aurora_desktop.core.errors import AlreadyRunningError, AuroraError, NotRunningError, UnknownServiceError


@pytest.mark.parametrize(
    ("parts", "told"),
    [
        (("title", "detail", "hint"), "title\ndetail\nhint"),
        (("title", "", "hint"), "title\nhint"),
        (("title", "detail", ""), "title\ndetail"),
        (("title",), "title"),
    ],
)
def test_what_is_told_has_a_line_for_each_part_that_is_there(parts: tuple[str, ...], told: str) -> None:
    assert str(AuroraError(*parts)) == told


@pytest.mark.parametrize("kind", [NotRunningError, AlreadyRunningError, UnknownServiceError])
def test_every_error_of_ours_carries_the_three_parts(kind: type[AuroraError]) -> None:
    error = kind("title", "detail", "hint")
    assert (error.title, error.detail, error.hint) == ("title", "detail", "hint")
    assert error.args == ("title",)
