"""What every test has."""

import os
from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth.signals import user_logged_in
from pytest_django.fixtures import Settings

from controlplane.accounts.second_factor.freshness import verified_now

# Here, so that it takes the place of pytest-django's own.
from tests.database import django_db_modify_db_settings as django_db_modify_db_settings

pytest_plugins = ["tests.adapters", "tests.browsing", "tests.neighbour", "tests.people", "tests.stack"]


@pytest.hookimpl(tryfirst=True)  # before pytest-xdist reads the groups
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what needs MinIO unless the tests' installation keeps its tables there (`make test-minio`).

    What uses the stack is kept in one worker: there is one stack, and its tests run one after another. What uses a
    Spark server alone is another such group, so that it goes on beside the stack. A module may name its own.
    """
    if os.environ.get("STORAGE") != "minio":
        left_out = [item for item in items if item.get_closest_marker("minio")]
        items[:] = [item for item in items if not item.get_closest_marker("minio")]
        config.hook.pytest_deselected(items=left_out)
    for item in items:
        if item.get_closest_marker("xdist_group"):
            continue
        if item.get_closest_marker("stack") or item.get_closest_marker("browser"):
            alone = "spark_remote" in getattr(item, "fixturenames", ())
            item.add_marker(pytest.mark.xdist_group("spark" if alone else "stack"))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say which faults were made: a fault test that made none has shown nothing."""
    reports = terminalreporter.getreports("passed") + terminalreporter.getreports("failed")
    made = [value for report in reports for name, value in report.user_properties if name == "fault"]
    if made:
        terminalreporter.write_sep("=", f"{len(made)} faults made")
        terminalreporter.write_line(", ".join(map(str, made)))


@pytest.fixture(autouse=True)
def _static_files_without_a_manifest(settings: Settings) -> None:
    """Pages name static files as they are: the hashed copies are made by an installation, which unit tests lack."""
    settings.STORAGES = {
        **settings.STORAGES,
        "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
    }


@pytest.fixture(autouse=True)
def _as_many_requests_as_wanted(settings: Settings) -> None:
    """One person of a test sends more requests in a minute than anybody else does."""
    settings.REQUESTS_PER_MINUTE = 0


@pytest.fixture(autouse=True, scope="session")
def _signed_in_is_verified() -> Iterator[None]:
    """A client of `force_login` has shown who it is, as after a sign-in; tests that want another time set it."""

    def verified(request: Any, **more: Any) -> None:
        verified_now(request)

    user_logged_in.connect(verified)
    yield
    user_logged_in.disconnect(verified)


@pytest.fixture(autouse=True)
def _passwords_hashed_fast(settings: Settings) -> None:
    """What makes guessing slow makes hundreds of tests slow too."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
