"""The composition of the rooms: what only the whole application knows is given to the rooms when it starts."""

from django.apps import AppConfig


class ControlPlaneConfig(AppConfig):
    name = "controlplane"

    def ready(self) -> None:
        # A task that a page requests goes to this application's broker only once the Celery application exists.
        from controlplane import celery, probes  # noqa: F401
        from controlplane.health.probing import register_probes

        register_probes(probes.PROBES)
