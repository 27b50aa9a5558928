"""The variables of single sign-on: whole ones are read, half ones and wrong ones are refused with what to do."""

import pytest
from django.core.exceptions import ImproperlyConfigured

from controlplane.accounts.roles import Role
from controlplane.accounts.single_sign_on.configuration import SingleSignOn, password_sign_in, single_sign_on

LEAST = {
    "OIDC_ISSUER": "https://id.example/realms/lake",
    "OIDC_CLIENT_ID": "lakehouse",
    "OIDC_CLIENT_SECRET": "secret",
    "OIDC_ROLE_MAP": "lakehouse-admins=admin",
}


def test_without_variables_there_is_none() -> None:
    assert single_sign_on({}) is None
    assert single_sign_on({"OIDC_ISSUER": " ", "OIDC_NAME": ""}) is None


def test_the_least_configuration_has_defaults() -> None:
    assert single_sign_on(LEAST) == SingleSignOn(
        issuer="https://id.example/realms/lake",
        client_id="lakehouse",
        client_secret="secret",
        name="single sign-on",
        roles_claim="groups",
        role_map={"lakehouse-admins": Role.ADMIN},
        default_role=None,
        scopes=("openid", "profile"),
    )


def test_everything_can_be_said() -> None:
    configured = single_sign_on(
        {
            **LEAST,
            "OIDC_ISSUER": "http://127.0.0.1:8080/realms/lake",
            "OIDC_NAME": "Keycloak",
            "OIDC_ROLES_CLAIM": "realm_access.roles",
            "OIDC_ROLE_MAP": " lakehouse-admins = admin , cn=ops=operator,staff=viewer,",
            "OIDC_DEFAULT_ROLE": "viewer",
            "OIDC_SCOPES": "openid, profile groups",
        }
    )
    assert configured is not None
    assert (configured.name, configured.roles_claim) == ("Keycloak", "realm_access.roles")
    assert configured.role_map == {"lakehouse-admins": Role.ADMIN, "cn=ops": Role.OPERATOR, "staff": Role.VIEWER}
    assert configured.default_role == Role.VIEWER
    assert configured.scopes == ("openid", "profile", "groups")
    assert "secret" not in repr(configured)


@pytest.mark.parametrize(
    ("groups", "role"),
    [
        (["staff"], Role.VIEWER),
        (["staff", "lakehouse-admins", "ops"], Role.ADMIN),
        (["ops", "unknown", "staff"], Role.OPERATOR),
        (["unknown", "Staff"], None),
        ([], None),
    ],
)
def test_the_highest_role_of_the_groups_counts(groups: list[str], role: Role | None) -> None:
    configured = single_sign_on({**LEAST, "OIDC_ROLE_MAP": "lakehouse-admins=admin,ops=operator,staff=viewer"})
    assert configured is not None
    assert configured.role_for(groups) == role


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"OIDC_ISSUER": ""}, "OIDC_CLIENT_ID, OIDC_CLIENT_SECRET, OIDC_ROLE_MAP are set, but OIDC_ISSUER is not"),
        ({"OIDC_CLIENT_ID": ""}, "OIDC_ISSUER is set, but OIDC_CLIENT_ID is not"),
        ({"OIDC_CLIENT_SECRET": ""}, "OIDC_ISSUER is set, but OIDC_CLIENT_SECRET is not"),
        ({"OIDC_ROLE_MAP": ""}, "neither OIDC_ROLE_MAP nor OIDC_DEFAULT_ROLE: no user could sign in"),
        (
            {"OIDC_ROLE_MAP": "staff"},
            "OIDC_ROLE_MAP must have comma-separated entries such as lakehouse-admins=admin, not 'staff'",
        ),
        (
            {"OIDC_ROLE_MAP": "=viewer"},
            "OIDC_ROLE_MAP must have comma-separated entries such as lakehouse-admins=admin, not '=viewer'",
        ),
        (
            {"OIDC_ROLE_MAP": "staff=owner"},
            "OIDC_ROLE_MAP: the role must be one of viewer, operator, admin, not 'owner'",
        ),
        ({"OIDC_ROLE_MAP": "staff=viewer,staff=admin"}, "OIDC_ROLE_MAP contains the group 'staff' twice"),
        (
            {"OIDC_DEFAULT_ROLE": "Viewer"},
            "OIDC_DEFAULT_ROLE: the role must be one of viewer, operator, admin, not 'Viewer'",
        ),
        ({"OIDC_SCOPES": "profile"}, "OIDC_SCOPES must contain openid"),
        ({"OIDC_NAME": "x" * 41}, "OIDC_NAME must have 1 to 40 printable characters"),
        ({"OIDC_ISSUER": "http://id.example"}, "OIDC_ISSUER must start with https://"),
        ({"OIDC_ISSUER": "http://127.0.0.1.example"}, "OIDC_ISSUER must start with https://"),
        ({"OIDC_ISSUER": "id.example"}, "OIDC_ISSUER must start with https://"),
        ({"OIDC_ISSUER": "https://"}, "OIDC_ISSUER must start with https://"),
        ({"OIDC_ISSUER": "https://id.example/?realm=x"}, "OIDC_ISSUER must be the issuer without"),
        (
            {"OIDC_ISSUER": "https://id.example/.well-known/openid-configuration"},
            "OIDC_ISSUER must be the issuer without",
        ),
        ({"OIDC_ISSUER": "https://id.example/" + "x" * 200}, "OIDC_ISSUER has 219 characters; the limit is 200"),
    ],
    ids=str,
)
def test_what_is_half_or_wrong_is_refused(changed: dict[str, str], said: str) -> None:
    with pytest.raises(ImproperlyConfigured) as refused:
        single_sign_on({**LEAST, **changed})
    assert said in str(refused.value)


@pytest.mark.parametrize("issuer", ["http://localhost:8080", "http://[::1]:8080/realms/x", "http://id.localhost:8080"])
def test_plain_http_is_for_this_machine(issuer: str) -> None:
    configured = single_sign_on({**LEAST, "OIDC_ISSUER": issuer})
    assert configured is not None
    assert configured.issuer == issuer


def test_passwords_are_for_everyone_or_for_admins() -> None:
    configured = single_sign_on(LEAST)
    assert [password_sign_in(text, configured) for text in ("", "everyone", " admins ")] == [
        *("everyone", "everyone", "admins")
    ]
    with pytest.raises(ImproperlyConfigured, match="PASSWORD_SIGN_IN must be everyone or admins, not 'nobody'"):
        password_sign_in("nobody", configured)
    with pytest.raises(ImproperlyConfigured, match="other users could not sign in"):
        password_sign_in("admins", None)
