"""The application as a whole, above its rooms."""

from django.apps import AppConfig


class ControlPlaneConfig(AppConfig):
    name = "controlplane"

    def ready(self) -> None:
        # A task that a page requests goes to this application's broker only once the Celery application exists.
        from controlplane import celery  # noqa: F401
