from django.apps import AppConfig


class BiConfig(AppConfig):
    name = "controlplane.bi"
