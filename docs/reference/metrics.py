"""The page of metrics, from the modules that define them.

The names, texts and labels of the metrics are read from the source. The collector itself reads rows, and there is no
database when the site is built. `tests/docs/test_site.py` compares the page with what the collector returns.
"""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from controlplane import monitoring
from controlplane.monitoring.collector import WITH_DATABASE, WITHOUT_DATABASE
from docs.reference.markdown import code, table, text

FOLDER = Path(monitoring.__file__).resolve().parent
# What makes a metric, its type, and where its labels are: the position of the argument, or the keyword.
MAKERS: dict[str, tuple[str, int | str | None]] = {
    "gauge": ("gauge", None),
    "moment": ("gauge", None),
    "gauges": ("gauge", 2),
    "one_of": ("gauge", 2),
    "counters": ("counter", 2),
    "GaugeMetricFamily": ("gauge", "labels"),
    "Counter": ("counter", "labelnames"),
    "Histogram": ("histogram", "labelnames"),
}
TITLES = {"work": "Celery", "http": "Web application", "collector": "Scrape"}

Bindings = dict[str, Any]


@dataclass(frozen=True)
class Metric:
    """One metric, by the name that Prometheus knows."""

    name: str
    kind: str
    labels: tuple[str, ...]
    text: str


def metrics() -> dict[str, list[Metric]]:
    """Every metric of `/metrics` that is ours, by subject."""
    modules = {name: FOLDER / "sources" / f"{name}.py" for name in {**WITH_DATABASE, **WITHOUT_DATABASE}}
    modules |= {"http": FOLDER / "requests.py", "collector": FOLDER / "collector.py"}
    return {subject: list(_in_module(ast.parse(path.read_text(encoding="utf-8")))) for subject, path in modules.items()}


def page() -> str:
    """The page in Markdown."""
    parts = [
        "# Metrics\n",
        "The web application serves these metrics at `/metrics`. It requires the token of `var/metrics.token`. "
        "An unknown value has no sample. It also serves the process and garbage collector metrics of "
        "`prometheus_client`. [Monitoring](../operations/monitoring.md) describes how they are scraped.\n",
    ]
    for subject, found in metrics().items():
        rows = [(code(one.name), one.kind, ", ".join(map(code, one.labels)), text(one.text)) for one in found]
        title = TITLES.get(subject, subject.capitalize())
        parts += [f"## {title}\n", table(("metric", "type", "labels", "description"), rows)]
    return "\n".join(parts)


def _in_module(module: ast.Module) -> Iterator[Metric]:
    constants = _assigned(module.body, {})
    yield from _in_body(module, constants)
    functions = [node for node in module.body if isinstance(node, ast.FunctionDef)]
    methods = [node for one in module.body if isinstance(one, ast.ClassDef) for node in one.body]
    for function in [*functions, *(node for node in methods if isinstance(node, ast.FunctionDef))]:
        for arguments in _calls_of(function, module, constants):
            yield from _in_body(function, {**constants, **arguments})


def _in_body(scope: ast.AST, known: Bindings) -> Iterator[Metric]:
    """The metrics of the statements of a scope in their order; what a name is bound to changes on the way."""
    bound = dict(known)
    for statement in getattr(scope, "body", ()):
        if isinstance(statement, ast.FunctionDef | ast.ClassDef):
            continue
        bound |= _assigned([statement], bound)
        if isinstance(statement, ast.For):
            for values in _iterations(statement, bound):
                yield from _in_body(statement, {**bound, **values})
        elif isinstance(statement, ast.If | ast.With | ast.Try):
            yield from _in_body(statement, bound)
        else:
            for node in ast.walk(statement):
                if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in MAKERS:
                    yield _metric(node, node.func.id, bound)


def _metric(call: ast.Call, maker: str, bound: Bindings) -> Metric:
    kind, where = MAKERS[maker]
    labels: Any = ()
    if isinstance(where, int):
        labels = _value(call.args[where], bound)
    elif where is not None:
        labels = next((_value(one.value, bound) for one in call.keywords if one.arg == where), ())
    name = _value(call.args[0], bound)
    described = _value(call.args[1], bound)
    suffix = "_total" if kind == "counter" else ""
    return Metric(f"{name}{suffix}", kind, (labels,) if isinstance(labels, str) else tuple(labels), described)


def _calls_of(function: ast.FunctionDef, module: ast.Module, known: Bindings) -> Iterator[Bindings]:
    """The arguments of each call of a function within its module; none for one that is called from elsewhere."""
    names = [argument.arg for argument in function.args.args]
    calls = [
        node
        for node in ast.walk(module)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == function.name
    ]
    for call in calls:
        yield _evaluated(dict(zip(names, call.args, strict=False)), known)
    if not calls:
        yield {}


def _iterations(loop: ast.For, known: Bindings) -> Iterator[Bindings]:
    """The values of a loop's names, once per literal item; once without values if the items are not literals."""
    items = loop.iter.elts if isinstance(loop.iter, ast.Tuple) else []
    targets = loop.target.elts if isinstance(loop.target, ast.Tuple) else [loop.target]
    names = [target.id for target in targets if isinstance(target, ast.Name)]
    for item in items:
        values = item.elts if isinstance(item, ast.Tuple) else [item]
        yield _evaluated(dict(zip(names, values, strict=False)), known)
    if not items:
        yield {}


def _assigned(statements: list[ast.stmt], known: Bindings) -> Bindings:
    found: dict[str, ast.expr] = {}
    for statement in statements:
        if isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Name):
            found[statement.targets[0].id] = statement.value
    return _evaluated(found, known)


def _evaluated(expressions: dict[str, ast.expr], known: Bindings) -> Bindings:
    """The values of those expressions that are literals."""
    values = {}
    for name, expression in expressions.items():
        try:
            values[name] = _value(expression, known)
        except ValueError:
            continue
    return values


def _value(expression: ast.expr, known: Bindings) -> Any:
    """The value of a literal expression; raises ValueError for any other."""
    if isinstance(expression, ast.Constant):
        return expression.value
    if isinstance(expression, ast.Tuple | ast.List):
        return tuple(_value(one, known) for one in expression.elts)
    if isinstance(expression, ast.Name) and expression.id in known:
        return known[expression.id]
    if isinstance(expression, ast.JoinedStr):
        return "".join(str(_value(one, known)) for one in expression.values)
    if isinstance(expression, ast.FormattedValue):
        return _value(expression.value, known)
    raise ValueError(ast.unparse(expression))
