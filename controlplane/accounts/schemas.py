"""What the API says about people and what they did."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from ninja import Field, Schema
from pydantic import ConfigDict

from controlplane.accounts.models import AuditEntry, User
from controlplane.accounts.names import LONGEST_NAME, NAME_PATTERN
from controlplane.accounts.passwords import LONGEST, SHORTEST
from controlplane.accounts.roles import Role, Scope
from controlplane.accounts.services import (
    LONGEST_TOKEN_NAME,
    TOKEN_DAYS,
    TOKEN_DAYS_AT_MOST,
    TOKEN_NAME,
    time_zones,
)
from controlplane.web.api_input import Body


class PersonOut(Schema):
    username: str
    role: Role
    active: bool = Field(alias="is_active")
    last_sign_in: datetime | None = Field(alias="last_login")
    time_zone: str


class People(Schema):
    items: list[PersonOut]
    next: str | None


NewPassword = Annotated[
    str,
    Field(
        json_schema_extra={"minLength": SHORTEST, "maxLength": LONGEST, "format": "password"},
        description="Hard to guess: zxcvbn's score has to be 3 of 4.",
    ),
]


def _one_of_time_zones(schema: dict[str, Any]) -> None:
    schema["enum"] = sorted(time_zones())


TimeZone = Annotated[str, Field(json_schema_extra=_one_of_time_zones)]


class PersonIn(Body):
    username: str = Field(
        json_schema_extra={"minLength": 1, "maxLength": LONGEST_NAME, "pattern": NAME_PATTERN},
        description="Letters of one script; not reserved, taken or like a name that is taken.",
    )
    password: NewPassword
    role: Role = Role.VIEWER


class PersonPatch(Body):
    role: Role | None = None
    active: bool | None = None
    password: NewPassword | None = None


class MePatch(Body):
    model_config = ConfigDict(json_schema_extra={"dependentRequired": {"password": ["current_password"]}})

    time_zone: TimeZone | None = None
    current_password: str | None = None
    password: NewPassword | None = None


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


class TokenIn(Body):
    name: str = Field(
        json_schema_extra={"minLength": 1, "maxLength": LONGEST_TOKEN_NAME, "pattern": TOKEN_NAME},
        description="Unlike the names of your other valid tokens.",
    )
    scope: Scope = Scope.READ
    days: int = Field(
        TOKEN_DAYS,
        json_schema_extra={"minimum": 1, "maximum": TOKEN_DAYS_AT_MOST},
        description="It expires after so many days.",
    )


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


class AuditOut(Schema):
    id: UUID
    at: datetime
    actor: str
    action: str
    target: str
    outcome: str
    detail: dict[str, Any] = Field(description="Addresses and tokens are for admins, and in rows about oneself.")

    @classmethod
    def of(cls, entry: AuditEntry, *, reader: User) -> "AuditOut":
        return cls(
            id=entry.id,
            at=entry.at,
            actor=entry.actor_name,
            action=entry.action,
            target=entry.target_for(reader),
            outcome=entry.outcome,
            detail=entry.facts_for(reader),
        )


class Audit(Schema):
    items: list[AuditOut]
    next: str | None
