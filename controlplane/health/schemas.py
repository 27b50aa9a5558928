"""What the API says about the system's health."""

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
    state: str = Field(description="The worst of the parts: up, degraded, down or unknown.")
    parts: list[PartOut]
