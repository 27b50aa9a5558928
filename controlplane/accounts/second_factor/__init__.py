"""The second factor of people: authenticator apps (TOTP), passkeys (WebAuthn) and recovery codes.

django-allauth stores the factors (`allauth.mfa.models.Authenticator`) and implements TOTP, WebAuthn and recovery codes.
This package calls its `internal.auth` modules. Its flows are not used: they belong to allauth's own sign-in, pages,
e-mails and rate limits, and the control plane has its own sessions, audit and throttle.
"""
