"""Reference pages that are generated from the code when the site is built; none of them is committed.

Each module writes the page of its name. The modules import the control plane and the jobs, which `compose` must not do.
They are not part of the product. Therefore they are beside the other pages of the documentation.
"""

import os
from collections.abc import Callable

import django

# Reading settings and schemas needs no installation, no database and no secret.
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "controlplane.settings")
os.environ.setdefault("DJANGO_WITHOUT_SECRETS", "1")
django.setup()

from docs.reference import metrics, rest_api, scenario_document, settings, tables  # noqa: E402

PAGES: dict[str, Callable[[], str]] = {
    "reference/settings.md": settings.page,
    "reference/rest-api.md": rest_api.page,
    "reference/scenario-document.md": scenario_document.page,
    "reference/tables.md": tables.page,
    "reference/metrics.md": metrics.page,
}
