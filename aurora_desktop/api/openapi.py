"""The description of the door, OpenAPI 3.1: made of the route table and the structs that it names.

It is made when it is first asked for. Types tell the shape, docstrings what it means.
"""

import inspect
import re
from collections.abc import Iterable, Sequence
from http import HTTPStatus
from typing import Any

import msgspec
from msgspec import Struct
from starlette.responses import Response

from aurora_desktop.api.answering import JSON, Operation
from aurora_desktop.api.files import SCOPES
from aurora_desktop.api.problems import MEDIA_TYPE, CodedBody, ProblemBody
from aurora_desktop.api.scopes import allowed, body_limit
from aurora_desktop.api.security import OPEN_PATHS

Schema = dict[str, Any]

_REF = "#/components/schemas/{name}"
_ABOUT = """Scripts, dashboards and agents speak to the running Aurora through this API, on this machine alone.

Send `Authorization: Bearer TOKEN`; the tokens lie in the folder `tokens` of the state folder, one for each scope:
`read` looks, `operate` acts on services and tasks, `input` uses mouse and keyboard. Stopping is open to every one.
Nothing here arms control, resets the emergency stop, allows what an agent asks for, or changes the gate, the policy
or a token: these are the operator's, in the window.
"""
_ROOMS = {
    "Aurora itself": {"health", "status", "supervision", "window", "quit", "restart"},
    "Mouse and keyboard": {"control", "estop", "disarm", "input"},
    "Healing": {"healing", "failures", "remedies", "heal"},
    "Work for agents": {"tasks", "agents", "workers", "approvals", "runs"},
    "This description": {"openapi.json", "docs"},
}
"""By the first word of the path; a word that is not here is a group of its own."""
_WHY = {
    HTTPStatus.BAD_REQUEST: "The query, a header or the body is not right",
    HTTPStatus.UNAUTHORIZED: "There is no valid token",
    HTTPStatus.FORBIDDEN: "The token, the Host or the Origin is not for this, or the gate is closed",
    HTTPStatus.NOT_FOUND: "There is nothing of that name",
    HTTPStatus.REQUEST_TIMEOUT: "The body came too slowly",
    HTTPStatus.CONFLICT: "It cannot be done as things stand",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "The body is too large",
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE: "The body is not `application/json`",
    HTTPStatus.UNPROCESSABLE_ENTITY: "The idempotency key was used for another request",
    HTTPStatus.TOO_MANY_REQUESTS: "Too many wrong tokens, too many actions, or a full queue",
    HTTPStatus.SERVICE_UNAVAILABLE: "This part does not run, or too much is asked at once",
}


def document(operations: Sequence[Operation], version: str) -> Schema:
    """The whole document, as plain data."""
    schemas = _Schemas(operations)
    _plain_tuples(schemas.components)
    paths: dict[str, Schema] = {}
    for operation in operations:
        paths.setdefault(operation.path, {})[operation.method.lower()] = _operation(operation, schemas)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Aurora Desktop", "version": version, "description": _ABOUT},
        "paths": paths,
        "components": {
            "schemas": schemas.components,
            "responses": _problems(schemas, operations),
            "securitySchemes": _security_schemes(),
        },
        "tags": [{"name": tag} for tag in dict.fromkeys(map(_tag, operations))],
    }


class _Schemas:
    """The schemas of all types that the operations name, each struct once."""

    def __init__(self, operations: Iterable[Operation]) -> None:
        types: list[Any] = [ProblemBody, CodedBody]
        for operation in operations:
            types += [*_alternatives(operation.signature.body), operation.signature.reply]
        types = [kind for kind in types if kind not in (None, Response)]
        found, self.components = msgspec.json.schema_components(types, schema_hook=_anything, ref_template=_REF)
        self._found = list(zip(types, found, strict=True))

    def of(self, kind: Any) -> Schema:
        if isinstance(kind, tuple):
            return {"anyOf": [self.of(each) for each in kind]}
        return next(schema for known, schema in self._found if known is kind or known == kind)


def _plain_tuples(node: Any) -> None:
    """In place: `two integers` as a list of integers with a length, which every reader of JSON Schema knows."""
    if isinstance(node, list):
        for item in node:
            _plain_tuples(item)
    elif isinstance(node, dict):
        kinds = node.get("prefixItems")
        if isinstance(kinds, list) and kinds and all(kind == kinds[0] for kind in kinds):
            node["items"] = node.pop("prefixItems")[0]
        for value in node.values():
            _plain_tuples(value)


def _alternatives(kind: Any) -> tuple[Any, ...]:
    return kind if isinstance(kind, tuple) else (kind,)


def _anything(kind: type) -> Schema:
    """The schema of `object`. Raises TypeError for another type that msgspec does not know."""
    if kind is not object:
        raise TypeError(f"there is no schema for {kind}")
    return {"description": "Any JSON value"}


def _operation(operation: Operation, schemas: _Schemas) -> Schema:
    told = inspect.cleandoc(operation.told)
    summary = re.split(r"(?<=[.:])\s|\n\n", told, maxsplit=1)[0].replace("\n", " ").rstrip(".:")
    found: Schema = {
        "operationId": f"{operation.method.lower()}{re.sub(r'[^a-z0-9]+', '_', operation.path)}".rstrip("_"),
        "summary": summary,
        "tags": [_tag(operation)],
        "parameters": [*_path_parameters(operation), *_query_parameters(operation), *_header_parameters(operation)],
        "responses": _responses(operation, schemas),
        "security": [] if operation.path in OPEN_PATHS else [{scope: []} for scope in _scopes(operation)],
    }
    if told.rstrip(".") != summary:
        found["description"] = told
    if operation.signature.body is not None:
        found["requestBody"] = _request_body(operation, schemas)
    return found


def _scopes(operation: Operation) -> list[str]:
    needed = allowed(operation.method, operation.path)
    return [scope for scope in SCOPES if scope in needed]


def _tag(operation: Operation) -> str:
    word = operation.path.removeprefix("/v1").split("/")[1]
    return next((room for room, words in _ROOMS.items() if word in words), word.capitalize())


def _path_parameters(operation: Operation) -> list[Schema]:
    return [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string", "minLength": 1}}
        for name in re.findall(r"{(\w+)(?::\w+)?}", operation.path)
    ]


def _query_parameters(operation: Operation) -> list[Schema]:
    shape = operation.signature.query
    return [] if shape is None else [_query_parameter(field) for field in msgspec.structs.fields(shape)]


def _query_parameter(field: msgspec.structs.FieldInfo) -> Schema:
    """None is told by leaving a name out, so that `null` is not among its values."""
    schema = msgspec.json.schema(field.type)
    options = [option for option in schema.get("anyOf", ()) if option != {"type": "null"}]
    if options:
        schema = options[0]
    if field.default not in (msgspec.NODEFAULT, None, ""):
        schema["default"] = field.default
    description = schema.pop("description", None)
    told = {"name": field.encode_name, "in": "query", "schema": schema}
    return told | {"description": description} if description else told


def _header_parameters(operation: Operation) -> list[Schema]:
    if not operation.creates:
        return []
    what = "Sent again with the same key, the call creates nothing new"
    text = {"type": "string", "minLength": 1, "maxLength": 200, "pattern": "^[!-~]+$"}
    return [{"name": "Idempotency-Key", "in": "header", "description": what, "schema": text}]


def _request_body(operation: Operation, schemas: _Schemas) -> Schema:
    shape = operation.signature.body
    required = not (isinstance(shape, type) and issubclass(shape, Struct)) or any(
        field.required for field in msgspec.structs.fields(shape)
    )
    return {
        "required": required and shape is not Any,
        "description": f"At most {body_limit(operation.path):,} bytes",
        "content": {JSON: {"schema": schemas.of(shape)}},
    }


def _responses(operation: Operation, schemas: _Schemas) -> Schema:
    content = {"schema": schemas.of(operation.signature.reply)} if operation.media_type == JSON else {}
    good = {
        str(status): {
            "description": HTTPStatus(status).phrase,
            "content": {operation.media_type: content},
            **_reply_headers(operation),
        }
        for status in operation.statuses
    }
    unchanged = {"304": {"description": "It is as it was: `If-None-Match` names it"}} if operation.tagged else {}
    refusals = {str(int(status)): {"$ref": f"#/components/responses/{status:d}"} for status in _refusals(operation)}
    return {**good, **unchanged, **refusals}


def _problems(schemas: _Schemas, operations: Iterable[Operation]) -> Schema:
    content = {MEDIA_TYPE: {"schema": {"anyOf": [schemas.of(CodedBody), schemas.of(ProblemBody)]}}}
    statuses = sorted({status for operation in operations for status in _refusals(operation)})
    return {
        str(int(status)): {"description": _WHY.get(status, status.phrase), "content": content} for status in statuses
    }


def _reply_headers(operation: Operation) -> Schema:
    return {"headers": {"ETag": {"schema": {"type": "string"}, "required": True}}} if operation.tagged else {}


def _refusals(operation: Operation) -> list[HTTPStatus]:
    """Which problems can come of it."""
    always = {
        HTTPStatus.BAD_REQUEST,
        HTTPStatus.FORBIDDEN,
        HTTPStatus.REQUEST_TIMEOUT,
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
        HTTPStatus.TOO_MANY_REQUESTS,
        HTTPStatus.SERVICE_UNAVAILABLE,
    }
    if operation.path not in OPEN_PATHS:
        always |= {HTTPStatus.UNAUTHORIZED, HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT}
    if operation.creates:
        always.add(HTTPStatus.UNPROCESSABLE_ENTITY)
    return sorted(always.union(map(HTTPStatus, operation.refusals)))


def _security_schemes() -> Schema:
    what = {
        "read": "looks at everything but what agents are to type",
        "operate": "looks, and acts on services, tasks and healing",
        "input": "submits actions of mouse and keyboard",
    }
    return {
        scope: {"type": "http", "scheme": "bearer", "description": f"`tokens/{scope}`: {what[scope]}"}
        for scope in SCOPES
    }
