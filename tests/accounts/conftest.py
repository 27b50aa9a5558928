"""A provider of single sign-on."""

from collections.abc import Iterator

import pytest
from django.core.cache import cache
from pytest_django.fixtures import Settings

from tests.accounts.oidc_provider import Provider, running
from tests.accounts.single_sign_on import HOME


@pytest.fixture
def provider(settings: Settings) -> Iterator[Provider]:
    """The provider that the application is configured with."""
    cache.clear()
    settings.PUBLIC_URL = f"http://{HOME}"
    settings.ALLOWED_HOSTS = ["127.0.0.1", HOME.partition(":")[0]]
    with running() as provider:
        settings.SINGLE_SIGN_ON = provider.configuration()
        yield provider
    cache.clear()
