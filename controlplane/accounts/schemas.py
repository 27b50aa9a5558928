"""Schemas of users, tokens, sessions and the audit log."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from ninja import Field, Schema
from pydantic import ConfigDict

from controlplane.accounts.invitations import LONGEST_EMAIL, MadeLink
from controlplane.accounts.models import AuditEntry, Kind, User
from controlplane.accounts.names import LONGEST_NAME, NAME_PATTERN
from controlplane.accounts.passwords import LONGEST, SHORTEST
from controlplane.accounts.roles import Role, Scope
from controlplane.accounts.second_factor.factors import has_second_factor
from controlplane.accounts.second_factor.services import LONGEST_NAME as LONGEST_FACTOR_NAME
from controlplane.accounts.selectors import ChainStatus, audit_neighbours
from controlplane.accounts.service_accounts import LONGEST_DESCRIPTION
from controlplane.accounts.services import (
    LONGEST_TOKEN_NAME,
    TOKEN_DAYS,
    TOKEN_DAYS_AT_MOST,
    TOKEN_NAME,
    time_zones,
)
from controlplane.web.api_input import WITHOUT_NUL, Body, Text


class IdentityOut(Schema):
    """The identity of a user at the single sign-on provider. Issuer and subject identify the user."""

    issuer: str
    subject: str
    username: str = Field(description="As reported by the provider at the last sign-in.")
    since: datetime = Field(description="When the identity was connected.")


class PersonOut(Schema):
    username: str
    kind: Kind = Field(description="A service account has only tokens and never signs in.")
    role: Role
    state: Literal["active", "invited", "deactivated"]
    active: bool = Field(alias="is_active")
    email: str = Field(description="The address for invitations and reset links; may be empty.")
    owner: str | None = Field(alias="service_owner.username", default=None, description="Only for service accounts.")
    orphaned: bool = Field(
        alias="is_orphaned", description="Whether a service account has no active owner. Its tokens are rejected."
    )
    description: str = Field(description="Only for service accounts.")
    last_sign_in: datetime | None = Field(alias="last_login")
    time_zone: str
    signs_in_with: list[Literal["password", "single-sign-on"]]
    identity: IdentityOut | None
    second_factor: bool = Field(description="Whether two-step verification is on.")

    @staticmethod
    def resolve_second_factor(person: User) -> bool:
        known: bool | None = getattr(person, "two_step", None)
        return has_second_factor(person) if known is None else known


class People(Schema):
    items: list[PersonOut]
    next: str | None


NewPassword = Annotated[
    str,
    Field(
        json_schema_extra={"minLength": SHORTEST, "maxLength": LONGEST, "format": "password"},
        description="Must be hard to guess: a zxcvbn score of at least 3 of 4.",
    ),
]
NewName = Annotated[
    str,
    Field(
        json_schema_extra={"minLength": 1, "maxLength": LONGEST_NAME, "pattern": NAME_PATTERN},
        description="Letters of one script. Must not be reserved, in use, or similar to a name in use.",
    ),
]
# Of an address: most of what Django's `EmailValidator` accepts.
_LOCAL, _LABEL = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+", "[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
Email = Annotated[
    str,
    Field(
        json_schema_extra={
            "maxLength": LONGEST_EMAIL,
            "pattern": rf"^({_LOCAL}(\.{_LOCAL})*@({_LABEL}\.)+[A-Za-z]{{2,63}})?$",
        }
    ),
]
Description = Annotated[Text, Field(json_schema_extra={"maxLength": LONGEST_DESCRIPTION, "pattern": WITHOUT_NUL})]


def _one_of_time_zones(schema: dict[str, Any]) -> None:
    schema["enum"] = sorted(time_zones())


TimeZone = Annotated[str, Field(json_schema_extra=_one_of_time_zones)]


class ConnectIn(Body):
    sign_in: UUID = Field(description="The id of the rejected `person.sign-in` in the audit log.")


class PersonIn(Body):
    username: NewName
    password: NewPassword
    role: Role = Role.VIEWER


class PersonPatch(Body):
    model_config = ConfigDict(extra="forbid")

    role: Role | None = None
    active: bool | None = None
    email: Email | None = Field(None, description="The address for invitations and reset links (session only).")


class InvitationIn(Body):
    username: NewName
    role: Role = Role.VIEWER
    email: Email = Field("", description="The invitation is also sent to this address, if mail is configured.")


class AccountLinkOut(Schema):
    id: UUID
    kind: Literal["invitation", "reset"]
    person: str = Field(alias="person.username")
    state: Literal["open", "used", "expired", "revoked"]
    created_at: datetime
    created_by: str = Field(alias="created_by_name")
    expires_at: datetime
    used_at: datetime | None
    revoked_at: datetime | None


class LinkMade(AccountLinkOut):
    url: str = Field(description="Shown once and not stored. The link can be used once.")
    mailed_to: str = Field(description="The address to which the link was sent; empty if it was not sent.")
    mail_problem: str = Field(description="Why the link could not be sent.")

    @classmethod
    def of(cls, made: MadeLink) -> "LinkMade":
        shown = AccountLinkOut.from_orm(made.link).dict()
        return cls.model_construct(**shown, url=made.url, mailed_to=made.mailed_to, mail_problem=made.mail_problem)


class Links(Schema):
    items: list[AccountLinkOut]
    next: str | None


class ServiceAccountIn(Body):
    username: NewName
    role: Role = Role.VIEWER
    owner: Text = Field(description="An active operator or admin whose role includes the role of the account.")
    description: Description = ""


class ServiceAccountPatch(Body):
    model_config = ConfigDict(extra="forbid")

    owner: Text | None = None
    description: Description | None = None
    revoke_tokens: bool | None = Field(
        None, description="Default: true if the owner changes, since the former owner may know the tokens."
    )


class MePatch(Body):
    model_config = ConfigDict(json_schema_extra={"dependentRequired": {"password": ["current_password"]}})

    time_zone: TimeZone | None = None
    current_password: str | None = None
    password: NewPassword | None = None


class TokenOut(Schema):
    id: int
    name: str
    hint: str
    scope: Scope = Field(description="The maximum permissions of the token; never more than its owner's.")
    state: Literal["valid", "expired", "revoked"]
    created_at: datetime
    expires_at: datetime
    last_used_at: datetime | None
    last_used_from: str | None = Field(description="The IP address of the last use.")
    revoked_at: datetime | None
    warnings: list[Literal["expires_soon", "unused"]] = Field(
        description="Warnings for a valid token: it expires within 14 days, or was not used for 90 days."
    )


class Tokens(Schema):
    items: list[TokenOut]
    next: str | None = None


class TokenIn(Body):
    name: str = Field(
        json_schema_extra={"minLength": 1, "maxLength": LONGEST_TOKEN_NAME, "pattern": TOKEN_NAME},
        description="Must differ from the names of the owner's other valid tokens.",
    )
    scope: Scope = Scope.READ
    days: int = Field(
        TOKEN_DAYS,
        json_schema_extra={"minimum": 1, "maximum": TOKEN_DAYS_AT_MOST},
        description="Days until the token expires.",
    )


class TokenMade(TokenOut):
    token: str = Field(description="Shown once and not stored.")


class SessionOut(Schema):
    id: UUID = Field(alias="public_id")
    created_at: datetime
    last_used_at: datetime
    expires_at: datetime = Field(
        alias="expire_date", description="When the session expires without activity. Activity extends it."
    )
    address: str | None = Field(description="The IP address of the sign-in.")
    user_agent: str
    this_one: bool = Field(description="Whether this is the session of the request.")


class Sessions(Schema):
    items: list[SessionOut]
    next: str | None = None


class FactorOut(Schema):
    id: int
    # Under its own name it would be the same component of the description as a person's kind.
    kind: Literal["totp", "passkey"]
    name: str
    created_at: datetime
    last_used_at: datetime | None


class Factors(Schema):
    items: list[FactorOut]
    recovery_codes_left: int | None = Field(description="Null without a second factor.")
    required: bool = Field(description="Whether REQUIRE_SECOND_FACTOR requires a second factor of this user.")
    next: str | None = None


def _given(name: str) -> dict[str, Any]:
    """The JSON Schema of a body that has a text of this name which is not empty."""
    return {"required": [name], "properties": {name: {"minLength": 1}}}


class TotpKey(Schema):
    key: str = Field(description="The key for an authenticator app, in base32.")
    uri: str = Field(description="The key as an otpauth URI, for a QR code.")


class CodeIn(Body):
    code: str = Field(description="The 6-digit code of the app.")


class FactorMade(FactorOut):
    recovery_codes: list[str] = Field(description="Returned once, with the first factor; otherwise empty.")


class FactorPatch(Body):
    name: str = Field(json_schema_extra={"minLength": 1, "maxLength": LONGEST_FACTOR_NAME, "pattern": TOKEN_NAME})


class RecoveryCodes(Schema):
    recovery_codes: list[str] = Field(description="Shown once. Each code can be used once.")


class VerificationIn(Body):
    """Either `password` or `code`."""

    model_config = ConfigDict(json_schema_extra={"anyOf": [_given("password"), _given("code")]})

    password: str = ""
    code: str = Field("", description="A code of the authenticator app or a recovery code, instead of the password.")


class AuditOut(Schema):
    id: UUID
    sequence: int = Field(description="The position in the chain: 1, 2, 3, … without gaps.")
    at: datetime
    actor: str
    action: str
    target: str
    outcome: str
    detail: dict[str, Any] = Field(
        description="Addresses and tokens are only included for admins and for the acting user."
    )
    before: dict[str, Any] | None = Field(
        description="The changed fields before the action; null if the action created the object."
    )
    after: dict[str, Any] | None = Field(
        description="The changed fields after the action; null if the action deleted the object."
    )
    via: str = Field(
        description="How the actor was authenticated: session, token, anonymous (signing in), worker or command. Empty "
        "for entries from before this was recorded."
    )
    credential: str | None = Field(description="The session id or the token. Only for admins and for the acting user.")
    address: str | None = Field(description="The client's IP address. Only for admins and for the acting user.")
    request_id: str
    previous_hash: str
    hash: str = Field(description="SHA-256 of the canonical form of the entry, as specified in docs/audit.md.")

    @classmethod
    def of(cls, entry: AuditEntry, *, reader: User) -> "AuditOut":
        return cls(**_audit_fields(entry, reader))


def _audit_fields(entry: AuditEntry, reader: User) -> dict[str, Any]:
    shown = entry.shows_origin_to(reader)
    before, after = entry.changed_for(reader)
    return {
        "id": entry.id,
        "sequence": entry.sequence,
        "at": entry.at,
        "actor": entry.actor_name,
        "action": entry.action,
        "target": entry.target_for(reader),
        "outcome": entry.outcome,
        "detail": entry.facts_for(reader),
        "before": before,
        "after": after,
        "via": entry.via,
        "credential": entry.credential if shown else None,
        "address": entry.address if shown else None,
        "request_id": entry.request_id,
        "previous_hash": entry.previous_hash,
        "hash": entry.hash,
    }


class AuditDetail(AuditOut):
    previous: UUID | None = Field(description="The previous entry in the chain.")
    next: UUID | None = Field(description="The next entry in the chain.")

    @classmethod
    def of(cls, entry: AuditEntry, *, reader: User) -> "AuditDetail":
        previous, following = audit_neighbours(entry)
        return cls(
            **_audit_fields(entry, reader),
            previous=previous.id if previous else None,
            next=following.id if following else None,
        )


class Audit(Schema):
    items: list[AuditOut]
    next: str | None


class AuditProblem(Schema):
    sequence: int
    kind: str = Field(description="changed, missing, moved, replaced or unexpected.")
    message: str


class AuditChainOut(Schema):
    state: str = Field(description="succeeded, failed, or unknown (never verified, or too long ago).")
    checked_at: datetime | None
    complete_at: datetime | None = Field(description="When the complete chain was last verified.")
    sequence: int | None = Field(description="The last verified row.")
    hash: str | None
    problem: AuditProblem | None = Field(description="The first invalid row.")

    @classmethod
    def of(cls, status: ChainStatus) -> "AuditChainOut":
        row = status.verification
        return cls(
            state=status.state,
            checked_at=row.checked_at if row else None,
            complete_at=row.complete_at if row else None,
            sequence=row.sequence if row else None,
            hash=row.hash if row else None,
            problem=AuditProblem(**row.problem) if row and row.problem else None,
        )
