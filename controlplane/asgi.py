"""The ASGI application: what uvicorn serves."""

import os
from threading import Thread

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "controlplane.settings")
os.environ.setdefault("DATABASE_POOL", "1")

from django.core.asgi import get_asgi_application

from controlplane.web.bodies import BodyLimit

application = BodyLimit(get_asgi_application())


def _warm_up() -> None:
    from controlplane.lakehouse.reading import warm_up

    warm_up()


Thread(target=_warm_up, name="warm-up", daemon=True).start()
