"""What a person can mend, said in one line."""

from __future__ import annotations


class InstallationError(Exception):
    """Something stands in the way; `message` says what, `remedy` says what to do about it."""

    def __init__(self, message: str, remedy: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.message} {self.remedy}".strip()
