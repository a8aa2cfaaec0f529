"""The description of the door as one page of HTML: no script, nothing from elsewhere, the style in the page."""

import base64
import hashlib
from collections.abc import Iterable, Mapping
from html import escape
from typing import Any

Schema = Mapping[str, Any]

_PROBLEMS = "<code>application/problem+json</code> (RFC 9457)"
# Names of a least and a most value, and what they count.
_BOUNDS = (
    ("minimum", "maximum", ""),
    ("exclusiveMinimum", "exclusiveMaximum", " (both excluded)"),
    ("minLength", "maxLength", " characters"),
    ("minItems", "maxItems", " items"),
)


def policy(style: str) -> str:
    """The Content-Security-Policy under which the page works: this style and nothing else."""
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    return f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"


def page(document: Schema, style: str) -> str:
    """The page for an OpenAPI document."""
    info = document["info"]
    title = escape(f"{info['title']} {info['version']}: the local API")
    shapes = document["components"]["schemas"]
    return "\n".join(
        [
            '<!doctype html><html lang="en"><head><meta charset="utf-8">',
            f'<meta http-equiv="Content-Security-Policy" content="{escape(policy(style))}">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f"<title>{title}</title><style>{style}</style></head><body>",
            f'<h1>{title}</h1><p class="told">{escape(info["description"])}</p>',
            _contents(document),
            *(_section(tag["name"], document) for tag in document["tags"]),
            '<h2 id="shapes">Shapes</h2>',
            *(_shape(name, shapes[name]) for name in sorted(shapes)),
            "</body></html>",
        ]
    )


def _contents(document: Schema) -> str:
    names = [*(tag["name"] for tag in document["tags"]), "Shapes"]
    links = "".join(f'<li><a href="#{_anchor(name)}">{escape(name)}</a></li>' for name in names)
    return f'<nav aria-label="Contents"><ul>{links}</ul></nav>'


def _anchor(name: str) -> str:
    return escape(name.lower().replace(" ", "-"))


def _section(tag: str, document: Schema) -> str:
    told = [
        _operation(path, method, operation, document)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
        if tag in operation["tags"]
    ]
    return f'<h2 id="{_anchor(tag)}">{escape(tag)}</h2>' + "".join(told)


def _operation(path: str, method: str, operation: Schema, document: Schema) -> str:
    scopes = [scope for option in operation["security"] for scope in option]
    entry = " or ".join(f"<code>{scope}</code>" for scope in scopes) or "no token is needed"
    return "".join(
        [
            f'<details id="{operation["operationId"]}"><summary><code class="method">{method.upper()}</code> ',
            f'<code>{escape(path)}</code><span class="what">{escape(operation["summary"])}</span></summary>',
            _told(operation),
            f"<p>Token: {entry}</p>",
            _parameters(operation["parameters"]),
            _body(operation.get("requestBody")),
            _answers(operation["responses"], document),
            "</details>",
        ]
    )


def _parameters(parameters: Iterable[Schema]) -> str:
    rows = [
        (
            f"<code>{escape(each['name'])}</code>",
            f"{escape(each['in'])}{', required' if each.get('required') else ''}",
            _type(each["schema"]),
            escape(each.get("description", "")),
        )
        for each in parameters
    ]
    return _table("Parameters", rows)


def _body(body: Schema | None) -> str:
    if body is None:
        return ""
    (content,) = body["content"].values()
    return f"<h3>Body</h3><p>{_type(content['schema'])}. {escape(body['description'])}.</p>"


def _answers(responses: Schema, document: Schema) -> str:
    """All problems have one shape: it is told once, at the end."""
    rows = []
    for status, response in responses.items():
        told = _resolved(response, document)
        kinds = [_type(content["schema"]) for content in told.get("content", {}).values() if "schema" in content]
        shown = " ".join(kinds) if status < "400" else ""
        rows.append((f"<code>{status}</code>", escape(told["description"]), shown))
    problem = f'<p>Problems are <a href="#shape-ProblemBody"><code>ProblemBody</code></a>, as {_PROBLEMS}.</p>'
    return _table("Answers", rows) + problem


def _resolved(node: Schema, document: Schema) -> Schema:
    """What a `$ref` within the document leads to."""
    found: Any = node
    if "$ref" in node:
        found = document
        for part in node["$ref"].removeprefix("#/").split("/"):
            found = found[part]
    return found  # type: ignore[no-any-return]  # a part of a JSON document


def _shape(name: str, schema: Schema) -> str:
    required = schema.get("required", ())
    rows = [
        (
            f"<code>{escape(field)}</code>{', required' if field in required else ''}",
            _type(told),
            escape(told.get("description", "")),
        )
        for field, told in schema.get("properties", {}).items()
    ]
    shown = _table("", rows) if rows else f"<p>{_type(schema)}</p>"
    return (
        f'<div class="shape" id="shape-{escape(name)}"><h3><code>{escape(name)}</code></h3>{_told(schema)}{shown}</div>'
    )


def _told(node: Schema) -> str:
    description = node.get("description")
    return f'<p class="told">{escape(description)}</p>' if description else ""


def _table(title: str, rows: Iterable[tuple[str, ...]]) -> str:
    lines = "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in rows)
    return f"{f'<h3>{title}</h3>' if title else ''}<table>{lines}</table>" if lines else ""


def _type(schema: Schema) -> str:
    """A schema in words."""
    if "$ref" in schema:
        name = escape(schema["$ref"].rpartition("/")[2])
        return f'<a href="#shape-{name}"><code>{name.rpartition(".")[2]}</code></a>'
    if options := schema.get("anyOf") or schema.get("oneOf"):
        return " or ".join(map(_type, options))
    if "enum" in schema:
        return ", ".join(f"<code>{escape(str(value))}</code>" for value in schema["enum"])
    bounds = _bounds(schema)
    if schema.get("default") not in (None, "", [], {}):
        bounds.append(f"by default {schema['default']}")
    return f"{_kind(schema)}{escape(', ' + ', '.join(bounds)) if bounds else ''}"


def _bounds(schema: Schema) -> list[str]:
    found = []
    for least, most, what in _BOUNDS:
        if least in schema and most in schema:
            found.append(f"{schema[least]} to {schema[most]}{what}")
        elif least in schema:
            found.append(f"at least {schema[least]}{what}")
        elif most in schema:
            found.append(f"at most {schema[most]}{what}")
    return found


def _kind(schema: Schema) -> str:
    kind = schema.get("type")
    if kind == "array":
        return f"list of {_type(schema['items'])}" if schema.get("items") else "list"
    if kind == "object" and schema.get("additionalProperties"):
        return f"object with values: {_type(schema['additionalProperties'])}"
    return escape(str(kind)) if kind else "any value"
