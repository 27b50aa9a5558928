"""The ASGI application, served by uvicorn."""

import os
from threading import Thread

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "controlplane.settings")
os.environ.setdefault("DATABASE_POOL", "1")

from django.core.asgi import get_asgi_application

django_application = get_asgi_application()

# The models are loaded from here on.
from django.conf import settings  # noqa: E402

from controlplane.accounts.request_limits import BodyLimit  # noqa: E402
from controlplane.gateway.application import Gateway  # noqa: E402
from controlplane.web.proxies import ForwardedHeaders  # noqa: E402

application = ForwardedHeaders(Gateway(BodyLimit(django_application)), proxies=settings.TRUSTED_PROXIES)


def _warm_up() -> None:
    from controlplane.lakehouse.reading import warm_up

    warm_up()


Thread(target=_warm_up, name="warm-up", daemon=True).start()
