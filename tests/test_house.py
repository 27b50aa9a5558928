"""What every test module keeps to, so that a change of words or of layout changes one place in the tests."""

import ast
import re
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
LABELS = "labels.py"

# --- What others use --------------------------------------------------------------------------------------------------


@cache
def trees() -> dict[str, ast.Module]:
    """Every module below `tests/`, by its path there."""
    found = sorted(TESTS.rglob("*.py"))
    return {path.relative_to(TESTS).as_posix(): ast.parse(path.read_text()) for path in found}


def _imported(tree: ast.Module) -> Iterator[str]:
    """The modules that a module imports, and those that it imports names from."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (one.name for one in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{one.name}" for one in node.names)


def test_nothing_is_imported_from_a_test_module() -> None:
    """What two modules share is in a module of its own, named after its subject; fixtures are in a `conftest.py`."""
    tests = {f"tests.{path[:-3].replace('/', '.')}" for path in trees() if Path(path).name.startswith("test_")}
    assert {(path, name) for path, tree in trees().items() for name in _imported(tree) if name in tests} == set()


# --- Roles ------------------------------------------------------------------------------------------------------------

ROLES = ("viewer", "operator", "admin", "signed_in")
SHARED = ("people.py", "browsing.py")
# Another thing of the same name.
OTHER_ROLES = {
    ("minio/conftest.py", "admin"): "the administration of MinIO",
    ("stack.py", "signed_in"): "a client of a running installation over HTTP",
}


def test_roles_have_one_definition_each() -> None:
    found = {
        (path, node.name)
        for path, tree in trees().items()
        for node in tree.body
        if isinstance(node, ast.FunctionDef) and node.name.lstrip("_") in ROLES and path not in SHARED
    }
    assert found == set(OTHER_ROLES)


# --- Labels -----------------------------------------------------------------------------------------------------------


def _labels() -> list[tuple[str, str]]:
    """Every label by its class and its name."""
    found = []
    for owner in trees()[LABELS].body:
        for node in owner.body if isinstance(owner, ast.ClassDef) else ():
            names = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
            found += [(owner.name, one.id) for one in names if isinstance(one, ast.Name)]
            if isinstance(node, ast.FunctionDef):
                found.append((owner.name, node.name))
    return found


def _named(tree: ast.Module) -> Iterator[tuple[str, str]]:
    """The labels that a module names, by whatever name it has their class."""
    own = {
        one.asname or one.name: one.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module == "tests.labels"
        for one in node.names
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in own:
            yield own[node.value.id], node.attr


def test_every_label_has_one_class_and_is_used() -> None:
    classes = Counter(node.name for node in trees()[LABELS].body if isinstance(node, ast.ClassDef))
    assert [name for name, times in classes.items() if times > 1] == []
    used = {label for path, tree in trees().items() if path != LABELS for label in _named(tree)}
    assert [label for label, times in Counter(_labels()).items() if times > 1] == []
    assert [label for label in _labels() if label not in used] == []


# --- Markup -----------------------------------------------------------------------------------------------------------

# A tag, or an attribute as a page has it; what stands in braces or after a comma is a figure of Prometheus.
_ATTRIBUTES = (
    "data-[a-z-]+|aria-[a-z]+|hx-[a-z]+|sse-[a-z]+|accept|action|class|content|datetime|for|form|formaction|href|id|"
    "method|name|rel|role|src|title|type|value"
)
MARKUP = re.compile(rf"</?[a-z][a-z0-9]*[\s>/\\]|</|(?:^|[\s'\"<>(])(?:{_ATTRIBUTES})=[\"']")
_LOOKS = {"count", "endswith", "find", "index", "partition", "removeprefix", "replace", "rindex", "rpartition", "split",
          "startswith", "compile", "findall", "finditer", "fullmatch", "match", "search", "sub"}  # fmt: skip
# Modules that are about markup itself.
ABOUT_MARKUP = {
    "access/test_forms.py": "markup that is sent does not come back as markup",
    "bi/test_bi_page.py": "Streamlit's and Spark's own pages",
    "gateway/test_gateway.py": "the inline script of Streamlit's page",
    "quality/test_pages.py": "markup of a document is shown as text",
    "scenarios/test_pages.py": "markup of a document is shown as text",
    "scenarios/test_schedule_pages.py": "markup of a name is shown as text",
    "search/test_search.py": "markup that is looked for is shown as text",
    "streaming/test_pages.py": "markup of a record is shown as text",
    "system/faults.py": "a page comes to its end",
    "test_house.py": "what is markup",
    "web/test_assets.py": "pages have no inline scripts and styles",
    "web/test_filters.py": "what a field of a filter writes",
    "web/test_tags.py": "what a template tag writes",
}


def _text(node: ast.AST) -> str:
    """A text as far as it stands in the source."""
    if isinstance(node, ast.Constant):
        return node.value.decode("latin-1") if isinstance(node.value, bytes) else str(node.value)
    if isinstance(node, ast.JoinedStr):
        return "".join(_text(one) if isinstance(one, ast.Constant) else "x" for one in node.values)
    if isinstance(node, ast.BinOp):
        return _text(node.left) + _text(node.right)
    return ""


def _looked_for(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """What is looked for with `in`, with a method of texts or with a regular expression, with its line."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Compare) and any(isinstance(one, ast.In | ast.NotIn) for one in node.ops):
            yield node.lineno, _text(node.left)
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in _LOOKS:
            yield from ((node.lineno, _text(one)) for one in node.args[:1])


def markup_looked_for() -> dict[str, list[str]]:
    """By module: the texts with markup that it looks for."""
    found = {
        path: [f"{line}: {text}" for line, text in _looked_for(tree) if MARKUP.search(text)]
        for path, tree in trees().items()
    }
    return {path: texts for path, texts in found.items() if texts}


def test_pages_are_read_by_their_names() -> None:
    """`tests/pages.py` finds headings, tables, fields and buttons; a text of the markup is for what is about markup."""
    found = markup_looked_for()
    assert {path: texts for path, texts in found.items() if path not in ABOUT_MARKUP} == {}
    assert set(ABOUT_MARKUP) - set(found) == set()


@pytest.mark.parametrize(
    "text",
    ['data-state="failed"', "<td>1</td>", 'name="(code|next)" value="', "Name</label>", 'href="/runs/"', "<script>"],
)
def test_markup_is_known_as_such(text: str) -> None:
    assert MARKUP.search(text)


@pytest.mark.parametrize("text", ['lakehouse_up{part="web"}', 'up{job="a",name="b"} 1', "a < b", "<=", "/runs/", "->"])
def test_other_texts_are_no_markup(text: str) -> None:
    assert not MARKUP.search(text)
