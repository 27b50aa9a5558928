"""docs/asvs.md, made from docs/asvs.toml: `python -m tests.docs.page` writes it."""

import csv
import tomllib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from compose.local.settings import ROOT

SOURCE, PAGE = ROOT / "docs" / "asvs.toml", ROOT / "docs" / "asvs.md"
STATUSES = ("met", "partly", "not met", "does not apply")
_ABOUT = """# OWASP ASVS 5.0.0

This page lists how the application meets the requirements of the [OWASP Application Security Verification
Standard](https://owasp.org/www-project-application-security-verification-standard/) 5.0.0, levels 1 and 2. It is a
self-assessment, based on code and tests. No third party has verified it. The column "requirement" is a short summary;
the standard has the full text.

- **met**: a test verifies it. If there is no test, the named file implements it.
- **partly**: the last column says what is missing.
- **not met**: it is not implemented, or not to a relevant extent.
- **does not apply**: the application has no such function.

`python -m tests.docs.page` generates this page from [asvs.toml](asvs.toml). `tests/docs/test_asvs.py` compares it with
the standard's list of requirements, and every name of a test with the tests.
"""


@dataclass(frozen=True)
class Row:
    """The answer to one requirement, or to several that have the same."""

    ids: tuple[str, ...]
    asks: str
    status: str
    by: list[str] = field(default_factory=list)
    why: str = ""


def levels() -> dict[str, int]:
    """The requirements of levels 1 and 2 in their order, with their level."""
    with (Path(__file__).parent / "asvs_5_0_0.csv").open(newline="") as file:
        return {row["id"]: int(row["level"]) for row in csv.DictReader(file)}


def chapters() -> dict[str, list[Row]]:
    """The rows of the source, by chapter."""
    said = tomllib.loads(SOURCE.read_text())
    return {title: [Row(tuple(_ids(key)), **row) for key, row in rows.items()] for title, rows in said.items()}


def _ids(key: str) -> Iterator[str]:
    """The ids that a key names. A range leaves out what is of level 3."""
    every = list(levels())
    first, _, last = key.partition("..")
    yield from every[every.index(first) : every.index(last or first) + 1]


def document() -> str:
    """The text of the page."""
    every = chapters()
    parts = [_ABOUT, _counts([row for rows in every.values() for row in rows])]
    parts += [f"## {title}\n\n{_table(rows)}" for title, rows in every.items()]
    return "\n".join(parts)


def _counts(rows: list[Row]) -> str:
    known = levels()
    found = Counter((known[one], row.status) for row in rows for one in row.ids)
    lines = ["| status | level 1 | level 2 | both |", "| --- | ---: | ---: | ---: |"]
    for status in STATUSES:
        one, two = (found[level, status] for level in (1, 2))
        lines.append(f"| {status} | {one} | {two} | {one + two} |")
    one, two = (sum(count for (level, _), count in found.items() if level == wanted) for wanted in (1, 2))
    lines.append(f"| total | {one} | {two} | {one + two} |")
    return "\n".join(lines) + "\n"


def _table(rows: list[Row]) -> str:
    known = levels()
    lines = ["| id | level | requirement | status | evidence, and what is missing |", "| --- | --- | --- | --- | --- |"]
    for row in rows:
        ids = row.ids[0] if len(row.ids) == 1 else f"{row.ids[0]} to {row.ids[-1]}"
        level = ", ".join(str(level) for level in sorted({known[one] for one in row.ids}))
        said = [row.why, ", ".join(f"`{one}`" for one in row.by)]
        lines.append(f"| {ids} | {level} | {row.asks} | {row.status} | {' '.join(filter(None, said))} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    PAGE.write_text(document())
