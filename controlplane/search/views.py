"""The search, as a page of its own and as what the dialog of every page shows."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from controlplane.errors import InvalidInputError
from controlplane.search.queries import find

LONGEST = 200


@require_safe
def index(request: HttpRequest) -> HttpResponse:
    """What `?q=` finds. A script asks for the list alone."""
    text = request.GET.get("q", "")
    if len(text) > LONGEST:
        raise InvalidInputError(f"q: has {len(text)} characters and may have {LONGEST}.", "Search for a shorter text.")
    template = "_hits" if request.headers.get("HX-Request") else "index"
    return render(request, f"search/{template}.html", {"text": text.strip(), "hits": find(text)})
