"""The search as a page, and as the content of the search dialog."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from controlplane.errors import InvalidInputError
from controlplane.search.queries import find

LONGEST = 200


@require_safe
def index(request: HttpRequest) -> HttpResponse:
    """The results for `?q=`. Requests by htmx get only the list."""
    text = request.GET.get("q", "")
    if len(text) > LONGEST:
        raise InvalidInputError(
            f"q: {len(text)} characters exceed the limit of {LONGEST}.", "Search for a shorter text."
        )
    template = "_hits" if request.headers.get("HX-Request") else "index"
    return render(request, f"search/{template}.html", {"text": text.strip(), "hits": find(text)})
