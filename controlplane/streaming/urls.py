"""Addresses of the stream."""

from django.urls import path

from controlplane.streaming import views

app_name = "streaming"
urlpatterns = [
    path("stream/", views.index, name="index"),
    path("stream/live/", views.live, name="live"),
    path("stream/start/", views.start, name="start"),
    path("stream/stop/", views.stop, name="stop"),
    path("stream/configure/", views.configure, name="configure"),
    path("stream/records/", views.records, name="records"),
    path("stream/rates.json", views.rates, name="rates"),
    path("stream/lag.json", views.lag, name="lag"),
    path("stream/phases.json", views.phases, name="phases"),
]
