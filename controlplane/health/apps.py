from django.apps import AppConfig


class HealthConfig(AppConfig):
    name = "controlplane.health"

    def ready(self) -> None:
        # The signs of life of the workers need their receivers.
        from controlplane.health import heartbeat, watchdog  # noqa: F401
