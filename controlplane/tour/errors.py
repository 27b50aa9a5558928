"""Errors of the tour."""


class TourError(Exception):
    """A step failed. `message` says what failed on which object, `remedy` how to resolve it."""

    def __init__(self, message: str, remedy: str) -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy
