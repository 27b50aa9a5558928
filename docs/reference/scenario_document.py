"""The page of the scenario document, from its JSON Schema and the fault kinds."""

from collections.abc import Iterator
from pathlib import Path

from controlplane.scenarios import generator
from controlplane.scenarios.generator.document import json_schema
from controlplane.scenarios.generator.faults import FAULTS
from docs.reference.json_schemas import Schema, fields
from docs.reference.markdown import code, table, text

EXAMPLE = Path(generator.__file__).resolve().parents[1] / "library" / "first-light.yaml"


def page() -> str:
    """The page in Markdown."""
    schema = json_schema()
    parts = [
        "# Scenario document\n",
        "A scenario document is YAML or JSON. The application serves its JSON Schema (2020-12) at "
        "`GET /api/v1/scenario-schema`. A document has either `duration_seconds` and `traffic`, or a `source`.\n",
        "## Example\n",
        f"The built-in scenario *First light*:\n\n```yaml\n{EXAMPLE.read_text(encoding='utf-8')}```\n",
        _section(schema["title"], schema),
        *(_section(name, definition) for name, definition in schema["$defs"].items()),
        "## Fault kinds\n",
        table(("kind", "description", "outcome", "default delay"), _faults()),
    ]
    return "\n".join(parts)


def _section(name: str, schema: Schema) -> str:
    described = f"{text(schema['description'])}\n" if "description" in schema else ""
    return "\n".join(part for part in (f"## {name}\n", described, fields(schema, _link)) if part)


def _link(reference: str) -> str:
    name = reference.rpartition("/")[2]
    return f"[{name}](#{name.lower()})"


def _faults() -> Iterator[tuple[str, str, str, str]]:
    for kind, fault in FAULTS.items():
        outcome = f"quarantined as {code(fault.reason)}" if fault.reason else text(fault.outcome)
        delay = "" if fault.delay_seconds is None else f"{fault.delay_seconds:g} s"
        yield code(kind), text(fault.says), outcome, delay
