from typing import Any

from django.apps import AppConfig
from django.db.models.signals import post_migrate


class ScenariosConfig(AppConfig):
    name = "controlplane.scenarios"

    def ready(self) -> None:
        from controlplane.scenarios import deactivation

        post_migrate.connect(_bring_the_library, sender=self)
        deactivation.listen()


def _bring_the_library(**_: Any) -> None:
    from controlplane.scenarios.documents.services import library_sync

    library_sync()
