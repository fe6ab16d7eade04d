"""A control socket that answers `status` with a given document, in a thread of its own."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread

from native.config import JsonObject
from streaming.shell.control import ControlServer


@contextmanager
def answering(path: Path, status: JsonObject) -> Iterator[None]:
    """Answer at `path` while the body runs."""
    up, stop = Event(), Event()

    async def serve() -> None:
        server = ControlServer(path, lambda _request: status)
        await server.start()
        up.set()
        await asyncio.to_thread(stop.wait)
        await server.close()

    thread = Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    assert up.wait(10)
    try:
        yield
    finally:
        stop.set()
        thread.join()
