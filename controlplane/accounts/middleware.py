"""All pages except sign-in require a signed-in user; the API has its own authentication."""

import contextlib
import zoneinfo
from collections.abc import Callable
from typing import Any, TypeVar
from urllib.parse import urlencode

from django.contrib import messages
from django.contrib.auth.middleware import LoginRequiredMiddleware
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.deprecation import MiddlewareMixin

from controlplane.accounts.models import User
from controlplane.accounts.request_rate import TooManyRequestsError, requests_bounded
from controlplane.accounts.second_factor.factors import must_set_up
from controlplane.accounts.second_factor.freshness import VerificationNeededError
from controlplane.accounts.sessions import session_used
from controlplane.web.errors import action_refused, came_from
from controlplane.web.sse import asks_for_events, session_ended

View = TypeVar("View", bound=Callable[..., HttpResponseBase])


class SignInRequiredMiddleware(LoginRequiredMiddleware):
    """Django's own, leaving `/api/` to the API's authentication: it answers 401 in JSON instead of a redirect.

    It also counts the person's requests, notes that the session is used, and sets the clock to the person's zone for
    what is rendered from here on.
    """

    def process_view(
        self,
        request: HttpRequest,
        view_func: Callable[..., HttpResponseBase],
        view_args: tuple[Any, ...],
        view_kwargs: dict[str, Any],
    ) -> HttpResponseBase | None:
        """A redirect to the sign-in without a session, status 429 after too many requests, otherwise None."""
        if isinstance(request.user, User):
            try:
                requests_bounded(f"person {request.user.pk}")
            except TooManyRequestsError as error:
                return action_refused(request, error)
        session_used(request)
        if request.path.startswith("/api/"):
            return None
        timezone.deactivate()
        if request.user.is_authenticated:
            # A zone that was removed from the time zone data becomes UTC.
            with contextlib.suppress(zoneinfo.ZoneInfoNotFoundError, ValueError):
                timezone.activate(zoneinfo.ZoneInfo(request.user.time_zone))
        answer = super().process_view(request, view_func, view_args, view_kwargs)
        # A redirect to the sign-in page is a failed connection to a stream, which its page can't tell from any other.
        return session_ended() if answer is not None and asks_for_events(request) else answer


def for_setting_up(view: View) -> View:
    """Allow a page for users who still have to set up a second factor."""
    view.for_setting_up = True  # type: ignore[attr-defined]
    return view


class SecondFactorRequiredMiddleware(MiddlewareMixin):
    """Who must have a second factor and has none is led to its setup, wherever they wanted to go.

    The API answers for itself (api_auth.py), and so does what opens a session without a request (person_of_session).
    """

    def process_view(
        self,
        request: HttpRequest,
        view_func: Callable[..., HttpResponseBase],
        view_args: tuple[Any, ...],
        view_kwargs: dict[str, Any],
    ) -> HttpResponseBase | None:
        """A redirect to the set-up for users who need a second factor and have none; otherwise None."""
        user = request.user
        if (
            request.path.startswith("/api/")
            or getattr(view_func, "for_setting_up", False)
            or not isinstance(user, User)
        ):
            return None
        return redirect("accounts:second-factors") if must_set_up(user, request.session) else None


class VerifyFirstMiddleware(MiddlewareMixin):
    """Leads to a verification who asks for something that needs one, and back to the page that they came from."""

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponseBase | None:
        """A redirect to the verification for a `VerificationNeededError` of a page; None for other errors."""
        if not isinstance(exception, VerificationNeededError) or request.path.startswith("/api/"):
            return None
        wanted = request.get_full_path()
        if request.method not in ("GET", "HEAD"):
            wanted = came_from(request)
            messages.info(request, "Nothing was changed yet. Verify your identity, then repeat the action.")
        return redirect(f"{reverse('accounts:verify')}?{urlencode({'next': wanted})}")
