"""A mail server with TLS on loopback: SMTP with STARTTLS (RFC 3207), or TLS from the first byte (RFC 8314)."""

import asyncio
import ssl
import threading
from base64 import b64decode
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field


@dataclass
class MailServer:
    """`messages` are those that arrived, and `passwords` those of AUTH; each with whether it was encrypted."""

    context: ssl.SSLContext
    implicit: bool = False
    offers_starttls: bool = True
    port: int = 0
    messages: list[tuple[bool, str]] = field(default_factory=list)
    passwords: list[tuple[bool, str]] = field(default_factory=list)

    async def serve(self, ready: threading.Event, stop: asyncio.Event) -> None:
        """Serve until `stop` is set."""
        # Clients that refuse the certificate end the handshake.
        asyncio.get_running_loop().set_exception_handler(lambda loop, context: None)
        server = await asyncio.start_server(self._talk, "127.0.0.1", 0, ssl=self.context if self.implicit else None)
        self.port = server.sockets[0].getsockname()[1]
        ready.set()
        await stop.wait()
        server.close()

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await self._dialogue(reader, writer, encrypted=self.implicit)
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.transport.abort()
            with suppress(OSError):
                await writer.wait_closed()

    async def _dialogue(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, encrypted: bool) -> None:
        writer.write(b"220 localhost ESMTP\r\n")
        while line := (await reader.readline()).decode().rstrip("\r\n"):
            command = line[:8].split(" ")[0].upper()
            if command == "EHLO":
                starttls = b"250-STARTTLS\r\n" if self.offers_starttls and not encrypted else b""
                writer.write(b"250-localhost\r\n" + starttls + b"250 AUTH PLAIN\r\n")
            elif command == "STARTTLS":
                writer.write(b"220 ready\r\n")
                await writer.start_tls(self.context)
                encrypted = True
            elif command == "AUTH":
                self.passwords.append((encrypted, b64decode(line.split(" ")[2]).decode().split("\0")[2]))
                writer.write(b"235 accepted\r\n")
            elif command == "DATA":
                writer.write(b"354 end with a dot\r\n")
                message = await reader.readuntil(b"\r\n.\r\n")
                self.messages.append((encrypted, message.decode()))
                writer.write(b"250 accepted\r\n")
            elif command == "QUIT":
                writer.write(b"221 bye\r\n")
                await writer.drain()
                return
            else:
                writer.write(b"250 accepted\r\n")
            await writer.drain()


@contextmanager
def mail_server(
    context: ssl.SSLContext, *, implicit: bool = False, offers_starttls: bool = True
) -> Iterator[MailServer]:
    """A running mail server.

    Args:
        implicit: whether it expects TLS from the first byte on (smtps).
        offers_starttls: whether it offers STARTTLS otherwise.
    """
    server = MailServer(context, implicit, offers_starttls)
    ready, loop, stop = threading.Event(), asyncio.new_event_loop(), asyncio.Event()
    thread = threading.Thread(target=lambda: loop.run_until_complete(server.serve(ready, stop)), daemon=True)
    thread.start()
    assert ready.wait(30)
    try:
        yield server
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(30)
        assert not thread.is_alive()
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.close()
