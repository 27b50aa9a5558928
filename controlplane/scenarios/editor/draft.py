"""A document while it is edited: the content of form and text, and its problems."""

import copy
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from controlplane.scenarios.editor import acts
from controlplane.scenarios.editor import field_paths as places
from controlplane.scenarios.editor.fields import Field
from controlplane.scenarios.generator import reading
from controlplane.scenarios.generator.bounded_yaml import yaml_text
from controlplane.scenarios.generator.document import Scenario, check
from controlplane.scenarios.generator.errors import DocumentError, Problem
from controlplane.scenarios.generator.recording.resolution import completed

USE_FORM, USE_TEXT = "use:form", "use:text"
_CONFLICT = Problem(
    "document",
    "The form and the YAML have conflicting changes.",
    "Choose which changes to keep.",
)
_DEEP = Problem("document", "The document is nested too deeply for the form.", "Reduce the nesting.")


@dataclass
class Draft:
    """A document while it is edited.

    Attributes:
        text: the document as the YAML tab shows it.
        base: the document that the form was rendered from, as text. The page sends it back with the form.
        document: the content of the form, as plain values.
        scenario: the validated document; None while there are problems.
        typed: the values of form fields that are not in the document yet, by path.
    """

    text: str
    base: str
    document: dict[str, Any]
    scenario: Scenario | None = None
    problems: list[Problem] = field(default_factory=list)
    conflict: bool = False
    typed: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of_text(cls, text: str, base: str | None = None) -> "Draft":
        """The draft of a text. If the text is unreadable, the form keeps the document that it was rendered from."""
        try:
            document = reading.plain(text)
        except DocumentError as error:
            problems = [_of_the_text(problem) for problem in error.problems]
            return cls(text, base or "", _readable(base or ""), problems=problems)
        return cls(text, text, document)._checked()

    @classmethod
    def of_document(cls, document: dict[str, Any]) -> "Draft":
        """The draft of plain values."""
        text = as_text(document)
        return cls(text, text, document)._checked()

    @classmethod
    def posted(cls, sent: Mapping[str, str], act: str = "") -> "Draft":
        """The draft that a page sent, after `act`: one of `acts`, or the side that wins a conflict."""
        text, base = _lines(sent.get("document", "")), sent.get("base")
        if base is None:
            return cls.of_text(text)
        base = _lines(base)
        document = _readable(base)
        changed = places.edits(document, sent)
        text_changed = text != base
        if text_changed and act == USE_FORM:
            text_changed = False
        elif text_changed and changed and act != USE_TEXT:
            return cls(text, base, document, problems=[_CONFLICT], conflict=True, typed=_typed(changed))
        if text_changed:
            draft = cls.of_text(text, base)
            return draft if draft.base != text else draft._with({}, act, sent)
        return cls(base, base, document)._with(changed, act, sent)

    def _with(self, changed: Mapping[str, tuple[Field, str]], act: str, sent: Mapping[str, str]) -> "Draft":
        """The draft after these edits and then the act. Without either, the text stays as it was written."""
        try:
            document = copy.deepcopy(self.document)
            places.write(document, changed)
            acts.do(document, act, sent)
            if document == self.document and not changed:
                return Draft.of_text(self.text, self.base)
            return Draft.of_document(document)
        except RecursionError:
            return Draft(self.text, self.base, {}, problems=[_DEEP], typed=_typed(changed))

    def _checked(self) -> "Draft":
        try:
            self.scenario = completed(check(self.document, new=True))
        except DocumentError as error:
            self.problems = error.problems
        return self


def as_text(document: dict[str, Any]) -> str:
    """Plain values as YAML, in the order of the fields of `Scenario`."""
    return yaml_text(_ordered(document))


def _ordered(document: dict[str, Any]) -> dict[str, Any]:
    order = list(Scenario.model_fields)
    known = {key: document[key] for key in order if key in document}
    return {**known, **{key: value for key, value in document.items() if key not in known}}


def _readable(text: str) -> dict[str, Any]:
    try:
        return reading.plain(text)
    except DocumentError:
        return {}


def _typed(changed: Mapping[str, tuple[Field, str]]) -> dict[str, str]:
    return {place: typed for place, (_, typed) in changed.items()}


def _of_the_text(problem: Problem) -> Problem:
    where = f"{problem.field}: " if problem.field else ""
    return Problem("document", f"{where}{problem.message}", problem.remedy)


def _lines(text: str) -> str:
    """Browsers send lines with a carriage return."""
    return text.replace("\r\n", "\n")
