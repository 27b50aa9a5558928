"""The pages of refused requests: another role's pages, and forms that don't come from here."""

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse

from controlplane.accounts.refusals import form_refused, refusal_logged
from controlplane.web.errors import error_page


def forbidden(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """Django's handler of status 403. The request is logged."""
    said = (
        isinstance(exception, PermissionDenied) and str(exception)
    ) or "Your role has no permission for this action."
    refusal_logged(request, said)
    return error_page(
        request,
        status=403,
        code="forbidden",
        title="Access denied",
        message=said,
        remedy="Ask an admin to change your role on the page Users.",
    )


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """Django's handler of a form with a missing or wrong CSRF token. The request is audited."""
    form_refused(request, reason)
    return error_page(
        request,
        status=403,
        code="csrf",
        title="Form expired",
        message="The form was opened before your last sign-in, or comes from another site. Nothing was changed.",
        remedy="Open the page again and submit the form from there.",
        technical=reason,
    )
