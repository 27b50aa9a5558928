"""Reads scenario documents from a file, from text or from the built-in library."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from controlplane.scenarios.generator import bounded_yaml
from controlplane.scenarios.generator.document import Scenario, check
from controlplane.scenarios.generator.errors import DocumentError, Problem
from controlplane.scenarios.generator.recording.resolution import completed

LIBRARY = Path(__file__).resolve().parent.parent / "library"


def parse(text: str | bytes, folder: Path | None = None) -> Scenario:
    """A scenario from YAML or JSON text, completed with the figures of its recording, if it has one.

    Args:
        folder: base folder of relative recording paths. Without it, a recording is identified by its SHA-256.

    Raises:
        DocumentError: the text is too large, invalid YAML or an invalid scenario, or its recording is not stored.
    """
    return completed(check(plain(text), new=True), folder)


def plain(text: str | bytes) -> dict[str, Any]:
    """The keys and values of YAML or JSON text, not validated yet.

    Raises:
        DocumentError: the text exceeds a bound of `bounded_yaml`, is invalid YAML, or is not a mapping.
    """
    try:
        raw = text.encode() if isinstance(text, str) else text
    except UnicodeEncodeError:
        # JSON can escape half of a surrogate pair.
        raise DocumentError(
            [Problem("", "The document contains a lone surrogate (half a character).", "Remove it.")]
        ) from None
    try:
        document = bounded_yaml.load(raw)
    except bounded_yaml.OutOfBoundsError as error:
        raise DocumentError([Problem(error.where, error.message, error.remedy)]) from None
    except (ArithmeticError, AttributeError, LookupError, TypeError):
        # PyYAML raises these for `!!float ""`, `!!bool maybe` or `!!timestamp abc`.
        raise DocumentError(
            [Problem("", "A value does not match its YAML tag (!!…).", "Remove the tag: a document needs none.")]
        ) from None
    except (yaml.YAMLError, UnicodeDecodeError, ValueError) as error:
        mark = getattr(error, "problem_mark", None)
        where = f"line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        said = getattr(error, "problem", None) or str(error)
        raise DocumentError([Problem(where, f"Invalid YAML: {said[:200]}.", "Fix the line.")]) from None
    if not isinstance(document, dict):
        raise DocumentError(
            [Problem("", "The document is not a mapping of keys and values.", "Start with `name: My scenario`.")]
        )
    for key in document:
        if not isinstance(key, str):
            raise DocumentError([Problem(str(key), "The key is not a string.", "Use string keys.")])
    return document


def library() -> Iterator[tuple[str, Scenario]]:
    """The built-in scenarios: (slug, scenario) by slug."""
    for path in sorted(LIBRARY.glob("*.yaml")):
        yield path.stem, parse(path.read_bytes())


def find(name: str) -> Scenario:
    """The scenario of that file, or the built-in scenario of that name.

    Raises:
        DocumentError: neither exists, or it is an invalid scenario.
    """
    path = Path(name)
    if not path.is_file() and not path.suffix and (LIBRARY / f"{name}.yaml").is_file():
        path = LIBRARY / f"{name}.yaml"
    if not path.is_file():
        known = ", ".join(sorted(found.stem for found in LIBRARY.glob("*.yaml")))
        raise DocumentError([Problem(name, "Not a file and not a built-in scenario.", f"Built-in scenarios: {known}.")])
    return parse(path.read_bytes(), path.parent)
