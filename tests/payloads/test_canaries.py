"""No secret of an installation stands where somebody other than its owner reads: a test a secret, over every place.

What changes while work goes on is read during the scenario run and the DAG run of the first tour too.
"""

import base64
import json
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import httpx
import pytest
from dotenv import dotenv_values

from compose.local.credentials import HOST_NAMES, draw_secrets, load_secrets, spark_ui_token
from tests.payloads import secret_places
from tests.payloads.needs import A_JOB, NEEDS
from tests.stack import Stack, signed_in
from tests.system.api import ControlPlane
from tests.touring import Places, Tour, at_work

pytestmark = pytest.mark.stack

# Host names are told to whoever runs `make up` or signs in.
DRAWN = sorted(set(draw_secrets()) - set(HOST_NAMES))
MADE = ("spark_ui_token", "session")
# Django keeps a session under its key.
KEPT = {("rows", "controlplane.accounts_usersession"): {"session"}}


def _places(stack: Stack, api: ControlPlane, client: httpx.Client, toured: str) -> Places:
    known = dotenv_values(stack.data / "environment")
    bearer = {"Authorization": f"Bearer {known['METRICS_TOKEN']}"}
    url = stack.credentials["url"]
    errors = [client.get(path) for path in ("/nowhere/", "/lakehouse/none/none/", "/runs/dag/none/", "/api/v1/nowhere")]
    errors += [httpx.get(f"{url}/sign-in/", headers={"Host": "evil.example"}, trust_env=False)]
    errors += [httpx.post(f"{url}/sign-in/", data={"username": "admin"}, trust_env=False)]
    warehouse = Path(urlsplit(str(known["WAREHOUSE"])).path)
    return {
        "logs": list(secret_places.files(stack.data / "logs")),
        "logs of Airflow's tasks": list(secret_places.files(stack.data / "airflow" / "logs")),
        "the tour": [("its text", toured)],
        "pages": list(secret_places.pages(client)),
        "answers of the API": list(secret_places.api_answers(api)),
        "error pages": [(str(answer.url), f"{answer.headers}\n{answer.text}") for answer in errors],
        "rows": [*secret_places.database_rows(stack, "controlplane"), *secret_places.database_rows(stack, "airflow"),
                 *secret_places.database_rows(stack, "lake")],
        "figures": [("/metrics", httpx.get(f"{url}/metrics", headers=bearer, timeout=30, trust_env=False).text)],
        "Spark's pages": [
            (path, client.get(path).text)
            for path in ("/spark/environment/", "/spark/executors/", "/spark/SQL/", "/spark/StreamingQuery/",
                         "/spark/connect/", "/spark/api/v1/applications", "/spark/jobs/")
        ],
        "Airflow's answers": list(secret_places.airflow_answers(stack)),
        "validations and metadata of tables": list(secret_places.files(warehouse, "*.json")),
        "the supervisor": [(one.name, repr(one)) for one in stack.supervisor.processes()],
        "what `make` says": [
            ("status", (done := stack.command("-m", "compose.local", "status")).stdout + done.stderr),
        ],
        "files that others may read": list(secret_places.readable_by_others(stack.data)),
    }  # fmt: skip


@pytest.fixture(scope="module")
def found(stack: Stack, first_tour: Tour, control_plane: ControlPlane) -> tuple[dict[str, str], Places]:
    """(the secrets by name, what stands in each place)."""
    drawn = load_secrets(stack.data)
    with signed_in(stack.credentials, timeout=120.0, follow_redirects=True) as client:
        (session,) = (cookie.value for cookie in client.cookies.jar if "session" in cookie.name)
        secrets = {**drawn, "spark_ui_token": spark_ui_token(drawn), "session": str(session)}
        now = at_work(stack)
        places = {name: [*first_tour.at_work[name], *now[name]] for name in now}
        return secrets, {**places, **_places(stack, control_plane, client, first_tour.said)}


def _forms(secret: str) -> set[str]:
    """The secret as it is, in an address, in JSON and in base64, which hides its beginning and end at most."""
    packed = base64.b64encode(secret.encode()).decode().rstrip("=")
    return {secret, quote(secret, safe=""), json.dumps(secret)[1:-1], packed[:-2]}


@pytest.mark.parametrize("name", [*DRAWN, *MADE])
def test_the_secret_stands_in_no_place(name: str, found: tuple[dict[str, str], Places]) -> None:
    secrets, places = found
    forms = _forms(secrets[name])
    seen = [
        (place, where)
        for place, texts in places.items()
        for where, text in texts
        if any(form in text for form in forms)
        and name not in KEPT.get((place, where), ())
        and not (place == "environments" and name in NEEDS.get(where, ()))
    ]
    assert sorted(set(seen)) == []


# Where it is read, the place must have had something to say.
LEAST: dict[str, tuple[int, str]] = {
    "logs": (10, "worker.log"),
    "logs of Airflow's tasks": (8, "task_id=silver_events"),
    "command lines": (12, "uvicorn"),
    "environments": (12, A_JOB),
    "pages": (60, "/settings/"),
    "answers of the API": (50, "GET /people"),
    "Redis": (2, "unacked"),
    "rows": (50, "airflow.rendered_task_instance_fields"),
    "Spark's pages": (7, "/spark/environment/"),
    "Airflow's answers": (10, "taskInstances"),
    "validations and metadata of tables": (15, ".validations/"),
    "files that others may read": (20, "static/"),
}


@pytest.mark.parametrize("place", LEAST)
def test_the_place_was_read(place: str, found: tuple[dict[str, str], Places]) -> None:
    texts = found[1][place]
    least, example = LEAST[place]
    assert len({where for where, _ in texts}) + len(texts) >= least
    assert [where for where, text in texts if text and (example in where or example in text)]


def test_a_secret_that_stands_there_would_be_found(found: tuple[dict[str, str], Places]) -> None:
    """The search itself: each program's environment holds what it needs."""
    secrets, places = found
    held: dict[str, set[Any]] = {}
    for part, text in places["environments"]:
        held.setdefault(part, set()).update(
            name for name in (*DRAWN, *MADE) if any(form in text for form in _forms(secrets[name]))
        )
    without_minio = {part: needs - {"minio_pipeline"} for part, needs in NEEDS.items() if part in held}
    assert {part: held[part] - {"minio_pipeline"} for part in without_minio} == without_minio
