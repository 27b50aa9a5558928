from django.apps import AppConfig


class OrchestrationConfig(AppConfig):
    name = "controlplane.orchestration"

    def ready(self) -> None:
        from controlplane.orchestration import deactivation

        deactivation.listen()
