"""The look at Streamlit, which serves the gold views."""

import httpx
from django.conf import settings

from controlplane.overview.models import PartState
from controlplane.overview.reading import Reading

SECONDS = 3.0


def look() -> Reading:
    """Ask for its health."""
    try:
        answer = httpx.get(f"{settings.BI_INTERNAL_URL}/_stcore/health", timeout=SECONDS)
        answer.raise_for_status()
    except httpx.HTTPError as error:
        return Reading(PartState.DOWN, f"Streamlit at {settings.BI_INTERNAL_URL} doesn't answer: {error}")
    return Reading(PartState.UP, "Streamlit answers.", {"url": settings.BI_URL})
