"""Addresses of the lake's tables."""

from django.urls import path

from controlplane.lakehouse import views

app_name = "lakehouse"
urlpatterns = [
    path("lakehouse/", views.index, name="index"),
    path("lakehouse/<str:namespace>/<str:name>/", views.table, name="table"),
    path("lakehouse/<str:namespace>/<str:name>/records.json", views.records, name="records"),
]
