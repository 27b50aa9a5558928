"""The API does what its description says: schemathesis sends what the schemas allow and what they forbid.

Each operation is one test, whose requests are made when it runs, since every worker collects all tests. One more test
follows the links of the description: what was created is read, changed and deleted in the same world. Every request
leaves the world as it was, so a request repeats alone. All requests are derived from the schemas and a fixed seed.
`make test-api` sends more of them (API_EXAMPLES, API_SEED). Only then does schemathesis also repeat accepted requests
without and with wrong credentials (`ignored_auth`), which doubles their number, and try every method that an operation
lacks: `test_matrix.py` asks every operation without, with a wrong and with an ended credential, and with those methods.
"""

import json
import os
import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import schemathesis
from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.db import transaction
from django.test import Client
from django.utils import timezone
from hypothesis import HealthCheck, Phase, seed
from hypothesis import settings as settings_of_hypothesis
from schemathesis.checks import load_all_checks
from schemathesis.config import SchemathesisConfig
from schemathesis.generation.stateful import run_state_machine_as_test
from schemathesis.generation.stateful.state_machine import normalize_name
from schemathesis.pytest.lazy import get_all_tests

from controlplane.accounts.models import ApiToken, User, UserSession
from controlplane.accounts.roles import Role, Scope
from controlplane.accounts.second_factor.freshness import VERIFIED_AT
from controlplane.accounts.services import token_create, token_digest
from controlplane.api import api
from controlplane.api_links import CREATED
from tests.access import world
from tests.access.table import OPERATIONS

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.xdist_group("access-contract"),
    # The installation serves with ASGI; schemathesis asks a WSGI application, which reads the audit's export at once.
    pytest.mark.filterwarnings("ignore:StreamingHttpResponse must consume asynchronous iterators"),
]

MORE = bool(os.environ.get("API_EXAMPLES"))
EXAMPLES = int(os.environ.get("API_EXAMPLES") or 5)
SEED = int(os.environ.get("API_SEED") or 20261123)
SCENARIOS = 400 if MORE else 12
# Addresses with a name or an id that answered with a success.
FOLLOWED = 20 if MORE else 5
TOKEN = "lh_" + "t" * 43
SESSION, CSRF = "s" * 32, "c" * 32


@dataclass(frozen=True)
class Refusal:
    """A refusal of requests that their schema allows, and why no JSON Schema can say so.

    `operation` matches the whole label (`POST /people`), `message` the beginning of the error's message.
    """

    operation: str
    message: str
    why: str


REFUSALS = (
    Refusal("GET .*", "cursor: does not belong to this list", "only the list that gave a cursor knows it"),
    Refusal("(POST|PATCH) /people.*", "password: The password is easy", "strength is an estimate of guesses"),
    Refusal("PATCH /me", "password: The password is easy", "strength is an estimate of guesses"),
    Refusal("PATCH /me", "current password: incorrect", "only its digest is known"),
    Refusal("POST /me/verification", "password: incorrect", "only its digest is known"),
    Refusal("POST /me/verification", "The code is incorrect", "a code follows from a key and the time"),
    Refusal("POST /me/second-factors/totp", "code: ", "it follows from a key that the session keeps, and the time"),
    Refusal("POST /service-accounts", "owner: ", "who is here, and what they may do"),
    Refusal("POST /service-accounts", "role: ", "the bound is the owner's role"),
    Refusal("POST /(people|invitations|service-accounts)", "username: ", "which names are reserved, or look alike"),
    Refusal("POST /scenarios/{slug}/clone", "name: ", "which characters are letters"),
    Refusal("POST /scenarios", "", "YAML is text; and what adds up between the fields of a document"),
    Refusal("POST /recordings", "", "what is in the file"),
    Refusal("POST /recordings/{sha256}/(readings|beginning)", "", "which columns the file has"),
    Refusal(
        "POST /scenario-runs/{run_id}/speed",
        "events_per_second: Invalid value",
        "the bound is a multiple of the run's rate",
    ),
    Refusal("(POST|PUT) .*schedules.*", "cron: ", "which day of which month there is"),
    Refusal("(POST|PUT) .*schedules.*", "at: ", "the bounds move with the clock"),
    Refusal("POST /dag-runs", "conf", "a bound on texts at any depth"),
)


class Credentials:
    """A session for what no token may do, and a token for everything else."""

    def get(self, case: Any, context: Any) -> bool:
        return "session only" in case.operation.definition.raw["summary"]

    def set(self, case: Any, by_session: bool, context: Any) -> None:
        headers = {"X-CSRFToken": CSRF} if by_session else {"Authorization": f"Bearer {TOKEN}"}
        cookies = {settings.SESSION_COOKIE_NAME: SESSION, settings.CSRF_COOKIE_NAME: CSRF} if by_session else {}
        case.headers = {**(case.headers or {}), **headers}
        case.cookies = {**(case.cookies or {}), **cookies}


def filter_failure(context: Any, failure: Any, case: Any, response: Any) -> bool:
    """Drop what `REFUSALS` explains: a schema-valid request that is refused with that message."""
    if type(failure).__name__ != "RejectedPositiveData" or response.status_code not in (401, 422):
        return True
    message = response.json()["error"]["message"]
    label = case.operation.label.replace("/api/v1", "", 1)
    return not any(re.fullmatch(one.operation, label) and message.startswith(one.message) for one in REFUSALS)


def _schema() -> Any:
    """The description of the API as schemathesis reads it."""
    description = json.loads(json.dumps(api.get_openapi_schema()))
    generation = {
        "deterministic": True, "max-examples": EXAMPLES, "with-security-parameters": False, "database": "none",
    }  # fmt: skip
    # Neither 401 nor 403 nor 429: everything is asked for by an admin who may do it.
    accepted = {"expected-statuses": ["2xx", "404", "409"]}
    checks = {"positive_data_acceptance": accepted, "ignored_auth": {"enabled": MORE}}
    # Only the links of the description are followed, and none that names suggest.
    phases: dict[str, Any] = {"stateful": {"inference": {"algorithms": []}}}
    if not MORE:
        # Other methods than TRACE are in `test_matrix.py`, too.
        phases["coverage"] = {"unexpected-methods": ["trace"]}
    config = SchemathesisConfig.from_dict({"seed": SEED, "generation": generation, "checks": checks, "phases": phases})
    schema = schemathesis.openapi.from_dict(description, config=config)
    schema.app = get_wsgi_application()
    schema.auth(refresh_interval=None)(Credentials)
    schema.hook(filter_failure)
    return schema


@pytest.fixture(scope="module")
def sent() -> Iterator[Counter[str]]:
    """How many requests were sent; printed at the end."""
    counter: Counter[str] = Counter()
    yield counter
    found = sum(number for kind, number in counter.items() if kind in ("positive", "negative"))
    print(f"\n{found} requests with the seed {SEED}: {dict(counter)}")


@pytest.fixture(scope="module")
def alma(a_world: world.World) -> User:
    """An admin whose token and session are known before there is a database: schemathesis asks for them then."""
    admin = User.objects.create_user("alma.admin", password=world.PASSWORD, role=Role.ADMIN)
    row, _ = token_create(actor=admin, name="contract", scope=Scope.PEOPLE)
    ApiToken.objects.filter(pk=row.pk).update(digest=token_digest(TOKEN))
    client = Client()
    client.force_login(admin)
    session = client.session
    session[VERIFIED_AT] = timezone.now().timestamp() + 3600
    session.save()
    UserSession.objects.filter(user=admin).update(session_key=SESSION)
    return admin


def _asked(case: Any, alma: User, sent: Counter[str]) -> None:
    with transaction.atomic():
        try:
            response = case.call()
            sent.update([case.meta.generation.mode.value, str(response.status_code)])
            case.validate_response(response)
        finally:
            transaction.set_rollback(True)


@pytest.fixture(scope="module")
def contracts() -> dict[str, Callable[..., None]]:
    """What asks all requests of an operation, by the operation's id."""
    load_all_checks()
    made = [one.ok() for one in get_all_tests(schema=_schema(), test_func=_asked, settings=None, given_kwargs=None)]
    return {operation.definition.raw["operationId"]: ask for operation, ask in made}


# `test_matrix.py` shows that the table names every operation.
@pytest.mark.parametrize("name", OPERATIONS)
def test_an_operation_keeps_its_contract(
    name: str, contracts: dict[str, Callable[..., None]], alma: User, sent: Counter[str]
) -> None:
    contracts[name](alma=alma, sent=sent)


def _workflow(answers: Counter[str]) -> type[Any]:
    """Requests that follow from each other, in a world of their own. `answers` counts operations with their status."""
    machine = _schema().as_state_machine()
    # A scenario begins without a name or an id: the tests of single operations guess those.
    beginnings = {label for label in machine._root_labels if "{" not in label}
    guesses = {normalize_name(f"RANDOM -> {label}"): None for label in machine._root_labels - beginnings}

    class Workflow(type("Begun", (machine,), {**guesses, "_root_labels": frozenset(beginnings)})):  # type: ignore[misc]
        def setup(self) -> None:
            self._world = transaction.atomic()
            self._world.__enter__()

        def teardown(self) -> None:
            transaction.set_rollback(True)
            self._world.__exit__(None, None, None)

        def after_call(self, response: Any, case: Any) -> None:
            super().after_call(response, case)
            answers[f"{case.operation.label} {response.status_code}"] += 1

    return Workflow


def test_what_was_created_is_there_for_the_operations_that_its_links_name(alma: User) -> None:
    load_all_checks()
    found: Counter[str] = Counter()
    bounds = settings_of_hypothesis(
        phases=[Phase.generate], deadline=None, derandomize=True, database=None, max_examples=SCENARIOS,
        stateful_step_count=8, suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    run_state_machine_as_test(seed(SEED)(_workflow(found)), settings=bounds)
    answers = {label.removeprefix("/api/v1"): count for label, count in sorted(found.items())}
    print(f"\n{sum(answers.values())} requests of {SCENARIOS} scenarios with the seed {SEED}: {answers}")
    followed = {
        label.rpartition(" ")[0] for label in answers if label.rpartition(" ")[2].startswith("2") and "{" in label
    }
    assert len(followed) >= FOLLOWED, followed


def test_every_operation_that_creates_something_says_who_takes_it() -> None:
    """But for a key and codes, which no operation names."""
    created = {
        operation["operationId"]: bool(response.get("links"))
        for path in api.get_openapi_schema()["paths"].values()
        for operation in path.values()
        for status, response in operation["responses"].items()
        if str(status) in CREATED
    }
    assert {name for name, linked in created.items() if not linked} == {"draw_totp_key", "create_recovery_codes"}
