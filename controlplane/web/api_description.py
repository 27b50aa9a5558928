"""Additions to ninja's OpenAPI document."""

import json
from typing import Any


def without_null(description: dict[str, Any]) -> None:
    """Remove `null` from the schemas of parameters: a query parameter or a header is omitted, never null."""
    for path in description["paths"].values():
        for operation in path.values():
            for parameter in operation.get("parameters", []):
                schema = parameter["schema"]
                others = [one for one in schema.get("anyOf", []) if one != {"type": "null"}]
                if len(others) == 1 and len(schema["anyOf"]) == 2:
                    del schema["anyOf"]
                    schema.update(others[0])


def describe_as(description: dict[str, Any], placeholder: dict[str, str], schema: dict[str, Any]) -> None:
    """Add a JSON Schema as a component named by the placeholder's title, and replace the placeholder by a reference.

    The schema's definitions become the components `<title><definition>`.
    """
    name = placeholder["title"]
    text = json.dumps({one: said for one, said in schema.items() if one != "$schema"})
    moved = json.loads(text.replace('"#/$defs/', f'"#/components/schemas/{name}'))
    components = description["components"]["schemas"]
    _replace(components, placeholder, {"$ref": f"#/components/schemas/{name}"})
    components.update({f"{name}{inner}": said for inner, said in moved.pop("$defs", {}).items()})
    components[name] = moved


def _replace(within: Any, old: Any, new: Any) -> None:
    for key, value in list(within.items() if isinstance(within, dict) else enumerate(within)):
        if value == old:
            within[key] = new
        elif isinstance(value, dict | list):
            _replace(value, old, new)
