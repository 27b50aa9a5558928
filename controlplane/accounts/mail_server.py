"""The connection to the mail server, which trusts the same authorities as every other connection."""

import ssl
from contextlib import suppress
from functools import cached_property
from smtplib import SMTPException

from django.core.mail.backends.smtp import EmailBackend

from spark_jobs.tls import ssl_context


class VerifiedBackend(EmailBackend):
    """Django's SMTP backend with the authorities of `TLS_CA_FILE`.

    A server that does not offer STARTTLS gets no message: there is no fallback to plain text.
    """

    @cached_property
    def ssl_context(self) -> ssl.SSLContext:
        """The TLS context that verifies the server with `TLS_CA_FILE`."""
        return ssl_context()

    def open(self) -> bool | None:
        """Connect. Django keeps a connection open that failed after the greeting."""
        try:
            opened: bool | None = super().open()
        except (OSError, SMTPException):
            with suppress(OSError, SMTPException):
                self.close()
            raise
        return opened
