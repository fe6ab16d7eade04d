"""A control socket served in a thread of its own."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread

from streaming.shell.control import Answer, ControlServer


@contextmanager
def serving(path: Path, answer: Answer) -> Iterator[None]:
    """Serve `answer` at `path` while the body runs."""
    up, stop = Event(), Event()

    async def serve() -> None:
        server = ControlServer(path, answer)
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
