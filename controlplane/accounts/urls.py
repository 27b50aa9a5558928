from django.urls import path

from controlplane.accounts.views import activity, people, settings, sign_in, single_sign_on

app_name = "accounts"
urlpatterns = [
    path("sign-in/", sign_in.sign_in, name="sign-in"),
    path("sign-in/sso/", single_sign_on.begin, name="sso"),
    path("sign-in/sso/callback/", single_sign_on.callback, name="sso-callback"),
    path("session/", sign_in.session, name="session"),
    path("sign-out/", sign_in.sign_out, name="sign-out"),
    path("activity/", activity.index, name="activity"),
    path("people/", people.index, name="people"),
    path("people/add/", people.add, name="person-add"),
    path("people/by-name/<str:username>/", people.detail, name="person"),
    path("people/by-name/<str:username>/password/", people.reset_password, name="person-password"),
    path("people/by-name/<str:username>/sessions/end/", people.end_sessions, name="person-sessions-end"),
    path("people/by-name/<str:username>/single-sign-on/", people.connect_sso, name="person-sso-connect"),
    path(
        "people/by-name/<str:username>/single-sign-on/disconnect/", people.disconnect_sso, name="person-sso-disconnect"
    ),
    path("settings/", settings.index, name="settings"),
    path("settings/password/", settings.password, name="password"),
    path("settings/single-sign-on/", single_sign_on.connect, name="sso-connect"),
    path("settings/time-zone/", settings.time_zone, name="time-zone"),
    path("settings/tokens/", settings.add_token, name="token-add"),
    path("settings/tokens/<int:pk>/revoke/", settings.revoke_token, name="token-revoke"),
    path("settings/sessions/end/", settings.end_sessions, name="sessions-end"),
    path("settings/sessions/<uuid:public_id>/end/", settings.end_session, name="session-end"),
]
