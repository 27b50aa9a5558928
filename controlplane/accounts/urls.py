from django.urls import path

from controlplane.accounts.views import (
    account_links,
    activity,
    people,
    second_factor,
    service_accounts,
    settings,
    sign_in,
    single_sign_on,
)

app_name = "accounts"
urlpatterns = [
    path("sign-in/", sign_in.sign_in, name="sign-in"),
    path("sign-in/sso/", single_sign_on.begin, name="sso"),
    path("sign-in/sso/callback/", single_sign_on.callback, name="sso-callback"),
    path("sign-in/second-factor/", sign_in.second_factor, name="sign-in-second-factor"),
    path("sign-in/second-factor/passkey/", sign_in.second_factor_passkey, name="sign-in-second-factor-passkey"),
    path("sign-in/passkey/", sign_in.passkey, name="sign-in-passkey"),
    path("sign-in/passkey/options/", sign_in.passkey_options, name="sign-in-passkey-options"),
    path("session/", sign_in.session, name="session"),
    path("sign-out/", sign_in.sign_out, name="sign-out"),
    path("account-link/", account_links.account_link, name="account-link"),
    path("forgot-password/", account_links.forgot_password, name="forgot-password"),
    path("activity/", activity.index, name="activity"),
    path("activity/export.csv", activity.export, {"kind": "csv"}, name="activity-csv"),
    path("activity/export.jsonl", activity.export, {"kind": "jsonl"}, name="activity-jsonl"),
    path("activity/<uuid:entry_id>/", activity.entry, name="activity-entry"),
    path("people/", people.index, name="people"),
    path("people/add/", people.add, name="person-add"),
    path("people/by-name/<str:username>/", people.detail, name="person"),
    path("people/by-name/<str:username>/link/", people.make_link, name="person-link"),
    path("people/by-name/<str:username>/email/", people.change_email, name="person-email"),
    path("people/by-name/<str:username>/sessions/end/", people.end_sessions, name="person-sessions-end"),
    path("people/links/<uuid:link_id>/revoke/", people.revoke_link, name="link-revoke"),
    path("people/service-accounts/add/", service_accounts.add, name="service-account-add"),
    path("people/service-accounts/by-name/<str:username>/", service_accounts.detail, name="service-account"),
    path(
        "people/service-accounts/by-name/<str:username>/tokens/",
        service_accounts.add_token,
        name="service-account-token-add",
    ),
    path("people/by-name/<str:username>/single-sign-on/", people.connect_sso, name="person-sso-connect"),
    path(
        "people/by-name/<str:username>/single-sign-on/disconnect/", people.disconnect_sso, name="person-sso-disconnect"
    ),
    path(
        "people/by-name/<str:username>/second-factors/reset/", people.reset_second_factor, name="person-factors-reset"
    ),
    path("settings/", settings.index, name="settings"),
    path("settings/password/", settings.password, name="password"),
    path("settings/single-sign-on/", single_sign_on.connect, name="sso-connect"),
    path("settings/time-zone/", settings.time_zone, name="time-zone"),
    path("settings/verify/", second_factor.verify, name="verify"),
    path("settings/verify/passkey/", second_factor.verify_passkey_options, name="verify-passkey"),
    path("settings/second-factors/", second_factor.index, name="second-factors"),
    path("settings/second-factors/totp/", second_factor.totp, name="totp"),
    path("settings/second-factors/passkeys/", second_factor.add_passkey, name="passkey-add"),
    path("settings/second-factors/passkeys/options/", second_factor.passkey_options, name="passkey-options"),
    path("settings/second-factors/recovery-codes/", second_factor.recovery_codes, name="recovery-codes"),
    path("settings/second-factors/<int:pk>/rename/", second_factor.rename, name="second-factor-rename"),
    path("settings/second-factors/<int:pk>/remove/", second_factor.remove, name="second-factor-remove"),
    path("settings/tokens/", settings.add_token, name="token-add"),
    path("settings/tokens/<int:pk>/revoke/", settings.revoke_token, name="token-revoke"),
    path("settings/sessions/end/", settings.end_sessions, name="sessions-end"),
    path("settings/sessions/<uuid:public_id>/end/", settings.end_session, name="session-end"),
]
