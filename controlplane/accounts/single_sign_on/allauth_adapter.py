"""allauth's OpenID Connect provider, with one provider from the settings and our decisions.

allauth does the protocol: the redirect with state and PKCE, and the exchange of the code for tokens. What it leaves out
is added here: the nonce, the verification of the ID token, bounded requests. None of its views and templates is
reachable. It hands every verified sign-in to `pre_social_login`, which signs the person in or refuses, and every error
to `on_authentication_error`; both raise, so that allauth itself signs nobody in and shows nothing.
"""

import secrets
import time
from typing import Any, NoReturn
from urllib.parse import urlencode

import requests
from allauth.core.exceptions import ImmediateHttpResponse
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from allauth.socialaccount.models import SocialApp, SocialLogin, SocialToken
from allauth.socialaccount.providers.base.constants import AuthError, AuthProcess
from allauth.socialaccount.providers.oauth2.client import OAuth2Client, OAuth2Error
from allauth.socialaccount.providers.oauth2.views import OAuth2CallbackView
from allauth.socialaccount.providers.openid_connect.provider import OpenIDConnectProvider
from allauth.socialaccount.providers.openid_connect.views import OpenIDConnectOAuth2Adapter
from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse

from controlplane.accounts.single_sign_on import people
from controlplane.accounts.single_sign_on.configuration import SingleSignOn
from controlplane.accounts.single_sign_on.errors import (
    ProviderAnswerError,
    SignOnExpiredError,
    SignOnRefusedError,
)
from controlplane.accounts.single_sign_on.id_token import verified_claims
from controlplane.accounts.single_sign_on.identity import SIGNED_ONLY, Identity, claim_at, identity_of
from controlplane.accounts.single_sign_on.provider import Metadata, ProviderSession, metadata
from controlplane.accounts.text import shortened


def configuration() -> SingleSignOn:
    """The configured provider; 404 where there is none."""
    configured: SingleSignOn | None = settings.SINGLE_SIGN_ON
    if configured is None:
        raise Http404("Single sign-on is not configured.")
    return configured


def to_provider(request: HttpRequest, *, wanted: str, connects: int | None = None, verifies: int | None = None) -> str:
    """The address of the provider at which a sign-in begins. State, nonce and PKCE verifier are kept in the session.

    Args:
        wanted: the page of ours that it leads to.
        connects: the key of the person whose account the identity is connected to; None to sign in.
        verifies: the key of the person who signs in at the provider once more, to show that it is them.
    """
    nonce, configured = secrets.token_urlsafe(32), configuration()
    asked = {"nonce": nonce}
    if configured.acr_values:
        asked["acr_values"] = " ".join(configured.acr_values)
    if verifies is not None:
        # A session that is open at the provider is not enough.
        asked |= {"prompt": "login", "max_age": "0"}
    response = (
        SocialAccountAdapter(request)
        .get_provider(request, configured.issuer)
        .redirect(
            request,
            process=AuthProcess.LOGIN if connects is None else AuthProcess.CONNECT,
            next_url=wanted,
            data={"nonce": nonce, "connects": connects, "verifies": verifies, "began": time.time()},
            auth_params=asked,
        )
    )
    return str(response.headers["Location"])


def from_provider(request: HttpRequest) -> HttpResponse:
    """The way on for a browser that comes back from the provider.

    Raises:
        ActionError: the sign-in is refused; the message says why.
    """
    adapter = OpenIDConnectAdapter(request, configuration().issuer)
    response: HttpResponse = CallbackView.adapter_view(adapter)(request)
    return response


class SocialAccountAdapter(DefaultSocialAccountAdapter):  # type: ignore[misc] # allauth has no types
    """`settings.SOCIALACCOUNT_ADAPTER`."""

    def list_apps(self, request: HttpRequest, provider: Any = None, client_id: Any = None) -> list[SocialApp]:
        """The configured provider alone: rows of allauth's table are never read."""
        configured = configuration()
        return [
            SocialApp(
                provider=OpenIDConnectProvider.id,
                # Accounts are stored with it, so that a subject counts together with its issuer.
                provider_id=configured.issuer,
                name=configured.name,
                client_id=configured.client_id,
                secret=configured.client_secret,
                settings={"scope": list(configured.scopes), "oauth_pkce_enabled": True},
            )
        ]

    def get_provider(self, request: HttpRequest, provider: Any, client_id: Any = None) -> "Provider":
        return Provider(request, app=self.get_app(request, provider, client_id))

    def get_requests_session(self) -> ProviderSession:
        return ProviderSession(configuration())

    def generate_state_param(self, state: dict[str, Any]) -> str:
        return secrets.token_urlsafe(32)

    def authenticate_by_email(self, sociallogin: SocialLogin) -> None:
        """Nobody is found by an e-mail address."""

    def pre_social_login(self, request: HttpRequest, sociallogin: SocialLogin) -> NoReturn:
        identity: Identity = sociallogin.identity
        state = sociallogin.state
        said = state["data"]
        connects, verifies, leads_to = said["connects"], said["verifies"], state["next"]
        if verifies is not None:
            people.verify(request, configuration(), identity, person_id=verifies, began=said["began"])
        elif connects is None:
            if not people.sign_in(request, configuration(), identity):
                leads_to = f"{reverse('accounts:sign-in-second-factor')}?{urlencode({'next': leads_to})}"
        else:
            people.connect(request, configuration(), identity, person_id=connects)
            messages.success(request, f"You can now sign in with {configuration().name} as {identity.username}.")
        raise ImmediateHttpResponse(HttpResponseRedirect(leads_to))

    def on_authentication_error(
        self,
        request: HttpRequest,
        provider: Any,
        error: str | None = None,
        exception: Exception | None = None,
        extra_context: dict[str, Any] | None = None,
    ) -> NoReturn:
        name = configuration().name
        if exception is not None:
            raise ProviderAnswerError(
                f"{name} rejected this sign-in.",
                "Sign in again. If the problem persists, ask an admin to check OIDC_CLIENT_ID, OIDC_CLIENT_SECRET and "
                "the redirect URI at the provider.",
            ) from exception
        if error == AuthError.CANCELLED:
            raise SignOnRefusedError(f"The sign-in at {name} was cancelled or denied.", "Sign in again.")
        if "state_id" in (extra_context or {}):
            raise SignOnExpiredError
        raise ProviderAnswerError(f"{name} returned an error: {_error_code(request)}.")


class Provider(OpenIDConnectProvider):  # type: ignore[misc] # allauth has no types
    """The configured provider. Of its claims allauth stores the username alone."""

    def get_oauth2_adapter(self, request: HttpRequest) -> "OpenIDConnectAdapter":
        return OpenIDConnectAdapter(request, self.app.provider_id)

    def extract_uid(self, data: Identity) -> str:
        return data.subject

    def extract_extra_data(self, data: Identity) -> dict[str, Any]:
        return {"username": data.username}

    def extract_common_fields(self, data: Identity) -> dict[str, Any]:
        return {"username": data.username}

    def extract_email_addresses(self, data: Identity) -> list[Any]:
        return []


class OpenIDConnectAdapter(OpenIDConnectOAuth2Adapter):  # type: ignore[misc] # allauth has no types
    """The protocol's steps: addresses, tokens, and who they are about."""

    # Set by the callback from the state of the sign-in.
    nonce = ""

    def __init__(self, request: HttpRequest, provider_id: str) -> None:
        super().__init__(request, provider_id)
        self.client_class = TokenClient

    @property
    def openid_config(self) -> dict[str, Any]:
        found: Metadata = metadata(configuration())
        return {**vars(found), "token_endpoint_auth_methods_supported": found.token_endpoint_auth_methods}

    def get_callback_url(self, request: HttpRequest, app: SocialApp) -> str:
        """Always under PUBLIC_URL: it is the one that is registered with the provider."""
        return settings.PUBLIC_URL.rstrip("/") + reverse("accounts:sso-callback")

    def parse_token(self, data: dict[str, Any]) -> SocialToken:
        # It is used once, for the userinfo, and stored nowhere.
        return SocialToken(token=data["access_token"])

    def complete_login(self, request: HttpRequest, app: SocialApp, token: SocialToken, **kwargs: Any) -> SocialLogin:
        configured, id_token = configuration(), kwargs["response"].get("id_token")
        if not isinstance(id_token, str):
            raise ProviderAnswerError(f"{configured.name} returned no ID token.", "Ask an admin to check OIDC_SCOPES.")
        claims = verified_claims(configured, id_token, nonce=self.nonce)
        if "preferred_username" not in claims or claim_at(claims, configured.roles_claim) is None:
            further = self._userinfo(configured, token.token, subject=claims["sub"])
            claims = {**{name: said for name, said in further.items() if name not in SIGNED_ONLY}, **claims}
        identity = identity_of(configured, claims, id_token=id_token)
        login = self.get_provider().sociallogin_from_response(request, identity)
        login.identity = identity
        return login

    def _userinfo(self, configured: SingleSignOn, access_token: str, *, subject: str) -> dict[str, Any]:
        """Further claims, where the provider leaves them out of the ID token.

        They count for the subject of the ID token only (OpenID Connect Core 1.0, section 5.3.2).
        """
        if not metadata(configured).userinfo_endpoint:
            return {}
        said = self._fetch_user_info(access_token)
        if not isinstance(said, dict) or said.get("sub") != subject:
            raise ProviderAnswerError(f"The userinfo response of {configured.name} is for another subject.")
        return said


class TokenClient(OAuth2Client):  # type: ignore[misc] # allauth has no types
    """The exchange of a code for tokens; an answer without them is an error like any other."""

    def get_access_token(self, code: str, pkce_code_verifier: str | None = None, extra_data: Any = None) -> Any:
        try:
            tokens = super().get_access_token(code, pkce_code_verifier, extra_data)
        except (requests.JSONDecodeError, TypeError, ValueError) as error:
            raise OAuth2Error("The response contains no tokens.") from error
        if not isinstance(tokens, dict) or not isinstance(tokens.get("access_token"), str):
            raise OAuth2Error("The response contains no access token.")
        return tokens


class CallbackView(OAuth2CallbackView):  # type: ignore[misc] # allauth has no types
    """allauth's, which hands the nonce of the state on to the verification of the ID token."""

    adapter: OpenIDConnectAdapter

    def _get_state(self, request: HttpRequest, provider: Provider) -> Any:
        state, response = super()._get_state(request, provider)
        if state is not None:
            self.adapter.nonce = state["data"]["nonce"]
            if request.GET.get("iss", configuration().issuer) != configuration().issuer:
                # RFC 9207: the answer of another provider.
                raise ProviderAnswerError(f"The response is not from {configuration().name}.")
        return state, response


def _error_code(request: HttpRequest) -> str:
    said = request.GET.get("error", "no code")
    return shortened("".join(letter for letter in said if letter.isprintable()), 80)
