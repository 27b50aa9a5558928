"""People, tokens and the audit over the API."""

from typing import Any

from django.http import HttpRequest
from django.shortcuts import get_object_or_404
from ninja import Query, Router, Status

from controlplane.accounts import schemas
from controlplane.accounts.models import ApiToken, User
from controlplane.accounts.requests import person_of
from controlplane.accounts.roles import Role
from controlplane.accounts.selectors import AUDIT_ORDER, audit, people
from controlplane.accounts.services import (
    password_change,
    password_reset,
    person_change,
    person_create,
    time_zone_change,
    token_create,
    token_revoke,
)
from controlplane.web.filters import ListQuery
from controlplane.web.paging import PAGE_SIZE, paginate

router = Router()


@router.get("/me", response=schemas.PersonOut, summary="Who the token belongs to")
def me(request: HttpRequest) -> User:
    return person_of(request)


@router.patch("/me", response=schemas.PersonOut, summary="Change your own password or time zone")
def change_me(request: HttpRequest, wanted: schemas.MePatch) -> User:
    person = person_of(request)
    if wanted.password is not None:
        password_change(actor=person, current=wanted.current_password or "", password=wanted.password)
    if wanted.time_zone is not None:
        time_zone_change(actor=person, time_zone=wanted.time_zone)
    return person


@router.get("/me/tokens", response=schemas.Tokens, summary="Your tokens")
def my_tokens(request: HttpRequest) -> dict[str, Any]:
    return {"items": list(ApiToken.objects.filter(owner=person_of(request)).order_by("-created_at", "-pk"))}


@router.post("/me/tokens", response={201: schemas.TokenMade}, summary="Make a token; its text is in this answer only")
def make_token(request: HttpRequest, wanted: schemas.TokenIn) -> Status[Any]:
    row, text = token_create(actor=person_of(request), name=wanted.name)
    return Status(201, {**schemas.TokenOut.from_orm(row).dict(), "token": text})


@router.delete("/me/tokens/{token_id}", response={204: None}, summary="Revoke a token")
def end_token(request: HttpRequest, token_id: int) -> Status[None]:
    person = person_of(request)
    token_revoke(actor=person, token=get_object_or_404(ApiToken, pk=token_id, owner=person))
    return Status(204, None)


@router.get("/people", response=schemas.People, summary="Everybody who may or could sign in (admins)")
def list_people(
    request: HttpRequest, text: str = "", cursor: str | None = None, limit: int = PAGE_SIZE
) -> dict[str, Any]:
    person_of(request, Role.ADMIN)
    page = paginate(people(text=text), order=("username",), cursor=cursor, size=limit)
    return {"items": page.items, "next": page.next}


@router.post("/people", response={201: schemas.PersonOut}, summary="Add a person (admins)")
def add_person(request: HttpRequest, wanted: schemas.PersonIn) -> Status[User]:
    person = person_create(
        actor=person_of(request), username=wanted.username, password=wanted.password, role=wanted.role
    )
    return Status(201, person)


@router.patch("/people/{username}", response=schemas.PersonOut, summary="Change role, activity or password (admins)")
def change_person(request: HttpRequest, username: str, wanted: schemas.PersonPatch) -> User:
    actor = person_of(request)
    if not actor.has_role(Role.ADMIN):
        # Refused, and audited, without saying whether the name exists.
        person_change(actor=actor, person=User(username=username), role=Role.VIEWER, active=False)
    person = get_object_or_404(User, username=username)
    if wanted.role is not None or wanted.active is not None:
        person_change(
            actor=actor,
            person=person,
            role=Role(person.role) if wanted.role is None else wanted.role,
            active=person.is_active if wanted.active is None else wanted.active,
        )
    if wanted.password is not None:
        password_reset(actor=actor, person=person, password=wanted.password)
    return person


@router.get("/people/{username}/tokens", response=schemas.Tokens, summary="A person's tokens (admins)")
def tokens_of(request: HttpRequest, username: str) -> dict[str, Any]:
    person_of(request, Role.ADMIN)
    owner = get_object_or_404(User, username=username)
    return {"items": list(ApiToken.objects.filter(owner=owner).order_by("-created_at", "-pk"))}


@router.delete("/people/{username}/tokens/{token_id}", response={204: None}, summary="Revoke a person's token (admins)")
def end_token_of(request: HttpRequest, username: str, token_id: int) -> Status[None]:
    actor = person_of(request)
    if not actor.has_role(Role.ADMIN):
        # Refused, and audited, without saying whether there is such a token.
        token_revoke(actor=actor, token=ApiToken(pk=token_id, owner=User(username=username)))
    token_revoke(actor=actor, token=get_object_or_404(ApiToken, pk=token_id, owner__username=username))
    return Status(204, None)


@router.get("/audit", response=schemas.Audit, summary="Who did what to what, newest first")
def list_audit(
    request: HttpRequest,
    asked: Query[ListQuery],
    actor: str = "",
    action: str = "",
    outcome: str = "",
    cursor: str | None = None,
    limit: int = PAGE_SIZE,
) -> dict[str, Any]:
    wanted = asked.narrowing(person_of(request))
    rows = audit(actor=actor, action=action, outcome=outcome, wanted=wanted)
    page = paginate(rows, order=wanted.ordered(AUDIT_ORDER), cursor=cursor, size=limit)
    return {"items": page.items, "next": page.next}
