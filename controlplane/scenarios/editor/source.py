"""The section of the form for a document that replays a recording."""

from dataclasses import replace
from typing import Any

from controlplane.scenarios.editor import field_paths as places
from controlplane.scenarios.editor import layout, paths
from controlplane.scenarios.editor.fields import Field
from controlplane.scenarios.generator.document import READY

Sources = list[tuple[str, dict[str, Any]]]


def fields(document: Any, sources: Sources) -> list[Field]:
    """The fields, with the recordings to choose from; empty for a document without a recording."""
    if not places.has_source(document):
        return []
    ready = tuple((name, name) for name in READY)
    choices = {
        "source.recording": tuple({one["recording"]: label for label, one in reversed(sources)}.items()),
        "source.mapping": (("", "Custom"), *ready) if own_columns(document) else ready,
    }
    return [replace(known, choices=choices.get(known.key, ())) for known in layout.SOURCE]


def own_columns(document: Any) -> list[tuple[str, str]]:
    """(field, column) of a custom mapping."""
    found = paths.get(document, "source.columns")
    named = found.items() if isinstance(found, dict) else ()
    return [(str(name), column) for name, column in named if isinstance(column, str)]
