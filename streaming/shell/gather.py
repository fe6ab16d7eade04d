"""Waiting for several things at once, or for being told to end."""

import asyncio
from collections.abc import Coroutine, Sequence
from typing import Any, TypeVar

Found = TypeVar("Found")


async def all_unless_stopped(work: Sequence[Coroutine[Any, Any, Found]], stop: asyncio.Event) -> list[Found] | None:
    """Return what all of `work` returned, in order; None when `stop` was set first.

    What is still running then, or when one of them raises, is cancelled and waited for; the first error is raised.
    """
    tasks = [asyncio.ensure_future(item) for item in work]
    stopping = asyncio.ensure_future(stop.wait())
    pending: set[asyncio.Future[Any]] = {*tasks, stopping}
    try:
        while not stopping.done() and not all(task.done() for task in tasks):
            done, pending = await asyncio.wait(pending, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        return None if stop.is_set() else [task.result() for task in tasks]
    finally:
        for task in (*tasks, stopping):
            task.cancel()
        await asyncio.gather(*tasks, stopping, return_exceptions=True)
