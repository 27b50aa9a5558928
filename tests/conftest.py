"""What every test has."""

import pytest
from pytest_django.fixtures import Settings

pytest_plugins = ["tests.stack"]


@pytest.fixture(autouse=True)
def _static_files_without_a_manifest(settings: Settings) -> None:
    """Pages name static files as they are: the hashed copies are made by an installation, which unit tests lack."""
    settings.STORAGES = {
        **settings.STORAGES,
        "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
    }
