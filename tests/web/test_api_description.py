"""The description of the API names the errors that an operation may answer with, and how they look."""

import json
from typing import Any

import jsonschema
import pytest
from django.test import Client
from openapi_spec_validator import validate

from controlplane.api import api
from controlplane.web.api_errors import ANYWHERE
from tests.pages import Visitor

pytestmark = pytest.mark.django_db


@pytest.fixture(scope="module")
def description() -> dict[str, Any]:
    return dict(json.loads(json.dumps(api.get_openapi_schema())))


def test_every_operation_names_every_error(description: dict[str, Any]) -> None:
    for path, methods in description["paths"].items():
        for method, operation in methods.items():
            missing = {str(status) for status in ANYWHERE} - set(operation["responses"])
            assert missing == set(), (method, path)
            assert any(status.startswith("2") for status in operation["responses"]), (method, path)


def test_the_description_with_its_errors_is_valid(description: dict[str, Any]) -> None:
    validate(description)


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("get", "/api/v1/scenarios/nothing", None, 404),
        ("get", "/api/v1/dag-runs?limit=0", None, 422),
        ("get", "/api/v1/dag-runs?cursor=x", None, 422),
        ("post", "/api/v1/dag-runs", "{", 400),
        ("post", "/api/v1/dag-runs", '{"dag_id": ".."}', 422),
        ("post", "/api/v1/scenarios", '{"document": "a: 1"}', 403),
        ("post", "/api/v1/scenario-preview", '{"document": "' + "x" * 3_000_000 + '"}', 413),
        ("delete", "/api/v1/recordings/abc", None, 403),
    ],
)
def test_an_error_looks_as_described(
    method: str,
    path: str,
    body: str | None,
    status: int,
    description: dict[str, Any],
    viewer: Visitor,
    operator: Visitor,
) -> None:
    asking = viewer if status == 403 else operator
    answer = asking.generic(method.upper(), path, body or "", content_type="application/json")
    assert answer.status_code == status
    jsonschema.validate(answer.json(), {"$ref": "#/components/schemas/ErrorOut", **description})


def test_a_stranger_is_told_so_as_described(description: dict[str, Any], client: Client) -> None:
    answer = client.get("/api/v1/me")
    assert answer.status_code == 401
    jsonschema.validate(answer.json(), {"$ref": "#/components/schemas/ErrorOut", **description})


def test_schemas_state_the_bounds_of_the_services(description: dict[str, Any]) -> None:
    dag_id = description["components"]["schemas"]["DagRunIn"]["properties"]["dag_id"]
    for value, valid in (("medallion", True), ("a.b-c", True), ("..", False), ("a/b", False), ("", False)):
        assert jsonschema.Draft202012Validator(dag_id).is_valid(value) is valid, value
    parameters = description["paths"]["/api/v1/dag-runs"]["get"]["parameters"]
    (since,) = (one["schema"] for one in parameters if one["name"] == "since")
    assert since["anyOf"] == [{"format": "date-time"}, {"format": "date"}, {"const": ""}]
    name = description["components"]["schemas"]["CloneIn"]["properties"]["name"]
    for value, valid in (("Mine", True), ("", False), ("x" * 81, False), ("a\nb", False)):
        assert jsonschema.Draft202012Validator(name).is_valid(value) is valid, value
