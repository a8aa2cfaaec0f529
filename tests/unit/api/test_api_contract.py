"""A client that knows nothing but `/openapi.json` asks for all there is: no fault, and no answer that is not told."""

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from api.house import House, view
from aurora_desktop.api.openapi import document

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]


@pytest.fixture(scope="module")
def door() -> Iterator[House]:
    with tempfile.TemporaryDirectory() as folder:
        opened = House(Path(folder) / "state", view("web"), view("db", "running")).open()
        yield opened
        opened.close()


def _described() -> dict[str, Any]:
    """The document of the route table itself: what a test asks for must be known before a door is open."""
    with tempfile.TemporaryDirectory() as folder:
        house = House(Path(folder))
        try:
            return _without_waiting(document(house.routes(), "test"))
        finally:
            house.close()


def _without_waiting(told: dict[str, Any]) -> dict[str, Any]:
    """For news that nobody makes here; and a stream of them has no end."""
    for methods in told["paths"].values():
        for method, operation in tuple(methods.items()):
            if any("text/event-stream" in answer.get("content", ()) for answer in operation["responses"].values()):
                del methods[method]
            for parameter in operation["parameters"]:
                if parameter["name"] == "wait_s":
                    parameter["schema"]["maximum"] = 0.01
    return told


schema = schemathesis.openapi.from_dict(_described())


@schema.parametrize()
@settings(max_examples=6, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck))
def test_every_answer_is_one_that_was_told(case: schemathesis.Case, door: House) -> None:
    scope = "input" if case.path.endswith("/submit") else "operate"
    case.call_and_validate(
        base_url=f"http://127.0.0.1:{door.port}",
        headers={"Authorization": f"Bearer {door.token(scope)}"},
        checks=CHECKS,
        timeout=30,
    )
