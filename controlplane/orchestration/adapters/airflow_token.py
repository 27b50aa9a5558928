"""Tokens of Airflow's API: requested, cached and renewed before they expire."""

import base64
import json
import threading
import time

import httpx

from controlplane.orchestration.ports import WorkflowError, WorkflowUnreachableError
from spark_jobs.certificates import certificate_problem
from spark_jobs.tls import ssl_context

RENEW_BEFORE_SECONDS = 300.0


class Token:
    """The bearer token of one user of one Airflow. Thread-safe.

    Args:
        url: the api-server's address.
        timeout: seconds to connect and to read.
    """

    def __init__(self, url: str, username: str, password: str, *, timeout: tuple[float, float]) -> None:
        self._url = url
        self._username = username
        self._password = password
        self._timeout = httpx.Timeout(timeout[1], connect=timeout[0])
        self._lock = threading.Lock()
        self._text = ""
        self._until = 0.0

    def get(self, *, renew: bool = False) -> str:
        """The token, from `POST /auth/token` if there is no valid one or if `renew` is set.

        Raises:
            WorkflowUnreachableError: Airflow does not respond.
            WorkflowError: Airflow rejects this user.
        """
        with self._lock:
            if renew or time.time() >= self._until:
                self._text = self._ask()
                self._until = _ends_at(self._text) - RENEW_BEFORE_SECONDS
            return self._text

    def _ask(self) -> str:
        told = {"username": self._username, "password": self._password}
        try:
            # Like the client of the rest of the API: no proxy of the environment and no redirect gets the password.
            answer = httpx.post(
                f"{self._url}/auth/token",
                json=told,
                timeout=self._timeout,
                trust_env=False,
                follow_redirects=False,
                verify=ssl_context(),
            )
        except httpx.HTTPError as error:
            raise WorkflowUnreachableError(
                certificate_problem(error, "Airflow", self._url) or f"Airflow at {self._url} does not respond: {error}"
            ) from error
        if answer.status_code == 429:
            wait = answer.headers.get("Retry-After", "")
            raise WorkflowUnreachableError(
                f"Airflow at {self._url} rejects sign-ins after too many wrong passwords."
                + (f" Sign-in is possible again in {wait} s." if wait.isascii() and wait.isdigit() else "")
            )
        if answer.status_code >= 500:
            raise WorkflowUnreachableError(f"Airflow at {self._url} returned {answer.status_code}.")
        if answer.status_code >= 400:
            raise WorkflowError(
                f"Airflow rejected the sign-in of {self._username} ({answer.status_code}): {answer.text[:200]}"
            )
        try:
            return str(answer.json()["access_token"])
        except (ValueError, KeyError, TypeError):
            raise WorkflowError(f"Airflow at {self._url} returned {answer.status_code} without a token.") from None


def _ends_at(token: str) -> float:
    """When a JWT expires (its claim `exp`, RFC 7519), in seconds since 1970; without one, ten minutes from now."""
    try:
        claims = token.split(".")[1]
        return float(json.loads(base64.urlsafe_b64decode(claims + "=" * (-len(claims) % 4)))["exp"])
    except (IndexError, KeyError, ValueError):
        return time.time() + 600
