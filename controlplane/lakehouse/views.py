"""Pages of the lake: the list of tables, and one table with its history."""

from dataclasses import dataclass

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from controlplane.lakehouse.forms import SnapshotFilterForm, TableFilterForm
from controlplane.lakehouse.ports import Snapshot, Table
from controlplane.lakehouse.reading import records_series, snapshots_page, table_read
from controlplane.lakehouse.selectors import TableNow, tables_listed, tables_now, tables_page, total
from controlplane.links import Producer, producer
from controlplane.quality.models import Validation
from controlplane.quality.selectors import of_snapshots
from controlplane.table_names import TableName
from controlplane.web.json_answers import ChartResponse
from controlplane.web.windows import Window, pairs

SNAPSHOTS = 25
TABLES = 100
REFS = 50
# The limit of refs in the row of one snapshot.
REFS_OF_ONE = 10


@dataclass(frozen=True)
class TableRow:
    """A table in the list, with its last producer."""

    now: TableNow
    producer: Producer


@dataclass(frozen=True)
class SnapshotRow:
    """A snapshot in the list, with its links."""

    snapshot: Snapshot
    producer: Producer
    refs: list[str]
    more_refs: int
    on_main: bool
    validation: Validation | None


@require_safe
def index(request: HttpRequest) -> HttpResponse:
    """All tables, as last observed."""
    lake = tables_now()
    form = TableFilterForm(request.GET)
    tables = tables_listed(lake, form.list_filter, by=form.value("sort"))
    page = tables_page(tables, cursor=request.GET.get("cursor"), size=TABLES)
    rows = [TableRow(table, producer(table.writer, table.run_id)) for table in page.items]
    context = {"lake": lake, "form": form, "page": page, "rows": rows, "totals": _totals(tables)}
    return render(request, "lakehouse/index.html", context)


def _totals(tables: list[TableNow]) -> dict[str, int | bool | None]:
    """Totals over all tables of the list, not only the current page. Unsupported entries have no rows."""
    counted = [table for table in tables if table.fault or not table.problem]
    return {
        **{name: total(getattr(table, name) for table in counted) for name in ("records", "files", "bytes")},
        "before_deletes": any(table.before_deletes for table in counted),
    }


@require_safe
def table(request: HttpRequest, namespace: str, name: str) -> HttpResponse:
    """One table: its size, schema, snapshots, refs and properties."""
    view = table_read(str(TableName(namespace, name)))
    context: dict[str, object] = {"view": view, "name": view.name, "namespace": namespace, "short_name": name}
    if view.table is not None:
        found = view.table
        chosen = found.by_id.get(request.GET.get("snapshot", ""))
        form = SnapshotFilterForm(request.GET)
        page = snapshots_page(found, wanted=form.list_filter, cursor=request.GET.get("cursor"), size=SNAPSHOTS)
        context |= {
            "table": found,
            "charted_before_deletes": any(
                one.before_deletes for one in found.snapshots if one.snapshot_id in found.published
            ),
            "form": form,
            "page": page,
            "rows": _rows(found, page.items),
            "chosen": _rows(found, [chosen])[0] if chosen else None,
            "wanted": request.GET.get("snapshot", ""),
            "summary": Window.of(request, "summary", pairs(chosen.summary)) if chosen else None,
            "fields": None if found.fields is None else Window.of(request, "columns", found.fields),
            "refs": Window.of(request, "refs", found.refs, size=REFS),
            "properties": Window.of(request, "properties", pairs(found.properties)),
            "earlier_specs": [spec for spec in found.specs if not spec.current],
            "producer": producer(found.current.job, found.current.run_id) if found.current else None,
        }
    return render(request, "lakehouse/table.html", context)


def _rows(found: Table, snapshots: list[Snapshot]) -> list[SnapshotRow]:
    judged = of_snapshots(found.name, [snapshot.snapshot_id for snapshot in snapshots])
    refs: dict[str, list[str]] = {}
    for ref in found.refs:
        refs.setdefault(ref.snapshot_id, []).append(ref.name)
    return [
        SnapshotRow(
            snapshot=snapshot,
            producer=producer(snapshot.job, snapshot.run_id),
            refs=refs.get(snapshot.snapshot_id, [])[:REFS_OF_ONE],
            more_refs=max(0, len(refs.get(snapshot.snapshot_id, [])) - REFS_OF_ONE),
            on_main=snapshot.snapshot_id in found.published,
            validation=judged.get(snapshot.snapshot_id),
        )
        for snapshot in snapshots
    ]


@require_safe
def records(request: HttpRequest, namespace: str, name: str) -> ChartResponse:
    """The chart of a table's records over time."""
    view = table_read(str(TableName(namespace, name)))
    return ChartResponse({"series": records_series(view.table) if view.table else []})
