"""The search over the API."""

from datetime import datetime
from typing import Annotated

from django.http import HttpRequest
from ninja import Field, Query, Router, Schema

from controlplane.search.queries import Hit, find
from controlplane.search.views import LONGEST
from controlplane.web.api_input import Text

router = Router()


class HitOut(Schema):
    kind: str = Field(description="Table, Scenario, Scenario run, Airflow run, Spark job or Suite.")
    title: str
    url: str = Field(description="The page, without the host.")
    note: str
    state: str = Field(description="Empty where it has none.")
    at: datetime | None


class HitList(Schema):
    items: list[HitOut]


@router.get("/search", response=HitList, summary="Tables, scenarios, runs and suites by name or a part of an id")
def search(request: HttpRequest, q: Annotated[Text, Query(max_length=LONGEST)]) -> dict[str, list[Hit]]:
    return {"items": find(q)}
