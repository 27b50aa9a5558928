from django.apps import AppConfig


class MonitoringConfig(AppConfig):
    name = "controlplane.monitoring"

    def ready(self) -> None:
        # Both listen to Celery's signals, in whichever process this is.
        from controlplane.monitoring import counting, tracing  # noqa: F401
