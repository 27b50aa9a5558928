"""Both kinds of runs in one list, paged by key."""

from datetime import UTC, datetime, timedelta

import pytest

from controlplane.errors import InvalidInputError
from controlplane.orchestration.models import DagRun, SparkJob
from controlplane.orchestration.selectors import gantt, runs_page
from controlplane.web.filters import ListFilter

pytestmark = pytest.mark.django_db
NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


@pytest.fixture
def five() -> list[str]:
    """Five runs, two of them at the same moment; their names in the order of the list."""
    DagRun.objects.create(dag_id="a", run_id="manual__1", requested_at=NOON)
    SparkJob.objects.create(job="b", requested_at=NOON + timedelta(seconds=1), state="failed")
    DagRun.objects.create(dag_id="c", run_id="manual__2", requested_at=NOON + timedelta(seconds=1))
    SparkJob.objects.create(job="d", requested_at=NOON + timedelta(seconds=2))
    DagRun.objects.create(dag_id="e", run_id="manual__3", requested_at=NOON + timedelta(seconds=3), state="failed")
    return ["e", "d", "c", "b", "a"]


@pytest.mark.parametrize("size", [1, 2, 3, 4, 5, 6])
def test_pages_hold_every_run_once_in_order(five: list[str], size: int) -> None:
    seen: list[str] = []
    cursor = None
    for _ in range(6):
        page = runs_page(size=size, cursor=cursor)
        seen += [listed.name for listed in page.items]
        cursor = page.next
        if cursor is None:
            break
    assert seen == five


def test_what_comes_in_meanwhile_moves_no_page(five: list[str]) -> None:
    first = runs_page(size=2)
    SparkJob.objects.create(job="new", requested_at=NOON + timedelta(seconds=9))
    assert [listed.name for listed in runs_page(size=3, cursor=first.next).items] == five[2:]


def test_filters(five: list[str]) -> None:
    assert [listed.name for listed in runs_page(kind="dag").items] == ["e", "c", "a"]
    assert [listed.name for listed in runs_page(kind="spark").items] == ["d", "b"]
    assert [listed.name for listed in runs_page(state="failed").items] == ["e", "b"]


# The last one nests lists deeper than Python's parser of JSON recurses.
@pytest.mark.parametrize(
    "cursor", ["x", "W10", "WzEsMiwzXQ", "e30", "W251bGwsMSwyXQ", "W1tb" * 20_000], ids=lambda cursor: cursor[:12]
)
def test_a_cursor_that_is_none_is_refused(cursor: str) -> None:
    with pytest.raises(InvalidInputError, match="cursor"):
        runs_page(cursor=cursor)


def test_bars_lie_on_the_time_of_the_run() -> None:
    def task(name: str, start: int | None, end: int | None) -> dict[str, object]:
        at = [None if second is None else (NOON + timedelta(seconds=second)).isoformat() for second in (start, end)]
        return {
            "task_id": name,
            "state": "success",
            "try_number": 1,
            "operator": "",
            "started_at": at[0],
            "ended_at": at[1],
        }

    run = DagRun(tasks=[task("one", 0, 5), task("two", 5, 20), task("three", None, None)])
    assert [(bar.task_id, bar.left, bar.width, bar.seconds) for bar in gantt(run)] == [
        ("one", 0.0, 25.0, 5.0),
        ("two", 25.0, 75.0, 15.0),
        ("three", 0.0, 0.0, None),
    ]


@pytest.mark.parametrize("size", [1, 2, 3, 4, 5, 6])
def test_the_list_turned_round_holds_every_run_once(five: list[str], size: int) -> None:
    seen: list[str] = []
    cursor = None
    for _ in range(6):
        page = runs_page(size=size, cursor=cursor, wanted=ListFilter(oldest_first=True))
        seen += [listed.name for listed in page.items]
        cursor = page.next
        if cursor is None:
            break
    # At the same moment Airflow's come first in both directions.
    assert seen == ["a", "c", "b", "d", "e"]


def test_text_and_time_narrow_both_kinds(five: list[str]) -> None:
    DagRun.objects.filter(dag_id="a").update(requested_by="Grace", message="lost it")
    job = SparkJob.objects.get(job="d")
    SparkJob.objects.filter(pk=job.pk).update(report={"message": "Grace read nothing"})

    def names(wanted: ListFilter) -> list[str]:
        return [listed.name for listed in runs_page(wanted=wanted).items]

    assert names(ListFilter(text="grace")) == ["d", "a"]
    assert names(ListFilter(text="MANUAL__2")) == ["c"]
    assert names(ListFilter(text=str(job.pk)[:13])) == ["d"]
    assert names(ListFilter(text="%")) == []
    assert names(ListFilter(since=NOON + timedelta(seconds=1), until=NOON + timedelta(seconds=2))) == ["d", "c", "b"]
