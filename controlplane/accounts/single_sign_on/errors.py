"""What can go wrong between a person, the provider and this application. Each is shown on a page with its remedy."""

from controlplane.errors import ActionError, UnreachableError


class ProviderUnreachableError(UnreachableError):
    """The provider did not answer in time, or not at all."""

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(
            f"{name} does not respond: {reason}.",
            "Try again in a moment. If the problem persists, an admin can sign in with a password and check "
            "OIDC_ISSUER and the connection to it.",
        )


class ProviderAnswerError(ActionError):
    """The provider answered with something that can't be trusted or used."""

    code = "provider_answer"
    status = 502

    def __init__(self, message: str, remedy: str = "") -> None:
        super().__init__(
            message,
            remedy or "Sign in again. If the problem persists, ask an admin to check the OIDC_… variables.",
        )


class SignOnRefusedError(ActionError):
    """The person is known to the provider, and may not sign in here, or not like this."""

    code = "forbidden"
    status = 403


class TooManyBeginningsError(ActionError):
    """Sign-ins were begun too often from one address."""

    code = "too_many_attempts"
    status = 429

    def __init__(self, *, minutes: int) -> None:
        self.retry_after = minutes * 60
        super().__init__("Too many sign-ins from your address.", f"Try again in {minutes} minutes.")


class SignOnExpiredError(ActionError):
    """The answer of the provider belongs to no sign-in of this browser."""

    code = "sign_in_expired"
    status = 400

    def __init__(self) -> None:
        super().__init__(
            "This sign-in has expired: it was already used, is older than 10 minutes, or started in another browser.",
            "Sign in again from the sign-in page, with cookies enabled.",
        )
