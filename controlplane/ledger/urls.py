"""Addresses of the ledger."""

from django.urls import path

from controlplane.ledger import views

app_name = "ledger"
urlpatterns = [
    path("ledger/", views.index, name="index"),
    path("ledger/live/", views.live, name="live"),
    path("ledger/recount/", views.recount, name="recount"),
]
