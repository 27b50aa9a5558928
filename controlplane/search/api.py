"""The search in the REST API."""

from datetime import datetime
from typing import Annotated

from django.http import HttpRequest
from ninja import Field, Query, Router, Schema

from controlplane.search.queries import SHOWN, Hit, find
from controlplane.search.views import LONGEST
from controlplane.web.api_input import Text

router = Router()


class HitOut(Schema):
    kind: str = Field(description="Table, Scenario, Scenario run, Airflow DAG run, Spark job or Suite.")
    title: str
    url: str = Field(description="The path of the page.")
    note: str
    state: str = Field(description="Empty if the object has no state.")
    at: datetime | None


class HitList(Schema):
    items: list[HitOut] = Field(
        description=f"The first {SHOWN} of each kind. The list of a kind, filtered by `text`, has all."
    )


@router.get("/search", response=HitList, summary="Search tables, scenarios, runs and suites by name or part of an ID")
def search(request: HttpRequest, q: Annotated[Text, Query(max_length=LONGEST)]) -> dict[str, list[Hit]]:
    return {"items": find(q)}
