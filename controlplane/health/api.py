"""The health of every service over the API."""

from typing import Any

from django.http import HttpRequest
from ninja import Router

from controlplane.health import schemas
from controlplane.health.selectors import overall, parts

router = Router()


@router.get("/health", response=schemas.Health, summary="Get the last known health of every service")
def health(request: HttpRequest) -> dict[str, Any]:
    known = parts()
    return {"state": overall(known), "parts": known}
