from django.apps import AppConfig


class HealthConfig(AppConfig):
    name = "controlplane.health"

    def ready(self) -> None:
        # Importing the modules connects the receivers of the workers' heartbeats.
        from controlplane.health import heartbeat, watchdog  # noqa: F401
