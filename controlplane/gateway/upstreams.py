"""The programs behind the gateway: address, public path and required role of each."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from urllib.parse import unquote, urlsplit

from django.conf import settings

from bi import serving as bi
from controlplane.accounts.roles import Role
from controlplane.links import BI_PREFIX, PROMETHEUS_PREFIX, SPARK_PREFIX

# Streamlit's page has one inline script, and creates its styles in the browser. Charts are interpreted without `eval`.
# A test compares the hash with the installed version.
STREAMLIT_INLINE_SCRIPT = "sha256-THxz9J9+wf7rhwR2YkXJoSZ13UCmYyC+3lNDv2+8ugA="
STREAMLIT_POLICY = (
    f"default-src 'none'; script-src 'self' '{STREAMLIT_INLINE_SCRIPT}' 'wasm-unsafe-eval'; "
    "style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; font-src 'self' data:; media-src 'self' blob:; "
    "connect-src 'self'; worker-src 'self' blob:; manifest-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'self'"
)
# Pages of Spark and Prometheus have inline scripts, so a policy cannot keep an injected one from running. Instead it
# keeps scripts from acting as the user: requests and forms stay below the program's own path, and no window opens whose
# page a script could control. With `allow-same-origin`, requests have the session cookie.
CONTAINED_POLICY = (
    "default-src 'none'; script-src {own} 'unsafe-inline'; style-src {own} 'unsafe-inline'; img-src {own} data:; "
    "font-src {own} data:; connect-src {own}; manifest-src {own}; form-action {own}; "
    "frame-src 'none'; object-src 'none'; worker-src 'none'; base-uri 'none'; frame-ancestors 'none'; "
    "sandbox allow-scripts allow-same-origin allow-forms allow-downloads"
)


@dataclass(frozen=True)
class Upstream:
    """One program behind the gateway.

    `address` is `unix:///path/of/socket` or an http URL. A request for `prefix + rest` is forwarded as `base + rest`,
    with `headers` added. `role` is the least role with access. `policy` is the content security policy of responses, in
    which `{own}` stands for the public address of the prefix. `refused` matches blocked paths, in lower case and
    without the prefix. `static` names the folders below the prefix whose files browsers may cache. `certificates` is
    the folder with the authority of an https upstream and the client certificate for it.
    """

    name: str
    title: str
    prefix: str
    address: str
    role: Role
    policy: str
    base: str = "/"
    headers: Mapping[str, str] = field(default_factory=dict)
    websockets: bool = False
    refused: re.Pattern[str] = re.compile(r"(?!)")
    static: tuple[str, ...] = ()
    certificates: str = ""

    @property
    def socket(self) -> str:
        """The path of the Unix socket, or "" for an http address."""
        return self.address.removeprefix("unix://") if self.address.startswith("unix://") else ""

    @cached_property
    def origin(self) -> str:
        """`scheme://host:port` of requests. Behind a socket the host is the upstream's name, which it may require."""
        if self.socket:
            return f"http://{self.name}"
        parts = urlsplit(self.address)
        return f"{parts.scheme}://{parts.netloc}"

    def path_of(self, rest: str) -> str:
        """The path at the upstream for the path after the prefix."""
        below = "" if self.socket else urlsplit(self.address).path.rstrip("/")
        return below + self.base + rest

    def location(self, said: str) -> str:
        """The public target of a redirect, below the prefix; "" for any other target.

        Browsers compare a redirect's target with the host of a policy's source only, not with its path.
        """
        parts = urlsplit(said)
        path = parts.path or "/"
        leaves = any(step in (".", "..") for step in unquote(path).replace("\\", "/").split("/"))
        if leaves or (parts.netloc and f"{parts.scheme}://{parts.netloc}" != self.origin):
            return ""
        if path.startswith("/") and not path.startswith(self.prefix) and path + "/" != self.prefix:
            path = self.prefix + path.removeprefix(self.base if path.startswith(self.base) else "/")
        return path + (f"?{parts.query}" if parts.query else "") + (f"#{parts.fragment}" if parts.fragment else "")


def upstreams() -> list[Upstream]:
    """The upstreams of this installation."""
    known = []
    if settings.BI_URL.startswith("unix://"):
        known.append(
            Upstream(
                name=bi.HOST,
                title="Streamlit",
                prefix=BI_PREFIX,
                base=BI_PREFIX,
                address=settings.BI_URL,
                role=Role.VIEWER,
                policy=STREAMLIT_POLICY,
                websockets=True,
                # Its agent interface and memory metrics, which dashboards do not load.
                refused=re.compile(r"_stcore/(agent|metrics|upload_file)"),
                static=("static/",),
            )
        )
    if settings.SPARK_UI_URL.startswith(("http://", "https://")):
        token = settings.SPARK_UI_TOKEN
        known.append(
            Upstream(
                name="spark",
                title="Spark UI",
                prefix=SPARK_PREFIX,
                address=settings.SPARK_UI_URL,
                role=Role.OPERATOR,
                policy=CONTAINED_POLICY,
                # With this header Spark creates its links below the path.
                headers={
                    "X-Forwarded-Context": SPARK_PREFIX.rstrip("/"),
                    **({"Authorization": f"Bearer {token}"} if token else {}),
                },
                refused=re.compile(r"kill"),
                static=("static/",),
            )
        )
    if settings.PROMETHEUS_INTERNAL_URL:
        known.append(
            Upstream(
                name="prometheus",
                title="Prometheus",
                prefix=PROMETHEUS_PREFIX,
                address=settings.PROMETHEUS_INTERNAL_URL,
                role=Role.OPERATOR,
                policy=CONTAINED_POLICY,
                # Endpoints to reload, quit and profile; the configuration contains our file names.
                refused=re.compile(r"^(-/(reload|quit)|debug|api/v1/(admin|status/config)|config)"),
                static=("static/",),
                certificates=settings.MONITORING_CERTIFICATES,
            )
        )
    return known
