"""Every program behind the gateway by every method and every kind of visitor, as `table.py` says."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from django.utils import timezone
from pytest_django.fixtures import Settings

from controlplane.accounts.models import User, UserSession
from controlplane.accounts.roles import Role, Scope
from controlplane.accounts.services import token_create
from controlplane.gateway.upstreams import Upstream, upstreams
from tests.access.table import UPSTREAMS
from tests.gateway.visiting import Visit, cookie_of, run
from tests.gateway.visiting import known as known
from tests.gateway.visiting import place as place
from tests.people import visitor

pytestmark = pytest.mark.django_db(transaction=True)

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")


def _headers(settings: Settings) -> dict[str, tuple[Role | None, dict[str, str]]]:
    """What each visitor sends, with the role that counts; None for who is nobody here."""
    found: dict[str, tuple[Role | None, dict[str, str]]] = {"anonymous": (None, {})}
    for role in Role:
        found[f"{role} in a session"] = (role, {"Cookie": cookie_of(role, settings)})
    token = token_create(actor=User.objects.get(username=Role.ADMIN.value), name="gateway", scope=Scope.ADMIN)[1]
    found["admin by token"] = (None, {"Authorization": f"Bearer {token}"})
    lost: dict[str, Callable[[User], object]] = {
        "expired": lambda who: UserSession.objects.filter(user=who).update(
            expire_date=timezone.now() - timedelta(seconds=1)
        ),
        "deactivated": lambda who: User.objects.filter(pk=who.pk).update(is_active=False),
    }
    for name, lose in lost.items():
        who = User.objects.create_user(name, role=Role.ADMIN)
        key = visitor(who).cookies[settings.SESSION_COOKIE_NAME].value
        lose(who)
        found[name] = (None, {"Cookie": f"{settings.SESSION_COOKIE_NAME}={key}"})
    return found


def test_the_gateway(known: list[Upstream], place: Path, settings: Settings, admin_user: User) -> None:
    settings.PROMETHEUS_INTERNAL_URL = "http://127.0.0.1:9090/prometheus/"
    known = upstreams()
    assert {one.prefix: one.role for one in known} == UPSTREAMS
    visitors, wrong, cells = _headers(settings), [], 0

    async def visit(there: Visit) -> None:
        nonlocal cells
        for prefix, least in UPSTREAMS.items():
            for name, (role, headers) in visitors.items():
                for method in METHODS:
                    answer = await there.get(f"{prefix}page", method=method, **headers)
                    cells += 1
                    refused = 401 if role is None else 403 if not role.includes(least) else 0
                    served = 200 if method in ("GET", "HEAD") else 405
                    # A method that isn't passed on may be said before or after who asks.
                    accepted = {refused or served} | ({405} if served == 405 else set())
                    if answer.status_code not in accepted:
                        wrong.append(f"{method} {prefix} by {name}: {answer.status_code}, expected {accepted}")
        passed = [role for role, _ in visitors.values() if role]
        expected = sum(2 for least in UPSTREAMS.values() for role in passed if role.includes(least))
        assert len(there.echo.requests) == expected

    run([replace(one, address=f"unix://{place / 'bi.sock'}") for one in known], place, visit)
    assert not wrong, "\n".join(wrong)
    print(f"\n{cells} cells at the gateway")
