"""Users, tokens, sessions and the audit log in the REST API.

A token is limited to its scope: only `people` adds and changes users. No token can manage its owner's password, tokens
and sessions. These operations require a session of the web interface: they respond with 403 and `session_needed`
otherwise. The token of credentials.json is no exception: anyone who can read that file can sign in with its password.
"""

from typing import Any, Literal
from uuid import UUID

from django.http import Http404, HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404
from ninja import Query, Router, Status
from pydantic import Field

from controlplane.accounts import schemas
from controlplane.accounts.auditing.exporting import Format, audit_export
from controlplane.accounts.invitations import (
    email_change,
    invitation_renew,
    link_revoke,
    person_invite,
    reset_link_create,
)
from controlplane.accounts.managing import managed_link, managed_person, manager, owner_of_tokens
from controlplane.accounts.models import ApiToken, AuditEntry, User
from controlplane.accounts.names import normalised
from controlplane.accounts.requests import current_user, person_in_session
from controlplane.accounts.roles import Role
from controlplane.accounts.selectors import (
    AUDIT_ORDER,
    LINK_ORDER,
    PEOPLE_ORDERS,
    AuditQuery,
    account_links,
    audit,
    chain_status,
    marked_sessions,
    people,
    service_accounts_of,
    sessions_of,
    tokens_of,
)
from controlplane.accounts.service_accounts import owner_named, service_account_change, service_account_create
from controlplane.accounts.services import (
    all_sessions_end,
    person_change,
    person_create,
    session_end,
    session_needed,
    time_zone_change,
    token_create,
    token_revoke,
)
from controlplane.accounts.sessions import live_sessions
from controlplane.accounts.signing_in import own_password_change
from controlplane.accounts.single_sign_on.people import connect_refused, disconnect
from controlplane.errors import InvalidInputError
from controlplane.web.api_input import Cursor, Limit, Text
from controlplane.web.filters import ListQuery
from controlplane.web.ip_addresses import ip_address
from controlplane.web.paging import PAGE_SIZE, paginate

router = Router()


@router.get("/me", response=schemas.PersonOut, summary="Get the current user")
def me(request: HttpRequest) -> User:
    return current_user(request)


@router.patch("/me", response=schemas.PersonOut, summary="Change your password (session only) or time zone")
def change_me(request: HttpRequest, wanted: schemas.MePatch) -> User:
    person = current_user(request)
    if wanted.password is not None:
        own_password_change(request, person=person, current=wanted.current_password or "", password=wanted.password)
    if wanted.time_zone is not None:
        time_zone_change(actor=person, time_zone=wanted.time_zone)
    return person


@router.get("/me/tokens", response=schemas.Tokens, summary="List your tokens (session only)")
def my_tokens(request: HttpRequest) -> dict[str, Any]:
    return {"items": tokens_of(person_in_session(request, to="Listing tokens"))}


@router.post(
    "/me/tokens",
    response={201: schemas.TokenMade},
    summary="Create a token (session only); only this response contains it",
)
def make_token(request: HttpRequest, wanted: schemas.TokenIn) -> Status[Any]:
    row, text = token_create(actor=current_user(request), name=wanted.name, scope=wanted.scope, days=wanted.days)
    return Status(201, {**schemas.TokenOut.from_orm(row).dict(), "token": text})


@router.delete("/me/tokens/{token_id}", response={204: None}, summary="Revoke a token (session only)")
def end_token(request: HttpRequest, token_id: int) -> Status[None]:
    person = person_in_session(request, to="Revoking a token")
    token_revoke(actor=person, token=get_object_or_404(ApiToken, pk=token_id, owner=person))
    return Status(204, None)


@router.get("/me/sessions", response=schemas.Sessions, summary="List your sessions (session only)")
def my_sessions(request: HttpRequest) -> dict[str, Any]:
    return {"items": marked_sessions(request, person_in_session(request, to="Listing sessions"))}


@router.delete("/me/sessions", response={204: None}, summary="Sign out everywhere (session only)")
def end_my_sessions(request: HttpRequest) -> Status[None]:
    person = current_user(request)
    all_sessions_end(actor=person, person=person)
    return Status(204, None)


@router.delete("/me/sessions/{session_id}", response={204: None}, summary="End one of your sessions (session only)")
def end_my_session(request: HttpRequest, session_id: UUID) -> Status[None]:
    person = person_in_session(request, to="Ending a session")
    session_end(actor=person, session=get_object_or_404(sessions_of(person), public_id=session_id))
    return Status(204, None)


@router.get("/me/service-accounts", response=schemas.People, summary="List the service accounts that you own")
def my_service_accounts(request: HttpRequest) -> dict[str, Any]:
    return {"items": list(service_accounts_of(current_user(request))), "next": None}


@router.get("/people", response=schemas.People, summary="List users and service accounts (admins)")
def list_people(
    request: HttpRequest,
    text: Text = "",
    state: Literal["", "active", "invited", "deactivated", "service"] = "",
    sort: Literal["name", "last_sign_in", "newest"] = "name",
    cursor: Cursor = None,
    limit: Limit = PAGE_SIZE,
) -> dict[str, Any]:
    current_user(request, Role.ADMIN)
    page = paginate(people(text=text, state=state), order=PEOPLE_ORDERS[sort], cursor=cursor, size=limit)
    return {"items": page.items, "next": page.next}


@router.post(
    "/people",
    response={201: schemas.PersonOut},
    summary="Add a user with a password (admins, tokens with the scope people)",
)
def add_person(request: HttpRequest, wanted: schemas.PersonIn) -> Status[User]:
    person = person_create(
        actor=current_user(request), username=wanted.username, password=wanted.password, role=wanted.role
    )
    return Status(201, person)


@router.post(
    "/invitations",
    response={201: schemas.LinkMade},
    summary="Invite a user; only this response contains the link (admins, tokens with the scope people)",
)
def invite(request: HttpRequest, wanted: schemas.InvitationIn) -> Status[Any]:
    made = person_invite(actor=current_user(request), username=wanted.username, role=wanted.role, email=wanted.email)
    return Status(201, schemas.LinkMade.of(made))


@router.get("/account-links", response=schemas.Links, summary="List invitations and reset links, newest first (admins)")
def list_links(
    request: HttpRequest,
    kind: Literal["", "invitation", "reset"] = "",
    state: Literal["", "open", "used", "expired", "revoked"] = "",
    username: Text = "",
    cursor: Cursor = None,
    limit: Limit = PAGE_SIZE,
) -> dict[str, Any]:
    current_user(request, Role.ADMIN)
    rows = account_links(kind=kind, state=state, username=username)
    page = paginate(rows, order=LINK_ORDER, cursor=cursor, size=limit)
    return {"items": page.items, "next": page.next}


@router.delete(
    "/account-links/{link_id}", response={204: None}, summary="Revoke an invitation or a reset link (admins)"
)
def end_link(request: HttpRequest, link_id: UUID) -> Status[None]:
    link = managed_link(request, link_id, action="person.revoke-link")
    link_revoke(actor=current_user(request), link=link)
    return Status(204, None)


@router.patch(
    "/people/{username}",
    response=schemas.PersonOut,
    summary="Change the role, state or email of a user (admins, tokens with the scope people; no email with a token)",
)
def change_person(request: HttpRequest, username: Text, wanted: schemas.PersonPatch) -> User:
    actor, person = current_user(request), managed_person(request, username, action="person.change")
    # First, so that a rejected address changes nothing.
    if wanted.email is not None:
        email_change(actor=actor, person=person, email=wanted.email)
    if wanted.role is not None or wanted.active is not None:
        person_change(
            actor=actor,
            person=person,
            role=Role(person.role) if wanted.role is None else wanted.role,
            active=person.is_active if wanted.active is None else wanted.active,
        )
    return person


@router.post(
    "/people/{username}/invitation",
    response={201: schemas.LinkMade},
    summary="Replace the invitation of an invited user (admins, tokens with the scope people)",
)
def renew_invitation(request: HttpRequest, username: Text) -> Status[Any]:
    person = managed_person(request, username, action="person.invite")
    made = invitation_renew(actor=current_user(request), person=person)
    return Status(201, schemas.LinkMade.of(made))


@router.post(
    "/people/{username}/reset-link",
    response={201: schemas.LinkMade},
    summary="Create a password reset link for a user (admins, session only)",
)
def make_reset_link(request: HttpRequest, username: Text) -> Status[Any]:
    person = managed_person(request, username, action="person.reset-link")
    made = reset_link_create(actor=current_user(request), person=person)
    return Status(201, schemas.LinkMade.of(made))


@router.post("/service-accounts", response={201: schemas.PersonOut}, summary="Add a service account (admins)")
def add_service_account(request: HttpRequest, wanted: schemas.ServiceAccountIn) -> Status[User]:
    actor = manager(request, action="service-account.create", target=normalised(wanted.username))
    account = service_account_create(
        actor=actor,
        username=wanted.username,
        role=wanted.role,
        owner=owner_named(wanted.owner),
        description=wanted.description,
    )
    return Status(201, account)


@router.patch(
    "/service-accounts/{username}",
    response=schemas.PersonOut,
    summary="Change the owner or description of a service account (admins)",
)
def change_service_account(request: HttpRequest, username: Text, wanted: schemas.ServiceAccountPatch) -> User:
    actor = current_user(request)
    account = managed_person(request, username, action="service-account.change")
    owner = account.service_owner if wanted.owner is None else owner_named(wanted.owner)
    return service_account_change(
        actor=actor,
        account=account,
        owner=owner,
        description=account.description if wanted.description is None else wanted.description,
        revoke_tokens=wanted.revoke_tokens,
    )


@router.get(
    "/people/{username}/tokens",
    response=schemas.Tokens,
    summary="List the tokens of a user or service account (admins and the account's owner, session only)",
)
def list_tokens_of(request: HttpRequest, username: Text) -> dict[str, Any]:
    person_in_session(request, to="Listing tokens")
    return {"items": tokens_of(owner_of_tokens(request, username, action="token.create", target=""))}


@router.post(
    "/people/{username}/tokens",
    response={201: schemas.TokenMade},
    summary="Create a token for a service account (admins and its owner, session only); only this response contains it",
)
def make_token_for(request: HttpRequest, username: Text, wanted: schemas.TokenIn) -> Status[Any]:
    actor = current_user(request)
    owner = owner_of_tokens(request, username, action="token.create", target=wanted.name)
    row, text = token_create(actor=actor, name=wanted.name, scope=wanted.scope, days=wanted.days, owner=owner)
    return Status(201, {**schemas.TokenOut.from_orm(row).dict(), "token": text})


@router.delete(
    "/people/{username}/tokens/{token_id}",
    response={204: None},
    summary="Revoke a token of a user or service account (admins and the account's owner, session only)",
)
def end_token_of(request: HttpRequest, username: Text, token_id: int) -> Status[None]:
    actor = current_user(request)
    owner = owner_of_tokens(request, username, action="token.revoke", target=f"token {token_id}")
    token = ApiToken.objects.filter(pk=token_id, owner=owner).first()
    if token is None:
        session_needed(actor, "Revoking a token")
        raise Http404
    token_revoke(actor=actor, token=token)
    return Status(204, None)


@router.get(
    "/people/{username}/sessions",
    response=schemas.Sessions,
    summary="List the sessions of a user (admins, session only)",
)
def list_sessions_of(request: HttpRequest, username: Text) -> dict[str, Any]:
    person_in_session(request, Role.ADMIN, to="Listing sessions")
    return {"items": marked_sessions(request, get_object_or_404(User, username=username))}


@router.delete(
    "/people/{username}/sessions", response={204: None}, summary="Sign a user out everywhere (admins, session only)"
)
def end_sessions_of(request: HttpRequest, username: Text) -> Status[None]:
    person = managed_person(request, username, action="session.end-all")
    all_sessions_end(actor=current_user(request), person=person)
    return Status(204, None)


@router.delete(
    "/people/{username}/sessions/{session_id}",
    response={204: None},
    summary="End a session of a user (admins, session only)",
)
def end_session_of(request: HttpRequest, username: Text, session_id: UUID) -> Status[None]:
    actor = manager(request, action="session.end", target=username)
    session = get_object_or_404(live_sessions(), public_id=session_id, user__username=username)
    session_end(actor=actor, session=session)
    return Status(204, None)


@router.post(
    "/people/{username}/single-sign-on",
    response={204: None},
    summary="Connect a user with the account of a rejected sign-in (admins, session only)",
)
def single_sign_on_of(request: HttpRequest, username: Text, wanted: schemas.ConnectIn) -> Status[None]:
    actor, person = current_user(request), managed_person(request, username, action="person.connect-sso")
    connect_refused(actor=actor, person=person, refusal=get_object_or_404(AuditEntry, pk=wanted.sign_in))
    return Status(204, None)


@router.delete(
    "/people/{username}/single-sign-on",
    response={204: None},
    summary="Disconnect a user from single sign-on (admins, session only)",
)
def end_single_sign_on_of(request: HttpRequest, username: Text) -> Status[None]:
    person = managed_person(request, username, action="person.disconnect-sso")
    disconnect(actor=current_user(request), person=person)
    return Status(204, None)


_EXPORTED = {
    "text/csv": {"schema": {"type": "string"}},
    "application/jsonl": {"schema": {"type": "string"}},
}
_ADDRESSES: list[Any] = [{"format": "ipv4"}, {"format": "ipv6"}, {"const": ""}]


class AuditFilters(ListQuery):
    """The filters of the audit log."""

    actor: Text = Field("", description="The username.")
    action: Text = Field("", description="For example stream.start.")
    target: Text = Field("", description="Part of the name of the resource.")
    outcome: Text = ""
    request_id: Text = ""
    address: str = Field("", description="Only for admins.", json_schema_extra={"anyOf": _ADDRESSES})

    def query(self, reader: User) -> AuditQuery:
        """The filter.

        Raises:
            InvalidInputError: a field is invalid; the message names it.
        """
        given = {name: getattr(self, name) for name in ("actor", "action", "target", "outcome", "request_id")}
        address = ip_address(self.address.strip())
        if self.address and not address:
            raise InvalidInputError(
                f"address: {self.address[:45]!r} is not an IP address.", "Use an address such as 192.0.2.1."
            )
        return AuditQuery(**given, address=address, wanted=self.list_filter(reader))


@router.get("/audit", response=schemas.Audit, summary="List audit entries, newest first")
def list_audit(
    request: HttpRequest, asked: Query[AuditFilters], cursor: Cursor = None, limit: Limit = PAGE_SIZE
) -> dict[str, Any]:
    reader = current_user(request)
    query = asked.query(reader)
    page = paginate(audit(query, reader=reader), order=query.wanted.ordered(AUDIT_ORDER), cursor=cursor, size=limit)
    return {"items": [schemas.AuditOut.of(entry, reader=reader) for entry in page.items], "next": page.next}


@router.get(
    "/audit/export",
    summary="Export the filtered audit log as CSV or JSON Lines (admins); the export is audited",
    response={200: None},
    openapi_extra={"responses": {200: {"content": _EXPORTED}}},
)
def export_audit(request: HttpRequest, asked: Query[AuditFilters], format: Format = Format.JSONL) -> HttpResponseBase:
    person = current_user(request)
    return audit_export(actor=person, query=asked.query(person), kind=format)


@router.get(
    "/audit/verification", response=schemas.AuditChainOut, summary="Get the result of the last audit verification"
)
def audit_verification(request: HttpRequest) -> schemas.AuditChainOut:
    current_user(request)
    return schemas.AuditChainOut.of(chain_status())


@router.get("/audit/{uuid:entry_id}", response=schemas.AuditDetail, summary="Get an audit entry and its neighbours")
def get_audit(request: HttpRequest, entry_id: UUID) -> schemas.AuditDetail:
    reader = current_user(request)
    return schemas.AuditDetail.of(get_object_or_404(AuditEntry, pk=entry_id), reader=reader)
