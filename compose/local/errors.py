"""Errors that a user can fix, as one line."""

from __future__ import annotations


class InstallationError(Exception):
    """A problem with the installation; `message` describes it, `remedy` says how to resolve it."""

    def __init__(self, message: str, remedy: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.message} {self.remedy}".strip()
