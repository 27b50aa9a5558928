"""Reading a scenario document from a file, a text or the built-in library."""

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
    """A scenario from YAML or JSON text, with what is known of its recording if it has one.

    Args:
        folder: where the path of a recording begins; without it a recording is named by its SHA-256.

    Raises:
        DocumentError: it is too large, no YAML, no scenario, or its recording isn't here.
    """
    return completed(check(plain(text), new=True), folder)


def plain(text: str | bytes) -> dict[str, Any]:
    """The keys and values of YAML or JSON text, not checked yet.

    Raises:
        DocumentError: it exceeds a bound of `bounded_yaml`, is no YAML, or holds no keys and values.
    """
    try:
        raw = text.encode() if isinstance(text, str) else text
    except UnicodeEncodeError:
        # JSON can name half of a surrogate pair.
        raise DocumentError(
            [Problem("", "The document holds half a character (a lone surrogate).", "Take it out.")]
        ) from None
    try:
        document = bounded_yaml.load(raw)
    except bounded_yaml.OutOfBoundsError as error:
        raise DocumentError([Problem(error.where, error.message, error.remedy)]) from None
    except (ArithmeticError, AttributeError, LookupError, TypeError):
        # How PyYAML trips over `!!float ""`, `!!bool maybe` or `!!timestamp abc`.
        raise DocumentError(
            [Problem("", "A value does not fit its tag (!!…).", "Take the tag out: a document needs none.")]
        ) from None
    except (yaml.YAMLError, UnicodeDecodeError, ValueError) as error:
        mark = getattr(error, "problem_mark", None)
        where = f"line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        said = getattr(error, "problem", None) or str(error)
        raise DocumentError(
            [Problem(where, f"This is not readable as YAML: {said[:200]}.", "Mend the line.")]
        ) from None
    if not isinstance(document, dict):
        raise DocumentError([Problem("", "The document holds no keys and values.", "Begin with `name: My scenario`.")])
    for key in document:
        if not isinstance(key, str):
            raise DocumentError([Problem(str(key), "is no text.", "Keys are words.")])
    return document


def library() -> Iterator[tuple[str, Scenario]]:
    """The built-in scenarios: (slug, scenario) by slug."""
    for path in sorted(LIBRARY.glob("*.yaml")):
        yield path.stem, parse(path.read_bytes())


def find(name: str) -> Scenario:
    """The scenario of that file, or of that name in the library.

    Raises:
        DocumentError: there is neither, or it is no scenario.
    """
    path = Path(name)
    if not path.is_file() and not path.suffix and (LIBRARY / f"{name}.yaml").is_file():
        path = LIBRARY / f"{name}.yaml"
    if not path.is_file():
        known = ", ".join(sorted(found.stem for found in LIBRARY.glob("*.yaml")))
        raise DocumentError([Problem(name, "is neither a file nor in the library.", f"The library has: {known}.")])
    return parse(path.read_bytes(), path.parent)
