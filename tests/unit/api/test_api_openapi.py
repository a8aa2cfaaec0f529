"""What the door tells of itself."""

import http.client
import re
from html.parser import HTMLParser
from typing import Any

import pytest

from api.house import House
from aurora_desktop.api.openapi import document

OPERATORS = re.compile(r"arm\b|reset|approve|allow|gate|policy|token|permit|unlatch")


@pytest.fixture
def told(house: House) -> Any:
    status, body, _ = house.ask("GET", "/openapi.json", scope="read")
    assert status == 200
    return body


class _Page(HTMLParser):
    """The tags of a page, what they lead to, and what can be led to."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.links: list[str] = []
        self.places: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        for name, value in attrs:
            if name in ("href", "src") and value:
                self.links.append(value)
            if name == "id" and value:
                self.places.append(value)


def _page(house: House, **headers: str) -> tuple[int, str, http.client.HTTPMessage]:
    connection = http.client.HTTPConnection("127.0.0.1", house.port, timeout=20)
    try:
        connection.request("GET", "/docs", headers={"Authorization": f"Bearer {house.token('read')}", **headers})
        response = connection.getresponse()
        return response.status, response.read().decode(), response.headers
    finally:
        connection.close()


def _references(node: Any) -> set[str]:
    if isinstance(node, dict):
        own = {node["$ref"]} if isinstance(node.get("$ref"), str) else set()
        return own.union(*map(_references, node.values()))
    return set().union(*map(_references, node)) if isinstance(node, list) else set()


def test_it_tells_every_address_with_its_method(house: House, told: Any) -> None:
    described = {(method.upper(), path) for path, methods in told["paths"].items() for method in methods}
    assert described == {(route.method, route.path) for route in house.routes()}
    assert told["openapi"] == "3.1.0"


def test_every_reference_leads_to_something(told: Any) -> None:
    for reference in _references(told):
        found = told
        for part in reference.removeprefix("#/").split("/"):
            found = found[part]
        assert found


def test_every_address_says_what_it_is_for_and_what_it_answers(house: House, told: Any) -> None:
    for route in house.routes():
        operation = told["paths"][route.path][route.method.lower()]
        assert operation["summary"], route.path
        assert route.signature.reply is not object, route.path
    ids = [operation["operationId"] for methods in told["paths"].values() for operation in methods.values()]
    assert len(set(ids)) == len(ids)


def test_it_names_the_tokens_that_open_each_address(told: Any) -> None:
    needed = {path: told["paths"][path] for path in ("/health", "/v1/estop", "/v1/quit", "/v1/input/submit")}
    assert needed["/health"]["get"]["security"] == []
    assert needed["/v1/estop"]["post"]["security"] == [{"read": []}, {"operate": []}, {"input": []}]
    assert needed["/v1/quit"]["post"]["security"] == [{"operate": []}]
    assert needed["/v1/input/submit"]["post"]["security"] == [{"input": []}]


def test_no_address_is_the_operators(told: Any) -> None:
    assert not [path for path in told["paths"] if OPERATORS.search(path.replace("disarm", ""))]


def test_bounds_of_a_query_are_told(told: Any) -> None:
    parameters = {each["name"]: each for each in told["paths"]["/v1/events"]["get"]["parameters"]}
    assert parameters["limit"]["schema"] == {"type": "integer", "minimum": 1, "maximum": 1000, "default": 100}
    assert parameters["since"]["schema"]["type"] == "integer"


def test_types_of_one_name_are_told_apart(house: House) -> None:
    names = document(house.routes(), "1")["components"]["schemas"]
    assert {"aurora_desktop.input.view.TaskView", "aurora_desktop.tasks.view.TaskView"} <= set(names)


@pytest.mark.parametrize("path", ["/openapi.json", "/docs"])
def test_the_description_needs_a_token(house: House, path: str) -> None:
    assert house.ask("GET", path, scope=None)[0] == 401


def test_the_description_is_sent_once(house: House) -> None:
    tag = house.ask("GET", "/openapi.json")[2]["ETag"]
    connection = http.client.HTTPConnection("127.0.0.1", house.port, timeout=20)
    try:
        given = {"Authorization": f"Bearer {house.token('read')}", "If-None-Match": f'"other", W/{tag}'}
        connection.request("GET", "/openapi.json", headers=given)
        response = connection.getresponse()
        assert (response.status, response.read()) == (304, b"")
    finally:
        connection.close()
    assert _page(house, If_None_Match="x")[0] == 200


def test_the_page_works_without_a_network_and_runs_nothing(house: House) -> None:
    status, text, headers = _page(house)
    assert (status, headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    page = _Page(text)
    assert not {"script", "img", "iframe", "link", "object", "form"} & set(page.tags)
    assert [link for link in page.links if not link.startswith("#")] == []
    assert headers["Content-Security-Policy"].startswith("default-src 'none'; style-src 'sha256-")


def test_every_link_of_the_page_leads_somewhere_in_it(house: House) -> None:
    page = _Page(_page(house)[1])
    assert {link.removeprefix("#") for link in page.links} <= set(page.places)
    assert len(set(page.places)) == len(page.places)


def test_the_page_tells_every_address(house: House) -> None:
    text = _page(house)[1]
    assert [route.path for route in house.routes() if f"<code>{route.path}</code>" not in text] == []
