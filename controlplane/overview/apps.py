from django.apps import AppConfig


class OverviewConfig(AppConfig):
    name = "controlplane.overview"
