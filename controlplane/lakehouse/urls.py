"""Addresses of the lake's tables."""

from django.urls import path, register_converter

from controlplane.lakehouse import views
from controlplane.lakehouse.names import NameConverter

register_converter(NameConverter, "name")

app_name = "lakehouse"
urlpatterns = [
    path("lakehouse/", views.index, name="index"),
    path("lakehouse/<name:namespace>/<name:name>/", views.table, name="table"),
    path("lakehouse/<name:namespace>/<name:name>/records.json", views.records, name="records"),
]
