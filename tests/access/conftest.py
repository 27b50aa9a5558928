"""One world for the tests of a module: each test leaves it as it was."""

from collections.abc import Iterator

import pytest
from django.core.signals import request_finished, request_started
from django.db import close_old_connections, transaction
from django.test.utils import override_settings
from pytest_django.plugin import DjangoDbBlocker

from tests.access.world import World, world_made


@pytest.fixture(scope="module")
def a_world(
    django_db_setup: None, django_db_blocker: DjangoDbBlocker, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[World]:
    """The world of `world.py`, in a transaction that is rolled back after the module's last test."""
    with (
        pytest.MonkeyPatch.context() as patched,
        override_settings(
            PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"], EMAIL_URL="smtps://mail.example.test"
        ),
        django_db_blocker.unblock(),
        transaction.atomic(),
    ):
        # The connection holds the world: Django would close it around each request.
        for signal in (request_started, request_finished):
            signal.disconnect(close_old_connections)
        yield world_made(tmp_path_factory.mktemp("world"), patched)
        for signal in (request_started, request_finished):
            signal.connect(close_old_connections)
        transaction.set_rollback(True)
