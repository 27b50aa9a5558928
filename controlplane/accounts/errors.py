"""What an action can say when it can't be done. Every room's own errors derive from these."""


class ActionError(Exception):
    """Something a person can mend. `message` says what happened to what, `remedy` what to do about it."""

    code = "refused"
    status = 409

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


class UnreachableError(ActionError):
    """A part of the system that the action needs doesn't answer."""

    code = "unreachable"
    status = 503
