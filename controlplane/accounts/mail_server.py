"""The connection to the mail server, which trusts the same authorities as every other connection."""

import ssl
from functools import cached_property

from django.core.mail.backends.smtp import EmailBackend

from spark_jobs.tls import ssl_context


class VerifiedBackend(EmailBackend):
    """Django's SMTP backend with the authorities of `TLS_CA_FILE`.

    A server that does not offer STARTTLS gets no message: there is no fallback to plain text.
    """

    @cached_property
    def ssl_context(self) -> ssl.SSLContext:
        return ssl_context()
