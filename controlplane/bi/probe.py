"""The health check of Streamlit, which serves the gold views."""

from pathlib import Path

import httpx
from django.conf import settings
from django.urls import reverse

from bi.serving import missing
from controlplane.health.models import PartState
from controlplane.health.reading import Reading
from spark_jobs.certificates import certificate_problem
from spark_jobs.tls import ssl_context

SECONDS = 3.0


def look() -> Reading:
    """Check our own Streamlit through its socket, or dashboards elsewhere by their response."""
    if settings.BI_URL.startswith("unix://"):
        problem = missing(Path(settings.BI_URL.removeprefix("unix://")), SECONDS)
        address = reverse("bi:index")
    else:
        problem, address = _missing_elsewhere(), settings.BI_URL
    if problem:
        return Reading(PartState.DOWN, f"Streamlit at {settings.BI_URL}: {problem}")
    return Reading(PartState.UP, "Healthy.", {"url": address})


def _missing_elsewhere() -> str:
    try:
        answer = httpx.get(
            settings.BI_URL, timeout=SECONDS, trust_env=False, follow_redirects=False, verify=ssl_context()
        )
    except httpx.HTTPError as error:
        return certificate_problem(error, "the dashboards", settings.BI_URL) or f"does not respond ({error})"
    return f"responds with status {answer.status_code}" if answer.is_server_error else ""
