"""What the API says about people and what they did."""

from datetime import datetime
from typing import Any
from uuid import UUID

from ninja import Field, Schema

from controlplane.accounts.roles import Role


class PersonOut(Schema):
    username: str
    role: Role
    active: bool = Field(alias="is_active")
    last_sign_in: datetime | None = Field(alias="last_login")
    time_zone: str


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
    created_at: datetime
    last_used_at: datetime | None
    revoked_at: datetime | None


class Tokens(Schema):
    items: list[TokenOut]
    next: str | None = None


class TokenIn(Schema):
    name: str


class TokenMade(TokenOut):
    token: str = Field(description="Shown here once and kept nowhere.")


class AuditOut(Schema):
    id: UUID
    at: datetime
    actor: str = Field(alias="actor_name")
    action: str
    target: str
    outcome: str
    detail: dict[str, Any] = Field(alias="facts")


class Audit(Schema):
    items: list[AuditOut]
    next: str | None
