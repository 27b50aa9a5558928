"""Translates validation errors to problems: the field, the error and the remedy."""

import difflib
from collections.abc import Iterable
from typing import Any, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails, PydanticCustomError

from controlplane.scenarios.generator.errors import Problem

# A document can have thousands of errors. Nobody reads them all, and each costs a search for similar words.
MOST = 100
_SHAPES = ("constant", "ramp", "step", "spike", "wave")
_REMEDIES = {
    "missing": "Add the field.",
    "finite_number": "Enter a finite number.",
    "float_type": "Enter a number without quotes.",
    "int_type": "Enter a whole number without quotes.",
    "int_from_float": "Enter a whole number.",
    "string_type": "Enter text. Quote text that looks like a number.",
    "list_type": "Enter a list.",
    "dict_type": "Enter a mapping of keys and values.",
    "model_type": "Enter a mapping of keys and values.",
    "string_too_short": "Enter at least one character.",
    "too_short": "Add at least one entry.",
    "too_long": "Shorten the list.",
}

# No known word is longer. Comparing two words takes time proportional to the product of their lengths.
_LONGEST_WORD = 80

# The patterns of `document.base` and its neighbours in plain words.
_ALLOWED = {
    r"^[a-z][a-z0-9-]{0,39}$": "lowercase letters, digits and hyphens, starting with a letter, at most 40 characters",
    r"^[A-Z]{2}$": "two uppercase letters, such as DE",
    r"^[^\x00-\x1f\x7f]+$": "one line without control characters",
    r"^[^\x00]*$": "any text without NUL characters",
}


def known(word: str, words: Iterable[str], where: str = "", at: str = "") -> str:
    """Return the word if it is one of the known words.

    Args:
        where: prefix of the error message.
        at: path from the validated model to the word.

    Raises:
        PydanticCustomError: the word is unknown; the remedy names the most similar one.
    """
    words = list(words)
    if word in words:
        return word
    raise PydanticCustomError(
        "scenario",
        "{message}",
        {
            "message": f"{where + ': unknown' if where else 'Unknown'} value {_shown(word)}.",
            "remedy": _nearest(word, words),
            "at": at,
        },
    )


def explain(error: ValidationError, model: type[BaseModel]) -> list[Problem]:
    """The validation errors as problems, in document order: the first `MOST`, and how many more there are."""
    found = error.errors(include_url=False)
    explained = [_problem(one, model) for one in found[:MOST]]
    if len(found) > MOST:
        explained.append(
            Problem("", f"{len(found) - MOST:,} more errors are not shown.", "Fix the errors above first.")
        )
    return explained


def _problem(found: ErrorDetails, model: type[BaseModel]) -> Problem:
    field = _path(found["loc"])
    kind, context = found["type"], found.get("ctx", {})
    if kind == "extra_forbidden":
        return Problem(field, "Unknown field.", _nearest(str(found["loc"][-1]), _keys(model, found["loc"][:-1])))
    if kind == "scenario":
        at = str(context.get("at", ""))
        field = f"{field}.{at}" if field and at else field or at
        return Problem(field, str(context["message"]), str(context["remedy"]))
    if kind == "union_tag_invalid":
        shape = str(context["tag"])
        return Problem(f"{field}.shape", f"Unknown shape {shape!r}.", _nearest(shape, _SHAPES))
    if kind == "missing":
        return Problem(field, "Required field is missing.", _REMEDIES[kind])
    if kind == "string_too_long":
        most = context["max_length"]
        return Problem(
            field, f"Too long: {len(found['input']):,} characters.", f"Shorten it to at most {most:,} characters."
        )
    message = found["msg"].removeprefix("Input should be ").rstrip(".")
    shown = _shown(found["input"])
    if kind == "string_too_short":
        return Problem(field, "Must not be empty.", _REMEDIES[kind])
    if kind == "string_pattern_mismatch":
        return Problem(
            field, f"Invalid value: {shown}.", f"Allowed: {_ALLOWED.get(context['pattern'], context['pattern'])}."
        )
    for bound, sentence in (("ge", "at least"), ("gt", "greater than"), ("le", "at most"), ("lt", "less than")):
        if bound in context:
            return Problem(field, f"Invalid value: {shown}.", f"Must be {sentence} {context[bound]:,}.")
    return Problem(
        field,
        f"Invalid value: {shown}, expected {message}.",
        _REMEDIES.get(kind, "See the built-in scenarios for examples."),
    )


def _shown(value: Any) -> str:
    """A value as error messages show it: at most 60 characters, without the contents of lists and mappings."""
    if isinstance(value, dict | list):
        return f"a list of {len(value):,}" if isinstance(value, list) else f"a mapping of {len(value):,} keys"
    shown = repr(value[:60] if isinstance(value, str) else value)
    return shown if len(shown) <= 60 else f"{shown[:60]}…"


def _plain(location: tuple[int | str, ...]) -> tuple[int | str, ...]:
    """The location without the shape names that pydantic adds after the index of a stage."""
    return tuple(
        step for n, step in enumerate(location) if not (n > 1 and location[n - 2] == "stages" and step in _SHAPES)
    )


def _path(location: tuple[int | str, ...]) -> str:
    """The path as text, for example `traffic.stages[0].shape`."""
    path = ""
    for step in _plain(location):
        path += f"[{step}]" if isinstance(step, int) else f".{step}" if path else step
    return path


def _nearest(word: str, words: Iterable[str]) -> str:
    words = sorted(words)
    near = difflib.get_close_matches(word[:_LONGEST_WORD], words, n=1, cutoff=0.6)
    return f"Did you mean {near[0]}?" if near else f"Allowed: {', '.join(words)}."


def _keys(model: type[BaseModel], location: tuple[int | str, ...]) -> list[str]:
    """The known keys at a location of the document."""
    here = model
    for n, step in enumerate(location):
        if isinstance(step, int) or (n > 1 and location[n - 2] == "stages" and step in _SHAPES):
            continue
        field = here.model_fields.get(step)
        # For a stage, the model of the shape in the document.
        shape = location[n + 2] if step == "stages" and len(location) > n + 2 else None
        inner = _model_in(field.annotation, str(shape) if shape else None) if field else None
        if inner is None:
            return []
        here = inner
    return list(here.model_fields)


def _model_in(annotation: Any, shape: str | None = None) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation if shape is None or annotation.__name__.lower() == shape else None
    for argument in get_args(annotation):
        found = _model_in(argument, shape)
        if found is not None:
            return found
    return None
