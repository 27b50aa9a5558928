"""JSON Schemas as tables of fields."""

import json
from collections.abc import Callable
from typing import Any

from docs.reference.markdown import code, table, text

Schema = dict[str, Any]
# From the reference of a schema to a Markdown link.
Link = Callable[[str], str]

NUMBERS = {"minimum": "≥ {}", "exclusiveMinimum": "&gt; {}", "maximum": "≤ {}", "exclusiveMaximum": "&lt; {}"}
COUNTS = {"Length": "characters", "Items": "items", "Properties": "fields"}
# A longer value would hide the rest of its row.
LONGEST_CODE = 80


def fields(schema: Schema, link: Link) -> str:
    """A table of the fields of an object, or one line for any other schema."""
    properties = schema.get("properties")
    if not properties:
        return f"Type: {type_of(schema, link)}. {bounds(schema)}".strip() + "\n"
    required = schema.get("required", ())
    rows = [
        (
            code(name),
            type_of(field, link),
            "yes" if name in required else "no",
            _default(field),
            described(field),
        )
        for name, field in properties.items()
    ]
    return table(("field", "type", "required", "default", "description"), rows)


def described(schema: Schema) -> str:
    """The description and the bounds of a schema."""
    said = text(schema.get("description", ""))
    return " ".join(part for part in (said, bounds(schema)) if part)


def bounds(schema: Schema) -> str:
    """Every bound on the value, in words."""
    found: list[str] = []
    for one in _alternatives(schema):
        found += [form.format(_number(one[name])) for name, form in NUMBERS.items() if name in one]
        found += [_count(one.get(f"min{what}"), one.get(f"max{what}"), unit) for what, unit in COUNTS.items()]
        if "pattern" in one:
            pattern = one["pattern"]
            readable = pattern.isprintable() and len(pattern) <= LONGEST_CODE
            found.append(f"pattern {code(pattern)}" if readable else "a pattern that the schema has")
        if isinstance(one.get("items"), dict) and (inner := bounds(one["items"])):
            found.append(f"each item: {inner.rstrip('.')}")
    said = ", ".join(dict.fromkeys(filter(None, found)))
    if not said:
        return ""
    return f"{said[0].upper()}{said[1:]}."


def type_of(schema: Schema, link: Link) -> str:
    """The type of a schema, with links to the schemas that it refers to."""
    if "$ref" in schema:
        return link(schema["$ref"])
    if "const" in schema:
        return code(json.dumps(schema["const"]))
    if "enum" in schema:
        return ", ".join(code(json.dumps(value)) for value in schema["enum"])
    several = [*schema.get("anyOf", ()), *schema.get("oneOf", ())]
    if several and not schema.get("properties"):
        kinds = [type_of(one, link) for one in several]
        return " or ".join(dict.fromkeys(kinds)) if any(kinds) else _plain(schema)
    if len(schema.get("allOf", ())) == 1:
        return type_of(schema["allOf"][0], link)
    if schema.get("type") == "array":
        return f"array of {type_of(schema.get('items') or {}, link)}"
    if schema.get("type") == "object" and isinstance(schema.get("additionalProperties"), dict):
        return f"object of {type_of(schema['additionalProperties'], link)}"
    return _plain(schema)


def _plain(schema: Schema) -> str:
    kind = schema.get("type", "any")
    name = " or ".join(kind) if isinstance(kind, list) else str(kind)
    return f"{name} ({schema['format']})" if "format" in schema else name


def _alternatives(schema: Schema) -> list[Schema]:
    return [schema, *(one for one in schema.get("anyOf", ()) if isinstance(one, dict))]


def _default(field: Schema) -> str:
    if "default" not in field:
        return ""
    written = json.dumps(field["default"])
    return code(written) if len(written) <= LONGEST_CODE else "the defaults of its fields"


def _count(least: int | None, most: int | None, unit: str) -> str:
    """How many there may be, in words; empty without a bound."""
    if not least:
        return "" if most is None else f"at most {_number(most)} {unit}"
    if least == most:
        return f"exactly {_number(least)} {unit}"
    return f"at least {_number(least)} {unit}" if most is None else f"{_number(least)} to {_number(most)} {unit}"


def _number(value: Any) -> str:
    return f"{value:,}" if isinstance(value, int | float) else str(value)
