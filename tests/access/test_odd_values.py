"""Every page, form and operation, with an odd value in every stored field at once, and with very many rows.

What is stored has come from files, Spark, Airflow and people, or was written by an earlier version. None of it may end
a page: no 500, no 400 where there was none, and no page without a bound. In each world below all rows of all rooms have
odd values of one kind, and other programs' JSON has a shape drawn from a printed seed; then there are worlds that mix
the kinds. Pages, live updates, operations and `/metrics` are read, and every form is sent, each request of its own. In
the last world each list has `MANY` rows more.
"""

import math
import os
import random
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from dataclasses import field as dataclass_field
from datetime import UTC, datetime
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.apps import apps
from django.core.cache import cache
from django.core.signals import got_request_exception
from django.db import DatabaseError, connection, models, transaction
from django.db.models import Value
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from prometheus_client.metrics_core import Sample
from prometheus_client.parser import text_string_to_metric_families
from pytest_django.fixtures import Settings

from controlplane.accounts.models import User, UserSession
from controlplane.accounts.roles import Role
from controlplane.monitoring.collector import WITH_DATABASE
from controlplane.web import sse
from tests.access import world as w
from tests.access.asking import ask
from tests.access.table import MACHINES, NOT_SERVED, OPERATIONS, PAGES

pytestmark = [pytest.mark.django_db, pytest.mark.xdist_group("access-matrix")]

SEED = int(os.environ.get("SEED", "14"))
MIXED_WORLDS = 2
# Some forty times the longest text.
LARGEST_ANSWER = 4_000_000
# The rows that are added to each list, and what a page or operation may then take.
MANY = 3_000
LARGEST_OF_MANY = 1_500_000
# A list of 50 recordings takes two for each.
MOST_QUERIES = 100
# The worlds in which forms are sent too.
FORMS_IN = {"first", "null", "large"}
METRICS_TOKEN = "of-metrics-only"
FIRST = datetime(1, 1, 1, tzinfo=UTC)
LAST = datetime(9999, 12, 31, 23, 59, 59, 999999, tzinfo=UTC)
LONG = "x" * 100_000
# JSON that other programs write: it may have any shape. The other JSON is written by the control plane itself, and
# keeps its shape.
FOREIGN = {
    *("quality.Validation.expectations", "orchestration.DagRun.conf", "orchestration.DagRun.tasks"),
    *("orchestration.SparkJob.report", "orchestration.Mirror.paused"),
    *("streaming.StreamBatch.durations", "streaming.StreamBatch.end_offsets"),
}
# What addresses and sign-ins hold on to, beside keys and unique fields.
KEPT = {
    *("accounts.User.password", "accounts.User.time_zone", "accounts.UserSession.session_data"),
    *("accounts.UserSession.expire_date", "orchestration.DagRun.dag_id", "orchestration.DagRun.run_id"),
    *("scenarios.ScenarioVersion.number", "streaming.StreamBatch.query_id", "streaming.StreamBatch.batch_id"),
    # The head of a hash chain, and what is checked whole when it is written and never changed after that.
    *("accounts.AuditChain.sequence", "accounts.AuditChain.hash", "scenarios.ScenarioVersion.document"),
    *("scenarios.RunSchedule.cron", "scenarios.RecordingReading.columns", "scenarios.RecordingReading.summary"),
}
_KEEP = object()


@dataclass(frozen=True)
class Odd:
    """A kind of value, by the type of the field. What isn't given is left as it is."""

    label: str
    text: Any = _KEEP
    number: Any = _KEEP
    real: Any = _KEEP
    time: Any = _KEEP
    null: bool = False


NESTED: list[Any] = []
for _ in range(90):
    NESTED = [NESTED]
SHAPES: tuple[Any, ...] = (
    {}, [], "", "<b>{{ x }}</b>", -1, 2**63, 10**400, NESTED, {LONG: [LONG] * 3}, ["a\u202eb"],
    [{"日本語": "\U0001f642"}], [None, True, [], {}, ""],
    [{"items": "x", "keys": 0, "0": [], "values": None, "get": 1}],
    [{"task_id": {}, "success": "x", "kwargs": [], "unexpected_sample": {"a": 1}}],
)  # fmt: skip
WORLDS = (
    Odd("first", text="a\u202eb", number=-1, real=math.nan, time=FIRST),
    Odd("last", text=LONG, number=math.inf, real=math.inf, time=LAST),
    Odd("null", null=True),
    Odd("empty", text="", number=0, real=0.0),
    Odd("scripts", text="日本語 \U0001f642<b>{{ x }}</b>", real=-math.inf),
    Odd("large", number=2**53 + 1, real=1.7e308, time=datetime(9999, 12, 31, 23, tzinfo=UTC)),
)


def _models() -> Iterator[type[models.Model]]:
    for room in apps.get_app_configs():
        if room.name.startswith("controlplane."):
            yield from room.get_models()


def _fields() -> Iterator[tuple[type[models.Model], Any, str]]:
    for model in _models():
        for field in model._meta.concrete_fields:
            name = f"{model._meta.label}.{field.name}"
            fixed = field.primary_key or field.is_relation or field.unique or field.choices
            if not fixed and name not in KEPT and not isinstance(field, models.BooleanField | models.UUIDField):
                yield model, field, name


def _value(field: Any, name: str, odd: Odd, now: Any, shape: Any) -> Any:
    if odd.null and field.null:
        return None
    if isinstance(field, models.JSONField):
        if name in FOREIGN:
            return shape
        changed = _leaves(now, odd)
        return Value(None, models.JSONField()) if changed is None else changed
    if isinstance(field, models.DateTimeField):
        return odd.time
    if isinstance(field, models.FloatField | models.DecimalField):
        return odd.real
    if isinstance(field, models.IntegerField):
        return odd.number if odd.number is _KEEP else min(odd.number, 2**31 - 1)
    if isinstance(field, models.CharField | models.TextField):
        return odd.text[: field.max_length] if isinstance(odd.text, str) else odd.text
    return _KEEP


def _leaves(value: Any, odd: Odd) -> Any:
    """JSON of the same shape, with odd values of the same type."""
    if isinstance(value, dict):
        return {key: _leaves(one, odd) for key, one in value.items()}
    if isinstance(value, list):
        return [_leaves(one, odd) for one in value]
    new: Any = _KEEP
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, int):
        new = odd.number if odd.number is _KEEP else min(odd.number, 2**63 - 1)
    elif isinstance(value, float):
        new = odd.real if odd.real is not _KEEP and math.isfinite(odd.real) else _KEEP
    elif isinstance(value, str):
        moment = parse_datetime(value) if "T" in value else None
        new = odd.time.isoformat() if moment and odd.time is not _KEEP else _KEEP if moment else odd.text
        new = new[:1000] if isinstance(new, str) else new
    return value if new is _KEEP else new


def _fill(choose: Callable[[], Odd | None], but: User, drawn: random.Random) -> None:
    """Write odd values into every row, field by field: a constraint that refuses one leaves the others."""
    for model, field, name in _fields():
        for row in model._base_manager.all():
            if (model is User and row.pk == but.pk) or (model is UserSession and row.user_id == but.pk):  # type: ignore[attr-defined]
                continue
            odd = choose()
            new = _KEEP if odd is None else _value(field, name, odd, getattr(row, field.attname), drawn.choice(SHAPES))
            if new is _KEEP:
                continue
            try:
                with transaction.atomic():
                    model._base_manager.filter(pk=row.pk).update(**{field.name: new})
            except (DatabaseError, ValueError, TypeError, OverflowError):
                pass  # no row can hold it


@dataclass(frozen=True)
class Request:
    """A request as the table has it: a dictionary is a form for pages, and JSON for the API."""

    method: str
    path: str
    body: Any = dataclass_field(default=None, hash=False)

    @property
    def reads(self) -> bool:
        return self.method == "GET"

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


def _requests() -> list[Request]:
    pages = [Request("GET", page.path) for page in PAGES.values() if page.reads != NOT_SERVED]
    forms = [Request("POST", page.path, page.form) for page in PAGES.values() if page.sends != NOT_SERVED]
    return [*pages, *forms, *(Request(one.method, f"/api/v1{one.path}", one.body) for one in OPERATIONS.values())]


@contextmanager
def _raised() -> Iterator[list[str]]:
    """Where the requests within failed, innermost line of ours last."""
    found: list[str] = []

    def note(**_: Any) -> None:
        lines = traceback.format_exc().splitlines()
        ours = [line.strip() for line in lines if "/controlplane/" in line]
        found.append(f"{lines[-1][:300]} at {' < '.join(reversed(ours[-2:]))}")

    got_request_exception.connect(note)
    yield found
    got_request_exception.disconnect(note)


def _streamed(answer: Any) -> bytes:
    if not answer.is_async:
        return b"".join(answer.streaming_content)

    async def joined() -> bytes:
        return b"".join([part async for part in answer.streaming_content])

    return async_to_sync(joined)()


def _ask(client: Client, request: Request) -> tuple[int, int, str]:
    """Status, size, and why it failed."""
    with _raised() as raised, transaction.atomic():
        if request.reads:
            answer = client.get(request.path)
            # An export is read to its end: it may fail on the way.
            content = _streamed(answer) if answer.streaming else answer.content
            status, size, text = answer.status_code, len(content), content[:300].decode(errors="replace")
        else:
            sent = ask(client, request.method, request.path, request.body)
            status, size, text = sent.status, len(sent.text), sent.text[:300]
        transaction.set_rollback(True)
    return status, size, raised[0] if raised else text if status >= 400 else ""


def _is_success_of_rows(sample: Sample) -> bool:
    """Whether the sample says that a source could be collected which reads rows."""
    return sample.name == "lakehouse_source_success" and sample.labels["source"] in WITH_DATABASE


def _metrics(client: Client) -> list[str]:
    """What is wrong with `/metrics`: a source that fails, or a sample that is no number."""
    with transaction.atomic():
        answer = client.get(MACHINES["monitoring:metrics"], headers={"Authorization": f"Bearer {METRICS_TOKEN}"})
        transaction.set_rollback(True)
    assert answer.status_code == 200
    families = list(text_string_to_metric_families(answer.content.decode()))
    samples = [sample for family in families for sample in family.samples]
    return [
        f"/metrics: {sample.name}{sample.labels} is {sample.value}"
        for sample in samples
        if not math.isfinite(sample.value) or (sample.value != 1 and _is_success_of_rows(sample))
    ]


Visitor = tuple[User, Client, dict[Request, int]]


@pytest.fixture(autouse=True)
def read_at_once(monkeypatch: pytest.MonkeyPatch, settings: Settings) -> None:
    """Live updates end after the first fragments, and are rendered in the test's transaction; metrics have a token."""

    def once(is_live: Any, render: sse.Render, *_: Any) -> Iterator[bytes]:
        return iter([sse._event(name, html) for name, html in render().items()])

    monkeypatch.setattr(sse, "_events", once)
    settings.METRICS_TOKEN = METRICS_TOKEN


@pytest.fixture(scope="module")
def visitor(a_world: w.World) -> Visitor:
    """An admin, who may do everything; and how each request is answered while nothing is odd, once that is known."""
    someone = User.objects.create_user("walker", password=w.PASSWORD, role=Role.ADMIN)
    client = Client(raise_request_exception=False)
    client.force_login(someone)
    return someone, client, {}


def _before(visitor: Visitor) -> dict[Request, int]:
    _, client, before = visitor
    if not before:
        before |= {request: _ask(client, request)[0] for request in _requests()}
    return before


def _walk(
    visitor: Visitor, zone: str, choose: Callable[[], Odd | None], drawn: random.Random, *, forms: bool
) -> list[str]:
    someone, client, _ = visitor
    wrong = []
    before = _before(visitor)
    # A request leaves the zone of its person in force.
    with transaction.atomic(), timezone.override("UTC"):
        _fill(choose, someone, drawn)
        User.objects.filter(pk=someone.pk).update(time_zone=zone)
        for request, expected in before.items():
            if not (request.reads or forms):
                continue
            cache.clear()
            status, size, why = _ask(client, request)
            # A form may be refused for what is stored, with an error that says so.
            refused = (400, 422) if request.reads else (400,)
            if (status >= 500 or status in refused) and status != expected:
                wrong.append(f"{request}: {status}, was {expected}: {why}")
            elif size > LARGEST_ANSWER:
                wrong.append(f"{request}: {size:,} bytes")
        wrong += _metrics(client)
        transaction.set_rollback(True)
    return wrong


@pytest.mark.parametrize("odd", WORLDS, ids=lambda odd: odd.label)
def test_an_odd_value_in_every_field_ends_no_page(odd: Odd, visitor: Visitor) -> None:
    # The zones that are furthest from UTC: a moment at an end of the calendar has no local time there.
    zone = "Pacific/Midway" if odd.time == FIRST else "Pacific/Kiritimati"
    wrong = _walk(visitor, zone, lambda: odd, random.Random(f"{SEED} {odd.label}"), forms=odd.label in FORMS_IN)
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("number", range(MIXED_WORLDS))
def test_mixed_odd_values_end_no_page(number: int, visitor: Visitor) -> None:
    print(f"seed {SEED}, world {number}")
    drawn = random.Random(f"{SEED} {number}")
    zone = drawn.choice(("Pacific/Kiritimati", "Pacific/Midway", "UTC"))
    wrong = _walk(visitor, zone, lambda: drawn.choice(WORLDS) if drawn.random() < 0.4 else None, drawn, forms=True)
    assert not wrong, "\n".join(wrong)


# The rows of these are few by their nature: one, one per service, one per person who guesses or has a link. A person
# has up to 100 sessions and 50 valid tokens (docs/limits.md).
FEW = {
    *("accounts.AccountLink", "accounts.ApiToken", "accounts.UserSession"),
    *("accounts.AuditChain", "accounts.AttemptCounter", "accounts.AuditVerification", "streaming.Stream"),
    *("orchestration.AirflowSyncStatus", "health.Observation"),
}


def _unique_fields(model: type[models.Model]) -> set[str]:
    """The fields that tell rows apart: a further row needs a value of its own in one of them."""
    names = {one.name for one in model._meta.concrete_fields if one.unique}
    for constraint in model._meta.constraints:
        if isinstance(constraint, models.UniqueConstraint):
            names |= {constraint.fields[-1]} if constraint.fields else {"username"}
    return names


def _multiplied(model: type[models.Model]) -> str:
    """The statement that copies a row of the model `MANY` times, with other values in its unique fields."""
    unique, columns = _unique_fields(model), {}
    for one in model._meta.concrete_fields:
        column = connection.ops.quote_name(one.column)
        if isinstance(one, models.AutoField):
            continue
        if one.name not in unique:
            columns[column] = column
        elif isinstance(one, models.OneToOneField):
            columns[column] = "NULL"
        elif isinstance(one, models.UUIDField):
            columns[column] = "gen_random_uuid()"
        elif isinstance(one, models.DateTimeField):
            columns[column] = f"{column} - n * interval '1 second'"
        elif isinstance(one, models.IntegerField):
            columns[column] = f"{column} + 100000 + n"
        else:
            columns[column] = f"left({column}, {(one.max_length or 200) - 8}) || '-' || n"
    table = connection.ops.quote_name(model._meta.db_table)
    names, values = ", ".join(columns), ", ".join(columns.values())
    one = f"(SELECT * FROM {table} LIMIT 1) AS one"  # noqa: S608 - names of our own models
    return f"INSERT INTO {table} ({names}) SELECT {values} FROM {one}, generate_series(1, {MANY}) AS n"  # noqa: S608


def test_very_many_rows_leave_every_page_bounded(visitor: Visitor) -> None:
    _, client, _ = visitor
    wrong, few = [], []
    before = _before(visitor)
    with transaction.atomic(), timezone.override("UTC"):
        for model in _models():
            if model._meta.label in FEW or not model._base_manager.exists():
                continue
            with connection.cursor() as cursor:
                cursor.execute(_multiplied(model))
            if model._base_manager.count() < MANY:
                few.append(model._meta.label)
        for request, expected in before.items():
            if not request.reads:
                continue
            cache.clear()
            with CaptureQueriesContext(connection) as queries:
                status, size, why = _ask(client, request)
            exports = any(word in request.path for word in ("export", "report"))
            if status >= 400 and status != expected:
                wrong.append(f"{request}: {status}, was {expected}: {why}")
            elif size > LARGEST_OF_MANY and not exports:
                wrong.append(f"{request}: {size:,} bytes")
            elif len(queries) > MOST_QUERIES:
                wrong.append(f"{request}: {len(queries)} queries, such as {queries[len(queries) // 2]['sql'][:300]}")
        wrong += _metrics(client)
        transaction.set_rollback(True)
    assert few == []
    assert not wrong, "\n".join(wrong)
