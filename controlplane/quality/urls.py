"""Addresses of the validations."""

from django.urls import path

from controlplane.quality import views

app_name = "quality"
urlpatterns = [
    path("quality/", views.index, name="index"),
    path("quality/<uuid:validation_id>/", views.detail, name="detail"),
    path("quality/<uuid:validation_id>/document/", views.document, name="document"),
]
