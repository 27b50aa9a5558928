"""Many large forms at once against the web server itself: its memory is bounded, and other users' pages answer."""

import os
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
from django.conf import settings
from django.test import Client

from controlplane.accounts.large_requests import EACH, RETRY_AFTER_SECONDS
from controlplane.accounts.models import User
from controlplane.accounts.request_limits import FORM_ESCAPES
from controlplane.accounts.roles import Role
from tests.accounts.serving import web_process
from tests.people import person

pytestmark = pytest.mark.django_db(transaction=True)
FORMS = 40
# The most costly form that is accepted: Django makes objects of every escape.
FORM = b"time_zone=" + b"%25" * (FORM_ESCAPES - 10)


@dataclass(frozen=True)
class Server:
    """A running web server."""

    address: str
    process: int

    def client(self, user: User) -> httpx.Client:
        """A signed-in client."""
        signed_in, port = Client(), urlsplit(self.address).port
        signed_in.force_login(user)
        csrf = "c" * 32
        cookies = {
            f"lakehouse_session_{port}": signed_in.cookies[settings.SESSION_COOKIE_NAME].value,
            f"lakehouse_csrf_{port}": csrf,
        }
        headers = {"X-CSRFToken": csrf, "Content-Type": "application/x-www-form-urlencoded"}
        # A connection of its own for each form.
        limits = httpx.Limits(max_connections=2 * FORMS)
        return httpx.Client(
            base_url=self.address, cookies=cookies, headers=headers, trust_env=False, timeout=300, limits=limits
        )

    def memory(self, kind: str) -> int:
        """Bytes in memory: `VmRSS` now, `VmHWM` at most since `forget_peak`."""
        status = Path(f"/proc/{self.process}/status").read_text()
        return next(int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith(f"{kind}:"))

    def forget_peak(self) -> int:
        """Measure the peak from now on; returns the bytes in memory."""
        Path(f"/proc/{self.process}/clear_refs").write_text("5")
        return self.memory("VmRSS")


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    """A web server on the tests' database."""
    with web_process(tmp_path, REQUESTS_PER_MINUTE="0") as (address, process):
        yield Server(address, process)


def send(client: httpx.Client) -> httpx.Response:
    """The response to one large form."""
    return client.post("/settings/time-zone/", content=FORM)


@pytest.mark.skipif(not os.access("/proc/self/clear_refs", os.W_OK), reason="This system does not measure peaks.")
def test_a_users_large_forms_take_turns_and_other_users_are_served(server: Server) -> None:
    with server.client(person(Role.VIEWER)) as viewer, server.client(person(Role.OPERATOR)) as other:
        # What the first form loads stays.
        assert send(viewer).status_code == 302
        before = server.forget_peak()
        assert send(viewer).status_code == 302
        of_one = server.memory("VmHWM") - before
        assert of_one > 10 * len(FORM)
        before = server.forget_peak()
        pages = []
        with ThreadPoolExecutor(FORMS) as threads:
            forms = [threads.submit(send, viewer) for _ in range(FORMS)]
            while not all(form.done() for form in forms):
                page = other.get("/settings/")
                # Those that were answered while forms were in work.
                pages += [page] if not all(form.done() for form in forms) else []
        responses = [form.result() for form in forms]
    assert [page.text for page in pages if page.status_code != 200] == []
    assert pages
    statuses = Counter(response.status_code for response in responses)
    print(f"\n{dict(statuses)}, {len(pages)} pages; {of_one >> 20} MiB for one form")
    assert set(statuses) <= {302, 429}
    assert statuses[302] >= EACH
    for refused in (response for response in responses if response.status_code == 429):
        assert refused.headers["Retry-After"] == str(RETRY_AFTER_SECONDS)
        assert "The limit of concurrent large requests per user" in refused.text
    assert server.memory("VmHWM") - before < (EACH + 2) * of_one
