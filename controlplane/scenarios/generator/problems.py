"""Turning what the validator found into sentences: the field, what is wrong with it, and the remedy."""

import difflib
from collections.abc import Iterable
from typing import Any, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails, PydanticCustomError

from controlplane.scenarios.generator.errors import Problem

# A document can have thousands of errors; nobody reads so many, and the nearest word is looked for in each.
MOST = 100
_SHAPES = ("constant", "ramp", "step", "spike", "wave")
_REMEDIES = {
    "missing": "Add it.",
    "finite_number": "Write a finite number.",
    "float_type": "Write a number, without quotes.",
    "int_type": "Write a whole number, without quotes.",
    "int_from_float": "Write a whole number.",
    "string_type": "Write text; put it in quotes when it looks like a number.",
    "list_type": "Write a list.",
    "dict_type": "Write keys and values.",
    "model_type": "Write keys and values.",
    "string_too_short": "Write at least one character.",
    "too_short": "Add at least one.",
    "too_long": "Shorten the list.",
}

# No word that is known is longer; comparing two words takes the product of their lengths.
_LONGEST_WORD = 80

# What the patterns of `document.base` and its neighbours allow, in words.
_ALLOWED = {
    r"^[a-z][a-z0-9-]{0,39}$": "a to z, 0 to 9 and hyphens, a letter first, 40 characters at most",
    r"^[A-Z]{2}$": "two capital letters, as in DE",
    r"^[^\x00-\x1f\x7f]+$": "one line, without control characters",
    r"^[^\x00]*$": "any text without the character NUL",
}


def known(word: str, words: Iterable[str], where: str = "", at: str = "") -> str:
    """The word itself when it is one of the words.

    Args:
        where: what the sentence begins with.
        at: the path from the part that is checked to the word.

    Raises:
        PydanticCustomError: it isn't; says the nearest one that is.
    """
    words = list(words)
    if word in words:
        return word
    raise PydanticCustomError(
        "scenario",
        "{message}",
        {
            "message": f"{where + ': ' if where else ''}{_shown(word)} is unknown.",
            "remedy": _nearest(word, words),
            "at": at,
        },
    )


def explain(error: ValidationError, model: type[BaseModel]) -> list[Problem]:
    """The errors of the validator as Problems, in the order of the document: the first `MOST`, and how many more."""
    found = error.errors(include_url=False)
    explained = [_problem(one, model) for one in found[:MOST]]
    if len(found) > MOST:
        explained.append(Problem("", f"{len(found) - MOST:,} more errors are not shown.", "Fix the others first."))
    return explained


def _problem(found: ErrorDetails, model: type[BaseModel]) -> Problem:
    field = _path(found["loc"])
    kind, context = found["type"], found.get("ctx", {})
    if kind == "extra_forbidden":
        return Problem(field, "is unknown.", _nearest(str(found["loc"][-1]), _keys(model, found["loc"][:-1])))
    if kind == "scenario":
        at = str(context.get("at", ""))
        field = f"{field}.{at}" if field and at else field or at
        return Problem(field, str(context["message"]), str(context["remedy"]))
    if kind == "union_tag_invalid":
        shape = str(context["tag"])
        return Problem(f"{field}.shape", f"{shape!r} is unknown.", _nearest(shape, _SHAPES))
    if kind == "missing":
        return Problem(field, "is missing.", _REMEDIES[kind])
    if kind == "string_too_long":
        most = context["max_length"]
        return Problem(field, f"has {len(found['input']):,} characters.", f"Shorten it to {most:,} at most.")
    message = found["msg"].removeprefix("Input should be ").rstrip(".")
    shown = _shown(found["input"])
    if kind == "string_too_short":
        return Problem(field, "is empty.", _REMEDIES[kind])
    if kind == "string_pattern_mismatch":
        return Problem(field, f"is {shown}.", f"Write {_ALLOWED.get(context['pattern'], context['pattern'])}.")
    for bound, sentence in (("ge", "at least"), ("gt", "over"), ("le", "at most"), ("lt", "under")):
        if bound in context:
            return Problem(field, f"is {shown}.", f"Write a number {sentence} {context[bound]:,}.")
    return Problem(field, f"is {shown}, not {message}.", _REMEDIES.get(kind, "See the scenarios of the library."))


def _shown(value: Any) -> str:
    """A value as the error shows it, 60 characters at most; without the contents of lists and mappings."""
    if isinstance(value, dict | list):
        return f"a list of {len(value):,}" if isinstance(value, list) else f"a mapping of {len(value):,} keys"
    shown = repr(value[:60] if isinstance(value, str) else value)
    return shown if len(shown) <= 60 else f"{shown[:60]}…"


def _plain(location: tuple[int | str, ...]) -> tuple[int | str, ...]:
    """The location without the names of the shapes that pydantic puts behind a stage's number."""
    return tuple(
        step for n, step in enumerate(location) if not (n > 1 and location[n - 2] == "stages" and step in _SHAPES)
    )


def _path(location: tuple[int | str, ...]) -> str:
    """`traffic.stages[0].shape`, as people write it."""
    path = ""
    for step in _plain(location):
        path += f"[{step}]" if isinstance(step, int) else f".{step}" if path else step
    return path


def _nearest(word: str, words: Iterable[str]) -> str:
    words = sorted(words)
    near = difflib.get_close_matches(word[:_LONGEST_WORD], words, n=1, cutoff=0.6)
    return f"Did you mean {near[0]}?" if near else f"Known are {', '.join(words)}."


def _keys(model: type[BaseModel], location: tuple[int | str, ...]) -> list[str]:
    """The keys that are known at a place in the document."""
    here = model
    for n, step in enumerate(location):
        if isinstance(step, int) or (n > 1 and location[n - 2] == "stages" and step in _SHAPES):
            continue
        field = here.model_fields.get(step)
        # Of the shapes of a stage, the one that was written.
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
