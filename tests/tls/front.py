"""TLS in front of a real server that has none: what arrives encrypted is relayed to it."""

import asyncio
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

# PostgreSQL's protocol, "SSL Session Encryption": length 8, code 80877103.
SSL_REQUEST = bytes.fromhex("0000000804d2162f")


class _Front:
    def __init__(self, upstream: int | Path, context: ssl.SSLContext, *, postgres: bool) -> None:
        self._upstream, self._context, self._postgres = upstream, context, postgres
        self._ready, self._stop = threading.Event(), asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()), daemon=True)
        self._relays: set[asyncio.Task[None]] = set()
        self.port = 0

    def start(self) -> None:
        self._thread.start()
        assert self._ready.wait(30)

    def stop(self) -> None:
        assert self._loop is not None
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(30)
        assert not self._thread.is_alive()

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        # A refused handshake is what tests are about, and no news.
        self._loop.set_exception_handler(lambda loop, context: None)
        at_once = None if self._postgres else self._context
        server = await asyncio.start_server(self._relay, "127.0.0.1", 0, ssl=at_once)
        self.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        await self._stop.wait()
        server.close()
        for task in self._relays:
            task.cancel()
        await asyncio.gather(*self._relays, return_exceptions=True)

    async def _relay(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._relays.add(task)
        writers = [writer]
        try:
            if self._postgres:
                if await reader.readexactly(8) != SSL_REQUEST:
                    return
                writer.write(b"S")
                await writer.drain()
                await writer.start_tls(self._context)
            if isinstance(self._upstream, Path):
                behind = await asyncio.open_unix_connection(str(self._upstream))
            else:
                behind = await asyncio.open_connection("127.0.0.1", self._upstream)
            writers.append(behind[1])
            await asyncio.gather(_pass_on(reader, behind[1]), _pass_on(behind[0], writer))
        except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            for one in writers:
                one.transport.abort()
                with suppress(OSError):
                    await one.wait_closed()
            self._relays.discard(task)


async def _pass_on(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    while data := await source.read(65_536):
        sink.write(data)
        await sink.drain()
    sink.close()


@contextmanager
def tls_front(upstream: int | Path, context: ssl.SSLContext, *, postgres: bool = False) -> Iterator[int]:
    """A port of loopback that speaks TLS, before the port or the Unix socket `upstream`.

    With `postgres`, clients ask for TLS as PostgreSQL's protocol has it, and those that do not are turned away.
    """
    front = _Front(upstream, context, postgres=postgres)
    front.start()
    try:
        yield front.port
    finally:
        front.stop()
