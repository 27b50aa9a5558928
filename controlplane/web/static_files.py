"""What an answer with a static file says beside the file: the middlewares for pages stand behind the one for files."""

from wsgiref.headers import Headers

# A file that is opened by itself loads nothing and is framed by nobody. Pages that load it have their own policy.
POLICY = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"


def protect_static_file(headers: Headers, path: str, url: str) -> None:
    """`settings.SERVESTATIC_ADD_HEADERS_FUNCTION`: called once for every file when the server starts."""
    headers["Content-Security-Policy"] = POLICY
