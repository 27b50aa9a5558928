"""Base classes for errors of actions. Every room's own errors derive from these."""


class ActionError(Exception):
    """An error that a user can resolve. `message` says what failed on which object, `remedy` how to resolve it."""

    code = "refused"
    status = 409
    # Seconds for the header Retry-After; 0 for none.
    retry_after = 0
    # Whether an audit entry was already written.
    audited = False

    def __init__(self, message: str, remedy: str = "") -> None:
        super().__init__(f"{message} {remedy}".strip())
        self.message = message
        self.remedy = remedy


class InvalidInputError(ActionError):
    """The request is invalid: `message` names the field."""

    code = "invalid"
    status = 422


class NotFoundError(ActionError):
    """The requested object does not exist."""

    code = "not_found"
    status = 404


class SessionNeededError(ActionError):
    """The action requires a session: no token may perform it, whatever its scope."""

    code = "session_needed"
    status = 403

    def __init__(self, what: str) -> None:
        super().__init__(
            f"{what} requires a session and is not possible with a token.",
            "Sign in to the web interface and use Settings.",
        )


class UnreachableError(ActionError):
    """A service that the action needs does not respond."""

    code = "unreachable"
    status = 503
