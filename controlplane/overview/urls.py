from django.urls import path

from controlplane.overview import views

app_name = "overview"
urlpatterns = [
    path("", views.index, name="index"),
    path("overview/live/", views.live, name="live"),
    path("overview/rates.json", views.rates, name="rates"),
    path("overview/first-steps/<slug:key>/", views.first_step, name="first-step"),
]
