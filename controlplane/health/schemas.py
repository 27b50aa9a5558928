"""Schemas of the health operation."""

from datetime import datetime

from ninja import Field, Schema


class PartOut(Schema):
    part: str = Field(alias="name")
    state: str
    summary: str
    since: datetime | None
    observed_at: datetime | None
    address: str


class Health(Schema):
    state: str = Field(description="The worst state of all services: up, degraded, down or unknown.")
    parts: list[PartOut]
