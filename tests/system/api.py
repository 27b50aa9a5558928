"""A program's view of the installation: the REST API with a bearer token."""

from typing import Any
from uuid import uuid4

import httpx

from tests.waiting import wait_for


class ControlPlane:
    """The installation's API, as a script of a user would call it."""

    def __init__(self, url: str, token: str) -> None:
        self.http = httpx.Client(
            base_url=f"{url}/api/v1", headers={"Authorization": f"Bearer {token}"}, timeout=15.0, trust_env=False
        )

    def get(self, path: str, **query: Any) -> Any:
        answer = self.http.get(path, params=query)
        assert answer.status_code == 200, f"GET {path}: {answer.status_code} {answer.text[:500]}"
        return answer.json()

    def post(self, path: str, body: Any = None, *, key: str | None = None) -> Any:
        answer = self.http.post(path, json=body or {}, headers={"Idempotency-Key": key or str(uuid4())})
        assert answer.status_code in (200, 201, 202), f"POST {path}: {answer.status_code} {answer.text[:500]}"
        return answer.json()

    def part(self, name: str) -> dict[str, Any]:
        parts = {part["part"]: part for part in self.get("/health")["parts"]}
        return dict(parts[name])

    def wait_part(self, name: str, state: str, *, within: float) -> dict[str, Any]:
        def look() -> dict[str, Any] | None:
            part = self.part(name)
            return part if part["state"] == state else None

        return wait_for(look, f"{name} is {state}", within=within)

    def wait_all_up(self, *, within: float) -> None:
        def look() -> bool:
            states = {part["part"]: part["state"] for part in self.get("/health")["parts"]}
            not_up = {name: state for name, state in states.items() if state != "up"}
            assert not not_up, f"not up: {not_up}"
            return True

        wait_for(look, "every part is up", within=within, every=1.0)
