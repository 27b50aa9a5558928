"""The gateway's own responses: rejections and failures, as a page for users and as text for programs."""

from dataclasses import dataclass, field
from typing import Any

from asgiref.sync import sync_to_async
from django.conf import settings
from django.template.loader import render_to_string

Send = Any
PAGE_POLICY = (
    "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; form-action 'self'; "
    "frame-ancestors 'self'"
)


@dataclass(frozen=True)
class Answer:
    """One response."""

    status: int
    title: str
    message: str
    remedy: str = ""
    headers: dict[str, str] = field(default_factory=dict)

    async def send_to(self, send: Send, *, as_page: bool, request_id: str, head: bool) -> None:
        """Send the response."""
        if as_page and self.status >= 400:
            body = await sync_to_async(self._page, thread_sensitive=False)()
            kind = "text/html; charset=utf-8"
        else:
            body, kind = f"{self.title}. {self.message} {self.remedy}".strip() + "\n", "text/plain; charset=utf-8"
        content = body.encode()
        headers = {
            "Content-Type": kind,
            "Content-Length": str(len(content)),
            "X-Request-ID": request_id,
            **protection(PAGE_POLICY, same_origin_frames=True),
            "Cache-Control": "no-store",
            **self.headers,
        }
        await send({"type": "http.response.start", "status": self.status, "headers": encoded(headers)})
        await send({"type": "http.response.body", "body": b"" if head else content})

    def _page(self) -> str:
        named = {"status": self.status, "title": self.title, "message": self.message, "remedy": self.remedy}
        return render_to_string("web/error.html", {"layout": "web/plain.html", **named})


def protection(policy: str, *, same_origin_frames: bool) -> dict[str, str]:
    """The security headers of a response."""
    return {
        "Content-Security-Policy": policy,
        "X-Frame-Options": "SAMEORIGIN" if same_origin_frames else "DENY",
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "same-origin",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Resource-Policy": "same-origin",
        **({"Strict-Transport-Security": f"max-age={seconds}"} if (seconds := settings.SECURE_HSTS_SECONDS) else {}),
    }


def encoded(headers: dict[str, str]) -> list[tuple[bytes, bytes]]:
    """Headers in ASGI's format."""
    return [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]
