"""What the API says about people and what they did."""

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from ninja import Field, Schema

from controlplane.accounts.models import AuditEntry, User
from controlplane.accounts.roles import Role, Scope
from controlplane.accounts.second_factor.factors import Kind, has_second_factor
from controlplane.accounts.services import TOKEN_DAYS, TOKEN_DAYS_AT_MOST


class PersonOut(Schema):
    username: str
    role: Role
    active: bool = Field(alias="is_active")
    last_sign_in: datetime | None = Field(alias="last_login")
    time_zone: str
    second_factor: bool = Field(description="Whether signing in takes a second step.")

    @staticmethod
    def resolve_second_factor(person: User) -> bool:
        known: bool | None = getattr(person, "two_step", None)
        return has_second_factor(person) if known is None else known


class People(Schema):
    items: list[PersonOut]
    next: str | None


class PersonIn(Schema):
    username: str
    password: str
    role: Role = Role.VIEWER


class PersonPatch(Schema):
    role: Role | None = None
    active: bool | None = None
    password: str | None = None


class MePatch(Schema):
    time_zone: str | None = None
    current_password: str | None = None
    password: str | None = None


class TokenOut(Schema):
    id: int
    name: str
    hint: str
    scope: Scope = Field(description="The most that it may do; never more than its owner.")
    state: Literal["valid", "expired", "revoked"]
    created_at: datetime
    expires_at: datetime | None = Field(description="Null only for the token of credentials.json.")
    last_used_at: datetime | None
    revoked_at: datetime | None


class Tokens(Schema):
    items: list[TokenOut]
    next: str | None = None


class TokenIn(Schema):
    name: str
    scope: Scope = Scope.READ
    days: int = Field(TOKEN_DAYS, description=f"It expires after so many days: 1 to {TOKEN_DAYS_AT_MOST}.")


class TokenMade(TokenOut):
    token: str = Field(description="Shown here once and kept nowhere.")


class SessionOut(Schema):
    id: UUID = Field(alias="public_id")
    created_at: datetime
    last_used_at: datetime
    expires_at: datetime = Field(alias="expire_date", description="Without activity; activity moves it.")
    address: str | None = Field(description="Where the person signed in from.")
    user_agent: str
    this_one: bool = Field(description="Whether this request came with it.")


class Sessions(Schema):
    items: list[SessionOut]
    next: str | None = None


class FactorOut(Schema):
    id: int
    kind: Kind
    name: str
    created_at: datetime
    last_used_at: datetime | None


class Factors(Schema):
    items: list[FactorOut]
    recovery_codes_left: int | None = Field(description="Null without any second factor.")
    required: bool = Field(description="Whether REQUIRE_SECOND_FACTOR asks this person for one.")
    next: str | None = None


class TotpKey(Schema):
    key: str = Field(description="For an authenticator app, in base32.")
    uri: str = Field(description="The same as an otpauth address, which QR codes hold.")


class CodeIn(Schema):
    code: str


class FactorMade(FactorOut):
    recovery_codes: list[str] = Field(description="With the first factor: shown here once. Empty otherwise.")


class FactorPatch(Schema):
    name: str


class RecoveryCodes(Schema):
    recovery_codes: list[str] = Field(description="Shown here once. Each works once.")


class VerificationIn(Schema):
    password: str = ""
    code: str = Field("", description="Of your authenticator app, or a recovery code; instead of the password.")


class AuditOut(Schema):
    id: UUID
    at: datetime
    actor: str
    action: str
    target: str
    outcome: str
    detail: dict[str, Any] = Field(description="Addresses are for admins, and in rows about oneself.")

    @classmethod
    def of(cls, entry: AuditEntry, *, reader: User) -> "AuditOut":
        return cls(
            id=entry.id,
            at=entry.at,
            actor=entry.actor_name,
            action=entry.action,
            target=entry.target,
            outcome=entry.outcome,
            detail=entry.facts_for(reader),
        )


class Audit(Schema):
    items: list[AuditOut]
    next: str | None
