from django.apps import AppConfig


class SearchConfig(AppConfig):
    name = "controlplane.search"
