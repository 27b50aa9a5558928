from django.apps import AppConfig


class OverviewConfig(AppConfig):
    name = "controlplane.overview"

    def ready(self) -> None:
        # Tasks that a page asks for go to this application's broker only once it has been made, and the signs of life
        # of the workers need their receivers.
        from controlplane import celery  # noqa: F401
        from controlplane.health import (
            watchdog,  # noqa: F401
        )
