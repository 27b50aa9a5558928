"""The editor's form as a browser sends it."""

import yaml

from controlplane.scenarios.editor import field_paths as places
from controlplane.scenarios.editor.fields import Kind


def filled(text: str, **typed: str) -> dict[str, str]:
    """The form of a document with some fields typed anew: `__` stands for a dot."""
    document = yaml.safe_load(text)
    fields = {
        place: field.shown(places.value_at(document, place)) or str(field.default if field.kind is Kind.CHOICE else "")
        for place, field in places.every_field(document)
        if field.kind is not Kind.FLAG or places.value_at(document, place)
    }
    return {**fields, "base": text, "document": text, **{name.replace("__", "."): said for name, said in typed.items()}}
