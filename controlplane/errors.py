"""What an action can say when it can't be done. Every room's own errors derive from these."""


class ActionError(Exception):
    """Something a person can mend. `message` says what happened to what, `remedy` what to do about it."""

    code = "refused"
    status = 409
    # Seconds after which trying again makes sense, for the header Retry-After; 0 says nothing about it.
    retry_after = 0
    # Whether the audit has a row about it already.
    audited = False

    def __init__(self, message: str, remedy: str = "") -> None:
        super().__init__(f"{message} {remedy}".strip())
        self.message = message
        self.remedy = remedy


class InvalidInputError(ActionError):
    """The request itself is wrong: `message` names the field."""

    code = "invalid"
    status = 422


class NotFoundError(ActionError):
    """What was asked for isn't there."""

    code = "not_found"
    status = 404


class SessionNeededError(ActionError):
    """What tokens may not do, whatever their scope."""

    code = "session_needed"
    status = 403

    def __init__(self, what: str) -> None:
        super().__init__(f"{what} needs a session: a token may not.", "Sign in to the pages, and do it in Settings.")


class UnreachableError(ActionError):
    """A part of the system that the action needs doesn't answer."""

    code = "unreachable"
    status = 503
