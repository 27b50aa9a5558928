"""The product uses one standard word for each thing: words that were retired appear nowhere.

Texts are those of templates, Python and JavaScript, and of the documentation. To retire a word, add it here with its
replacement.
"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("controlplane", "spark_jobs", "dags", "compose", "bi")

# What was written -> what is written instead.
RETIRED = {
    r"all is well": "all systems operational",
    r"asked for by|asked by": "requested by, triggered by",
    r"\banew\b": "again; restart from earliest",
    r"for ever\b": "forever, or a bound",
    r"nobody knows": "status unknown",
    r"put(ting)? (it )?in force|in force": "apply, active",
    r"look now": "refresh",
    r"most records": "max offsets per trigger",
    r"records behind": "consumer lag",
    r"read up to": "end offsets",
    r"seconds between two batches": "trigger interval",
    r"newest records on the topic": "latest messages",
    r"rows into bronze": "ingest rate",
    r"what happened last": "recent activity",
    r"count again": "recompute",
    r"not yet refined": "pending",
    r"from elsewhere": "external",
    r"taken in again": "reprocessed",
    r"did not hold|does not hold|\bsuites? holds?\b|rows hold\b": "failed, passed",
    r"has been judged|was judged|judged": "validated",
    r"run the medallion|run medallion": "trigger medallion",
    r"spoiled on purpose|injected on purpose|wrong on purpose": "injected faults",
    r"sent twice": "re-sent, duplicates",
    r"in the name of": "run as",
    r"what became of": "history, results",
    r"what came of": "results",
    r"is made up for": "caught up",
    r"waiting for a free place|wait for a free place": "queued",
    r"next in line|in the line\b": "next in the queue",
    r"made to be your own|made your own": "based on",
    r"of a turn|one turn\b": "phase, period",
    r"as usual:": "default:",
    r"a hot product": "hot key, featured product",
    r"to mend\b|\bmend the\b|can be mended|to be mended": "error, fix",
    r"nothing was kept": "not saved, rejected",
    r"make a token": "create token",
    r"add a person": "add user",
    r"what it said|what was said": "error details",
    r"the lake doesn't answer": "catalog unreachable",
    r"what its writer said": "snapshot summary",
    r"written last (first|at the end)": "newest, oldest commit first",
    r"turned away": "rejected",
    r"capitals matter": "case-sensitive",
    r"there is nothing at this address": "page not found",
    r"this is not for your role": "access denied",
    r"this form is too old": "session expired",
    r"pile up\b": "consumer lag, backlog",
    r"half within|99 % within": "p50, p99",
    r"(records|rows|events|requests|messages|times|MB|MiB|sessions) a (second|minute|hour|batch|day)\b": "per second",
    r"\d %": "3%, without a space",
    r"so that its double": "duplicate",
    r"that one being": "a sentence of its own",
    r"catalogue": "catalog",
}
_RETIRED = {re.compile(rf"(?<!\w)(?:{old})", re.IGNORECASE): new for old, new in RETIRED.items()}
# Where a retired word is another thing's own name.
ALLOWED: dict[str, tuple[str, ...]] = {
    "docs/audit.md": ("rows hold. Head",),
    # Help texts of models stand in migrations.
    "controlplane/accounts/models.py": ("first row that does not hold",),
    "controlplane/quality/models.py": ("With the catalogue's name", "How many of them did not hold"),
    "controlplane/streaming/models.py": (
        "Seconds between two batches.", "The most records that one batch takes.", "Records behind, ",
        "The request that was heeded last",
    ),
    # Here nothing is behind: the records lie behind an open transaction.
    "controlplane/streaming/ports.py": ("Records behind an open transaction",),
    "docs/topic.md": ("ecords behind an open",),
}  # fmt: skip


def _of_python(source: str) -> Iterator[tuple[int, str]]:
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.lineno, node.value


def _of_lines(source: str) -> Iterator[tuple[int, str]]:
    """What people read of a template, a script or a page: without tags' names, variables and comments."""
    plain = re.sub(r"\{#.*?#\}|\{%.*?%\}|\{\{.*?\}\}", "0", source)
    yield from enumerate(plain.splitlines(), 1)


def texts() -> Iterator[tuple[str, int, str]]:
    """(path, line, text) of everything that is written for people."""
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*")):
            name = path.relative_to(ROOT).as_posix()
            if "node_modules" in name or "/migrations/" in name or not path.is_file():
                continue
            if path.suffix == ".py":
                yield from ((name, line, text) for line, text in _of_python(path.read_text()))
            elif path.suffix in (".html", ".js", ".yaml", ".yml", ".md") and "package-lock" not in name:
                yield from ((name, line, text) for line, text in _of_lines(path.read_text()))
    pages = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]
    for path in sorted(pages):
        name = path.relative_to(ROOT).as_posix()
        if name != "CHANGELOG.md":
            yield from ((name, line, text) for line, text in _of_lines(path.read_text()))


def retired_in(text: str) -> list[str]:
    """Each retired wording in `text`, with what to write instead."""
    flat = re.sub(r"\s+", " ", text)
    return [f"{found[0]!r}: write {new}" for old, new in _RETIRED.items() if (found := old.search(flat))]


def test_no_retired_word_is_used() -> None:
    found = [
        f"{name}:{line}: {one}"
        for name, line, text in texts()
        for one in retired_in(text)
        if not any(allowed in text for allowed in ALLOWED.get(name, ()))
    ]
    assert found == [], "\n" + "\n".join(found)


@pytest.mark.parametrize(
    "text", ["Records a second", "3 % of them", "Put in force", "asked for by admin", "Start anew"]
)
def test_retired_words_are_found(text: str) -> None:
    assert retired_in(text)


@pytest.mark.parametrize("text", ["a second attempt", "records per second", "3% of them", "requested by admin", "% of"])
def test_standard_words_are_not(text: str) -> None:
    assert retired_in(text) == []
