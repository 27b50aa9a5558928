"""How a tour ends early."""


class TourError(Exception):
    """A step does not hold. `message` says what happened to what, `remedy` what to look at or do."""

    def __init__(self, message: str, remedy: str) -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy
