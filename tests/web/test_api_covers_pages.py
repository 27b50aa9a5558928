"""What a page shows or does, the API does too; and the description of the API is one that programs can read."""

from typing import Any

import pytest
from django.test import Client
from openapi_spec_validator import validate

from tests.web.addresses import routes

pytestmark = pytest.mark.django_db

# By the address of a page, the operations that show the same and do the same.
SAME: dict[str, tuple[str, ...]] = {
    "": ("GET /health", "GET /tables", "GET /ledger", "GET /validations", "GET /audit"),
    "overview/rates.json": ("GET /stream", "GET /scenario-runs"),
    "overview/first-steps/<slug:key>/": (*("POST /stream/start", "POST /scenarios/{slug}/runs", "POST /dag-runs"),),
    "activity/": ("GET /audit", "GET /audit/verification"),
    "activity/export.csv": ("GET /audit/export",),
    "activity/export.jsonl": ("GET /audit/export",),
    "activity/<uuid:entry_id>/": ("GET /audit/{entry_id}",),
    "people/": ("GET /people",),
    "people/add/": ("POST /invitations",),
    "people/by-name/<str:username>/": (
        *("PATCH /people/{username}", "GET /people/{username}/tokens"),
        *("DELETE /people/{username}/tokens/{token_id}", "GET /people/{username}/sessions"),
    ),
    "people/by-name/<str:username>/second-factors/reset/": (
        *("DELETE /people/{username}/second-factors", "GET /people/{username}/second-factors"),
    ),
    "people/by-name/<str:username>/sessions/end/": ("DELETE /people/{username}/sessions",),
    "people/by-name/<str:username>/link/": (
        *("POST /people/{username}/invitation", "POST /people/{username}/reset-link"),
    ),
    "people/by-name/<str:username>/email/": ("PATCH /people/{username}",),
    "people/links/<uuid:link_id>/revoke/": ("DELETE /account-links/{link_id}", "GET /account-links"),
    "people/service-accounts/add/": ("POST /service-accounts",),
    "people/service-accounts/by-name/<str:username>/": (
        *("PATCH /service-accounts/{username}", "GET /people/{username}/tokens"),
    ),
    "people/service-accounts/by-name/<str:username>/tokens/": ("POST /people/{username}/tokens",),
    "people/by-name/<str:username>/single-sign-on/": ("POST /people/{username}/single-sign-on",),
    "people/by-name/<str:username>/single-sign-on/disconnect/": ("DELETE /people/{username}/single-sign-on",),
    "settings/": ("GET /me", "GET /me/tokens", "GET /me/sessions", "GET /me/service-accounts"),
    "settings/sessions/end/": ("DELETE /me/sessions",),
    "settings/sessions/<uuid:public_id>/end/": (
        *("DELETE /me/sessions/{session_id}", "DELETE /people/{username}/sessions/{session_id}"),
    ),
    "settings/verify/": ("POST /me/verification",),
    "settings/second-factors/": ("GET /me/second-factors",),
    "settings/second-factors/totp/": ("POST /me/second-factors/totp/key", "POST /me/second-factors/totp"),
    "settings/second-factors/recovery-codes/": ("POST /me/recovery-codes",),
    "settings/second-factors/<int:pk>/rename/": ("PATCH /me/second-factors/{factor_id}",),
    "settings/second-factors/<int:pk>/remove/": ("DELETE /me/second-factors/{factor_id}",),
    "settings/password/": ("PATCH /me",),
    "settings/time-zone/": ("PATCH /me",),
    "settings/tokens/": ("POST /me/tokens",),
    "settings/tokens/<int:pk>/revoke/": (
        *("DELETE /me/tokens/{token_id}", "DELETE /people/{username}/tokens/{token_id}"),
    ),
    "scenarios/": ("GET /scenarios",),
    "scenarios/new/": ("POST /scenario-preview", "POST /scenarios", "GET /scenario-schema", "GET /scenario-faults"),
    "scenarios/schedules/": ("GET /scenario-schedules",),
    "scenarios/schedules/new/": ("POST /scenarios/{slug}/schedules",),
    "scenarios/schedules/<uuid:schedule_id>/": (
        *("GET /scenario-schedules/{schedule_id}", "GET /scenario-schedules/{schedule_id}/ticks"),
    ),
    "scenarios/schedules/<uuid:schedule_id>/change/": ("PUT /scenario-schedules/{schedule_id}",),
    "scenarios/schedules/<uuid:schedule_id>/pause/": ("POST /scenario-schedules/{schedule_id}/pause",),
    "scenarios/schedules/<uuid:schedule_id>/resume/": ("POST /scenario-schedules/{schedule_id}/resume",),
    "scenarios/schedules/<uuid:schedule_id>/delete/": ("DELETE /scenario-schedules/{schedule_id}",),
    "scenarios/runs/": ("GET /scenario-runs",),
    "scenarios/runs/<uuid:run_id>/": ("GET /scenario-runs/{run_id}", "GET /scenario-runs/{run_id}/faults"),
    "scenarios/runs/<uuid:run_id>/rates.json": ("GET /scenario-runs/{run_id}/report",),
    "scenarios/runs/<uuid:run_id>/latency.json": ("GET /scenario-runs/{run_id}/report",),
    "scenarios/runs/<uuid:run_id>/report.json": ("GET /scenario-runs/{run_id}/report",),
    "scenarios/runs/<uuid:run_id>/report.html": ("GET /scenario-runs/{run_id}/report",),
    "scenarios/runs/<uuid:run_id>/stop/": ("POST /scenario-runs/{run_id}/stop",),
    "scenarios/runs/<uuid:run_id>/pause/": ("POST /scenario-runs/{run_id}/pause",),
    "scenarios/runs/<uuid:run_id>/resume/": ("POST /scenario-runs/{run_id}/resume",),
    "scenarios/runs/<uuid:run_id>/speed/": ("POST /scenario-runs/{run_id}/speed",),
    "scenarios/runs/<uuid:run_id>/replay/": ("POST /scenario-runs/{run_id}/replay",),
    "scenarios/compare/": ("GET /scenario-runs/{run_id}/compare/{other_id}",),
    "scenarios/compare/rates.json": ("GET /scenario-runs/{run_id}/compare/{other_id}",),
    "scenarios/recordings/": ("GET /recordings",),
    "scenarios/recordings/new/": ("POST /recordings",),
    "scenarios/recordings/<slug:sha256>/": ("GET /recordings/{sha256}",),
    "scenarios/recordings/<slug:sha256>/map/": (
        *("POST /recordings/{sha256}/readings", "POST /recordings/{sha256}/beginning"),
    ),
    "scenarios/recordings/<slug:sha256>/delete/": ("DELETE /recordings/{sha256}",),
    "scenarios/<scenario:slug>/": (
        "GET /scenarios/{slug}",
        "GET /scenarios/{slug}/versions",
    ),
    "scenarios/<scenario:slug>/edit/": ("POST /scenario-preview", "POST /scenarios", "POST /scenarios/{slug}/clone"),
    "scenarios/<scenario:slug>/run/": ("POST /scenarios/{slug}/runs",),
    "scenarios/<scenario:slug>/document.yaml": ("GET /scenarios/{slug}/versions/{number}/document.yaml",),
    "quality/": ("GET /validations", "GET /validations/unreadable"),
    "quality/<uuid:validation_id>/": ("GET /validations/{validation_id}",),
    "quality/<uuid:validation_id>/document/": ("GET /validations/{validation_id}/document",),
    "lakehouse/": ("GET /tables",),
    "lakehouse/<name:namespace>/<name:name>/": (
        *("GET /tables/{namespace}/{name}", "GET /tables/{namespace}/{name}/snapshots"),
    ),
    "lakehouse/<name:namespace>/<name:name>/records.json": ("GET /tables/{namespace}/{name}/snapshots",),
    "ledger/": ("GET /ledger",),
    "ledger/recount/": ("POST /ledger/recount", "GET /ledger/counts/{count_id}"),
    "stream/": ("GET /stream", "GET /stream/batches", "GET /stream/configurations"),
    "stream/start/": ("POST /stream/start",),
    "stream/stop/": ("POST /stream/stop",),
    "stream/configure/": ("POST /stream/configurations",),
    "stream/records/": ("GET /stream/records",),
    "stream/rates.json": ("GET /stream/batches",),
    "stream/lag.json": ("GET /stream/batches",),
    "stream/phases.json": ("GET /stream/batches",),
    "runs/": ("GET /dag-runs", "GET /spark-jobs"),
    "runs/dag/": ("POST /dag-runs",),
    "runs/dag/<airflow_id:run_id>/": ("GET /dag-runs/{run_id}",),
    "runs/dag/<airflow_id:run_id>/snapshots/": ("GET /dag-runs/{run_id}",),
    "runs/dag/<airflow_id:run_id>/log/<airflow_id:task_id>/<int:try_number>/": (
        "GET /dag-runs/{run_id}/tasks/{task_id}/log",
    ),
    "runs/jobs/": ("POST /spark-jobs",),
    "runs/jobs/<uuid:job_id>/": ("GET /spark-jobs/{job_id}",),
    "runs/jobs/<uuid:job_id>/snapshots/": ("GET /spark-jobs/{job_id}",),
    "search/": ("GET /search",),
}
ONLY_A_PAGE = {
    "sign-in/": "a program has its token",
    "account-link/": "people choose a password with it; a program has its token",
    "forgot-password/": "a program has no password",
    "sign-in/sso/": "a person signs in at the provider, in a browser",
    "sign-in/sso/callback/": "a person signs in at the provider, in a browser",
    "settings/single-sign-on/": "a person signs in at the provider, in a browser",
    "sign-in/second-factor/": "a program has its token",
    "sign-in/second-factor/passkey/": "WebAuthn: between a browser and its authenticator",
    "sign-in/passkey/": "WebAuthn: between a browser and its authenticator",
    "sign-in/passkey/options/": "WebAuthn: between a browser and its authenticator",
    "settings/verify/single-sign-on/": "a person signs in at the provider, in a browser",
    "settings/verify/passkey/": "WebAuthn: between a browser and its authenticator",
    "settings/second-factors/passkeys/": "WebAuthn: between a browser and its authenticator",
    "settings/second-factors/passkeys/options/": "WebAuthn: between a browser and its authenticator",
    "session/": "a program has its token",
    "sign-out/": "a program has its token",
    "scenarios/schedules/times/": "the next times beside a form as it is filled in; a schedule's are in GET",
    "bi/": "Streamlit in a frame; its tables are in the lake",
    "metrics": "for Prometheus",
    "runbooks/": "prose",
    "runbooks/<slug:name>/": "prose",
}


@pytest.fixture
def description(client: Client) -> dict[str, Any]:
    answer = client.get("/api/v1/openapi.json")
    assert answer.status_code == 200
    return dict(answer.json())


def test_the_description_is_valid_openapi(description: dict[str, Any]) -> None:
    validate(description)
    assert description["openapi"].startswith("3.1")


def test_every_operation_says_what_it_does_and_has_a_name_of_its_own(description: dict[str, Any]) -> None:
    operations = [one for path in description["paths"].values() for one in path.values()]
    names = [one["operationId"] for one in operations]
    assert len(set(names)) == len(names)
    assert [one["operationId"] for one in operations if not one.get("summary") or not one.get("tags")] == []


def test_every_page_is_in_the_api(description: dict[str, Any]) -> None:
    pages = {
        address
        for address in routes()
        # The same as their page, as it changes.
        if not address.startswith("api/") and not address.endswith("live/")
    }
    assert pages == {*SAME, *ONLY_A_PAGE}
    operations = {
        f"{method.upper()} {path.removeprefix('/api/v1')}"
        for path, methods in description["paths"].items()
        for method in methods
    }
    named = {operation for found in SAME.values() for operation in found}
    assert named - operations == set()
    # What the API alone offers is told here, so that a page that is forgotten shows.
    assert operations - named == {"GET /scenario-metrics", "POST /people"}
