"""The verdict of every suite is that of its newest validation."""

from datetime import timedelta

import pytest
from django.utils import timezone

from controlplane.quality.adapters.null import NullArchive
from controlplane.quality.selectors import ValidationFilter, of_snapshots, validations, verdicts, with_history
from controlplane.quality.services import validations_index
from controlplane.web.filters import ListFilter
from tests.quality.validations import content

pytestmark = pytest.mark.django_db


def _indexed(*documents: bytes) -> None:
    archive = NullArchive()
    for number, said in enumerate(documents):
        archive.put(f"silver/events.validations/{number}.json", said, timezone.now() - timedelta(minutes=5))
    validations_index(archive)


def test_the_newest_validation_is_the_verdict() -> None:
    _indexed(
        content(minutes=0, success=False, published=False),
        content(minutes=2),
        content(minutes=1),
        content(minutes=9, suite="gold.hourly_sales", table="lake.gold.hourly_sales", success=False),
    )

    silver, gold = with_history(verdicts())
    assert (gold.suite, gold.table_name, gold.state) == ("gold.hourly_sales", "gold.hourly_sales", "failed")
    assert (silver.suite, silver.state) == ("silver.events", "succeeded")
    assert [run.state for run in silver.strip] == ["failed", "succeeded", "succeeded"]
    assert silver.at == silver.history[0].finished_at


def test_verdicts_need_two_queries_and_keep_twenty_runs(django_assert_num_queries: object) -> None:
    _indexed(*(content(minutes=number) for number in range(25)))

    with django_assert_num_queries(2):  # type: ignore[operator]
        (silver,) = with_history(verdicts())
        assert len(silver.history) == 20


@pytest.mark.parametrize(
    ("wanted", "minutes"),
    [
        (ValidationFilter(), {0, 1, 2}),
        (ValidationFilter(suite="silver.events"), {0, 1}),
        (ValidationFilter(table="gold.top_products"), {2}),
        (ValidationFilter(table="lake.gold.top_products"), {2}),
        (ValidationFilter(state="failed"), {1}),
        (ValidationFilter(state="succeeded", suite="silver.events"), {0}),
        (ValidationFilter(list_filter=ListFilter(text="SCHEDULED")), {2}),
        (ValidationFilter(list_filter=ListFilter(text="77")), {1}),
        (ValidationFilter(period="1h"), set()),
    ],
)
def test_filters_let_through_what_they_say(wanted: ValidationFilter, minutes: set[int]) -> None:
    _indexed(
        content(minutes=0),
        content(minutes=1, success=False, snapshot_id="77"),
        content(minutes=2, suite="gold.top_products", table="lake.gold.top_products", run_id="scheduled__1"),
    )
    if wanted.period:
        # The documents' own times lie elsewhere than now.
        validations(ValidationFilter()).update(finished_at=timezone.now() - timedelta(hours=2))

    assert {row.finished_at.minute for row in validations(wanted)} == minutes


def test_snapshots_know_their_newest_validation() -> None:
    _indexed(content(minutes=0, success=False, snapshot_id="1"), content(minutes=5, snapshot_id="1"))

    found = of_snapshots("silver.events", ["1", "2"])
    assert set(found) == {"1"}
    assert found["1"].success
