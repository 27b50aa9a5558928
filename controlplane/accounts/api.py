"""People, tokens, sessions and the audit over the API.

A token may do what its scope says, but nothing with passwords, tokens and sessions: these operations need a session of
the pages, and answer 403 with the code `session_needed` otherwise. There is no exception for the token of
credentials.json: whoever reads that file can sign in with the password that stands beside it.
"""

from typing import Any
from uuid import UUID

from django.http import HttpRequest
from django.shortcuts import get_object_or_404
from ninja import Query, Router, Status

from controlplane.accounts import schemas
from controlplane.accounts.models import ApiToken, User, UserSession
from controlplane.accounts.requests import person_in_session, person_of
from controlplane.accounts.roles import Role
from controlplane.accounts.selectors import AUDIT_ORDER, audit, marked_sessions, people, sessions_of, tokens_of
from controlplane.accounts.services import (
    all_sessions_end,
    password_reset,
    person_change,
    person_create,
    session_end,
    time_zone_change,
    token_create,
    token_revoke,
)
from controlplane.accounts.sessions import live_sessions
from controlplane.accounts.signing_in import own_password_change
from controlplane.web.api_input import Cursor, Limit, Text
from controlplane.web.filters import ListQuery
from controlplane.web.paging import PAGE_SIZE, paginate

router = Router()


@router.get("/me", response=schemas.PersonOut, summary="Who the token belongs to")
def me(request: HttpRequest) -> User:
    return person_of(request)


@router.patch("/me", response=schemas.PersonOut, summary="Change your own password (by session) or time zone")
def change_me(request: HttpRequest, wanted: schemas.MePatch) -> User:
    person = person_of(request)
    if wanted.password is not None:
        own_password_change(request, person=person, current=wanted.current_password or "", password=wanted.password)
    if wanted.time_zone is not None:
        time_zone_change(actor=person, time_zone=wanted.time_zone)
    return person


@router.get("/me/tokens", response=schemas.Tokens, summary="Your tokens (by session)")
def my_tokens(request: HttpRequest) -> dict[str, Any]:
    return {"items": list(tokens_of(person_in_session(request, to="Listing tokens")))}


@router.post(
    "/me/tokens",
    response={201: schemas.TokenMade},
    summary="Make a token (by session); its text is in this answer only",
)
def make_token(request: HttpRequest, wanted: schemas.TokenIn) -> Status[Any]:
    row, text = token_create(actor=person_of(request), name=wanted.name, scope=wanted.scope, days=wanted.days)
    return Status(201, {**schemas.TokenOut.from_orm(row).dict(), "token": text})


@router.delete("/me/tokens/{token_id}", response={204: None}, summary="Revoke a token (by session)")
def end_token(request: HttpRequest, token_id: int) -> Status[None]:
    person = person_in_session(request, to="Revoking a token")
    token_revoke(actor=person, token=get_object_or_404(ApiToken, pk=token_id, owner=person))
    return Status(204, None)


@router.get("/me/sessions", response=schemas.Sessions, summary="Your sessions (by session)")
def my_sessions(request: HttpRequest) -> dict[str, Any]:
    return {"items": marked_sessions(request, person_in_session(request, to="Listing sessions"))}


@router.delete("/me/sessions", response={204: None}, summary="Sign yourself out everywhere (by session)")
def end_my_sessions(request: HttpRequest) -> Status[None]:
    person = person_of(request)
    all_sessions_end(actor=person, person=person)
    return Status(204, None)


@router.delete("/me/sessions/{session_id}", response={204: None}, summary="End one of your sessions (by session)")
def end_my_session(request: HttpRequest, session_id: UUID) -> Status[None]:
    person = person_in_session(request, to="Ending a session")
    session_end(actor=person, session=get_object_or_404(sessions_of(person), public_id=session_id))
    return Status(204, None)


@router.get("/people", response=schemas.People, summary="Everybody who may or could sign in (admins)")
def list_people(
    request: HttpRequest, text: Text = "", cursor: Cursor = None, limit: Limit = PAGE_SIZE
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
def change_person(request: HttpRequest, username: Text, wanted: schemas.PersonPatch) -> User:
    actor = person_of(request)
    if not actor.has_role(Role.ADMIN):
        # Refused, and audited, without saying whether the name exists.
        person_change(actor=actor, person=User(username=username), role=Role.VIEWER, active=False)
    person = get_object_or_404(User, username=username)
    # First, so that a password that is refused leaves everything as it was.
    if wanted.password is not None:
        password_reset(actor=actor, person=person, password=wanted.password)
    if wanted.role is not None or wanted.active is not None:
        person_change(
            actor=actor,
            person=person,
            role=Role(person.role) if wanted.role is None else wanted.role,
            active=person.is_active if wanted.active is None else wanted.active,
        )
    return person


@router.get("/people/{username}/tokens", response=schemas.Tokens, summary="A person's tokens (admins, by session)")
def list_tokens_of(request: HttpRequest, username: Text) -> dict[str, Any]:
    person_in_session(request, Role.ADMIN, to="Listing tokens")
    return {"items": list(tokens_of(get_object_or_404(User, username=username)))}


@router.delete(
    "/people/{username}/tokens/{token_id}", response={204: None}, summary="Revoke a person's token (admins, by session)"
)
def end_token_of(request: HttpRequest, username: Text, token_id: int) -> Status[None]:
    actor = person_of(request)
    if not actor.has_role(Role.ADMIN) or actor.via_token is not None:
        # Refused, and audited, without saying whether there is such a token.
        token_revoke(actor=actor, token=ApiToken(pk=token_id, owner=User(username=username)))
    token_revoke(actor=actor, token=get_object_or_404(ApiToken, pk=token_id, owner__username=username))
    return Status(204, None)


@router.get(
    "/people/{username}/sessions", response=schemas.Sessions, summary="A person's sessions (admins, by session)"
)
def list_sessions_of(request: HttpRequest, username: Text) -> dict[str, Any]:
    person_in_session(request, Role.ADMIN, to="Listing sessions")
    return {"items": marked_sessions(request, get_object_or_404(User, username=username))}


@router.delete(
    "/people/{username}/sessions", response={204: None}, summary="Sign a person out everywhere (admins, by session)"
)
def end_sessions_of(request: HttpRequest, username: Text) -> Status[None]:
    actor = person_of(request)
    if not actor.has_role(Role.ADMIN) or actor.via_token is not None:
        # Refused, and audited, without saying whether the name exists.
        all_sessions_end(actor=actor, person=User(username=username))
    all_sessions_end(actor=actor, person=get_object_or_404(User, username=username))
    return Status(204, None)


@router.delete(
    "/people/{username}/sessions/{session_id}",
    response={204: None},
    summary="End a person's session (admins, by session)",
)
def end_session_of(request: HttpRequest, username: Text, session_id: UUID) -> Status[None]:
    actor = person_of(request)
    if not actor.has_role(Role.ADMIN) or actor.via_token is not None:
        # Refused, and audited, without saying whether there is such a session.
        session_end(actor=actor, session=UserSession(public_id=session_id, user=User(username=username)))
    session = get_object_or_404(live_sessions(), public_id=session_id, user__username=username)
    session_end(actor=actor, session=session)
    return Status(204, None)


@router.get("/audit", response=schemas.Audit, summary="Who did what to what, newest first")
def list_audit(
    request: HttpRequest,
    asked: Query[ListQuery],
    actor: Text = "",
    action: Text = "",
    outcome: Text = "",
    cursor: Cursor = None,
    limit: Limit = PAGE_SIZE,
) -> dict[str, Any]:
    reader = person_of(request)
    wanted = asked.narrowing(reader)
    rows = audit(reader=reader, actor=actor, action=action, outcome=outcome, wanted=wanted)
    page = paginate(rows, order=wanted.ordered(AUDIT_ORDER), cursor=cursor, size=limit)
    return {"items": [schemas.AuditOut.of(entry, reader=reader) for entry in page.items], "next": page.next}
