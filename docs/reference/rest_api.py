"""The page of the REST API, from its OpenAPI description."""

from collections import defaultdict
from typing import Any

from controlplane.api import api
from docs.reference.json_schemas import Schema, described, fields, type_of
from docs.reference.markdown import code, table, text

INTRO = """# REST API

The API does what the pages do, with the same roles and the same audit. Send a token as `Authorization: Bearer <token>`,
or the cookie of a session with its CSRF token. [Tokens](../accounts.md#tokens) has the rules. A running installation
serves the OpenAPI description at `/api/v1/openapi.json`, and interactive pages at `/api/v1/docs`.

## Errors

An error is one JSON object with `error.code`, `error.message` and `error.remedy`. Every operation can return these:
"""
TITLES = {"people": "Users"}
Response = tuple[str, str, str]
RESPONSE = ("status", "body", "description")


def page() -> str:
    """The page in Markdown."""
    description: dict[str, Any] = api.get_openapi_schema()
    every = [
        (method, path, operation)
        for path, operations in description["paths"].items()
        for method, operation in operations.items()
    ]
    # The statuses that all operations have in common are listed once.
    shared = [row for row in _responses(every[0][2]) if all(row in _responses(operation) for _, _, operation in every)]
    by_tag: dict[str, list[str]] = defaultdict(list)
    for method, path, operation in every:
        by_tag[operation["tags"][0]].append(_operation(method, path, operation, shared))
    parts = [INTRO, table(RESPONSE, shared)]
    for tag, found in by_tag.items():
        parts += [f"## {TITLES.get(tag, tag.capitalize())}\n", *found]
    parts.append("## Schemas\n")
    for name, schema in sorted(description["components"]["schemas"].items()):
        parts.append(_schema(name, schema))
    return "\n".join(parts)


def _operation(method: str, path: str, operation: dict[str, Any], shared: list[Response]) -> str:
    identifier = f"operation-{operation['operationId']}"
    parts = [f"### {text(operation['summary'])} {{ #{identifier} }}\n", f"{code(f'{method.upper()} {path}')}\n"]
    if said := operation.get("description"):
        parts.append(f"{text(' '.join(said.split()))}\n")
    if parameters := operation.get("parameters"):
        parts.append(table(("parameter", "in", "type", "required", "description"), map(_parameter, parameters)))
    for media, content in operation.get("requestBody", {}).get("content", {}).items():
        schema = content.get("schema", {})
        parts.append(f"Request body ({code(media)}): {type_of(schema, _link)}.\n")
        if "$ref" not in schema and schema.get("properties"):
            parts.append(fields(schema, _link))
    parts.append(table(RESPONSE, [row for row in _responses(operation) if row not in shared]))
    return "\n".join(parts)


def _parameter(parameter: dict[str, Any]) -> tuple[str, str, str, str, str]:
    schema: Schema = {**parameter["schema"]}
    schema.setdefault("description", parameter.get("description", ""))
    required = "yes" if parameter.get("required") else "no"
    return code(parameter["name"]), parameter["in"], type_of(schema, _link), required, described(schema)


def _responses(operation: dict[str, Any]) -> list[Response]:
    rows = []
    for status, response in operation["responses"].items():
        bodies = [type_of(content.get("schema", {}), _link) for content in response.get("content", {}).values()]
        rows.append((str(status), " or ".join(dict.fromkeys(bodies)), text(response.get("description", ""))))
    return rows


def _schema(name: str, schema: Schema) -> str:
    said = f"{text(' '.join(schema['description'].split()))}\n" if "description" in schema else ""
    parts = (f"### {name} {{ #{_anchor(name)} }}\n", said, fields(schema, _link))
    return "\n".join(part for part in parts if part)


def _link(reference: str) -> str:
    name = reference.rpartition("/")[2]
    return f"[{name}](#{_anchor(name)})"


def _anchor(name: str) -> str:
    return f"schema-{name.lower()}"
