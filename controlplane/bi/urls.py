"""The address of the gold views."""

from django.urls import path

from controlplane.bi import views

app_name = "bi"
urlpatterns = [path("bi/", views.index, name="index")]
