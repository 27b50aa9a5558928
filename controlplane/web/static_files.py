"""Security headers of static files, which are served before the middlewares for pages."""

from wsgiref.headers import Headers

# A file that is opened directly loads nothing and can't be framed. Pages that load it have their own policy.
POLICY = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"


def protect_static_file(headers: Headers, path: str, url: str) -> None:
    """`settings.SERVESTATIC_ADD_HEADERS_FUNCTION`: called once for every file when the server starts."""
    headers["Content-Security-Policy"] = POLICY
