"""What every test has."""

import os
from collections.abc import Iterator
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.contrib.auth.signals import user_logged_in
from django.test import override_settings
from django.test.client import ClientHandler
from pytest_django.fixtures import Settings

from controlplane.accounts.second_factor.freshness import verified_now

# Here, so that it takes the place of pytest-django's own.
from tests.database import django_db_modify_db_settings as django_db_modify_db_settings
from tests.scheduling import ModuleScheduling, by_length, sendable

pytest_plugins = [
    "tests.adapters",
    "tests.browsing",
    "tests.neighbour",
    "tests.people",
    "tests.stack",
    "tests.streaming.broker",
    "tests.touring",
]


@pytest.hookimpl(tryfirst=True)  # before pytest-xdist reads the groups
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what needs MinIO unless the tests' installation keeps its tables there (`make test-minio`).

    What uses the stack is kept in one worker: there is one stack, and its tests run one after another. What uses a
    Spark server alone, and what uses a broker alone, are other such groups, so that they go on beside the stack. A
    module may name its own, and is a unit of work by itself where it doesn't (see scheduling.py).
    """
    if os.environ.get("STORAGE") != "minio":
        left_out = [item for item in items if item.get_closest_marker("minio")]
        items[:] = [item for item in items if not item.get_closest_marker("minio")]
        config.hook.pytest_deselected(items=left_out)
    for item in items:
        if item.get_closest_marker("xdist_group"):
            continue
        if item.get_closest_marker("stack") or item.get_closest_marker("browser"):
            fixtures = getattr(item, "fixturenames", ())
            alone = "spark" if "spark_remote" in fixtures else "kafka" if "kafka" in fixtures else ""
            item.add_marker(pytest.mark.xdist_group(alone or "stack"))
    if hasattr(config, "workerinput"):
        items[:] = by_length(items)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> ModuleScheduling | None:
    """Units of work of our own where tests are distributed by group (`--dist loadgroup`)."""
    return ModuleScheduling(config, log) if config.getvalue("dist") == "loadgroup" else None


@pytest.hookimpl(wrapper=True)
def pytest_report_to_serializable() -> Iterator[Any]:
    """A worker sends the report of every test, whatever text the failure shows."""
    return sendable((yield))


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


@pytest.fixture(autouse=True, scope="session")
def _clients_ask_without_an_event_loop() -> Iterator[None]:
    """Test clients run the middleware without that of static files, which is asynchronous only.

    With it each request takes an event loop and three changes of threads, a fifth of its processor time. Servers and
    `test_protection.py` have it.
    """
    load = ClientHandler.load_middleware

    def load_others(self: ClientHandler, is_async: bool = False) -> None:
        others = [name for name in django_settings.MIDDLEWARE if not name.startswith("servestatic.")]
        with override_settings(MIDDLEWARE=others):
            load(self, is_async)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ClientHandler, "load_middleware", load_others)
        yield


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
