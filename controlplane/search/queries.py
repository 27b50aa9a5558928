"""Search over tables, scenarios, runs and suites, in rows of our own database only."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import islice

from django.urls import reverse

from controlplane.lakehouse.selectors import tables_now
from controlplane.orchestration.selectors import runs_page
from controlplane.quality.selectors import suites_like
from controlplane.scenarios.selectors import runs, scenarios_like
from controlplane.web.filters import ListFilter

# The limit of results per type. The lists with their filters show all.
SHOWN = 5


@dataclass(frozen=True)
class Hit:
    """One result. `state` is empty if the object has none; `at` is when it was last written or requested."""

    kind: str
    title: str
    url: str
    icon: str
    note: str = ""
    state: str = ""
    at: datetime | None = None


def find(text: str) -> list[Hit]:
    """Objects with `text` in their name or id, and runs also in their requester or message: the newest SHOWN per type.
    An empty text finds nothing."""
    wanted = text.strip().lower()
    if not wanted:
        return []
    kinds = (_tables(wanted), _scenarios(wanted), _scenario_runs(wanted), _pipeline_runs(wanted), _suites(wanted))
    return [hit for kind in kinds for hit in islice(kind, SHOWN)]


def _tables(wanted: str) -> Iterator[Hit]:
    for table in tables_now().tables:
        if wanted in table.name.lower():
            note = "rows unknown" if table.records is None else f"{table.records:,} rows"
            if table.problem:
                note = "unreadable" if table.fault else table.kind
            elif table.before_deletes:
                note += " before deletes"
            yield Hit("Table", table.name, table.url, "database", note, at=table.snapshot_at)


def _scenarios(wanted: str) -> Iterable[Hit]:
    return (
        Hit("Scenario", found.name, reverse("scenarios:detail", args=[found.slug]), "wand", found.slug)
        for found in scenarios_like(wanted, SHOWN)
    )


def _scenario_runs(wanted: str) -> Iterable[Hit]:
    for run in runs(wanted=ListFilter(text=wanted), size=SHOWN).items:
        url = reverse("scenarios:run", args=[run.pk])
        yield Hit(
            "Scenario run", run.version.scenario.name, url, "player-play", str(run.pk), run.state, run.requested_at
        )


def _pipeline_runs(wanted: str) -> Iterable[Hit]:
    for found in runs_page(wanted=ListFilter(text=wanted), size=SHOWN).items:
        kind, key = found.title
        yield Hit(
            kind, found.name, found.run.get_absolute_url(), "player-play", key, found.run.state, found.run.requested_at
        )


def _suites(wanted: str) -> Iterator[Hit]:
    for verdict in suites_like(wanted, SHOWN):
        newest = verdict.validation
        note = "latest validation"
        yield Hit("Suite", verdict.suite, newest.get_absolute_url(), "shield-check", note, verdict.state, verdict.at)
