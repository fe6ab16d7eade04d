"""Worker processes that run passes, and end when this process does, however it dies."""

import multiprocessing
import os
import signal
import threading
from collections.abc import Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from typing import Self

from streaming.errors import TraderError, refusal_of
from streaming.optimize.folds import Window
from streaming.optimize.lane_pass import Course, run_window
from streaming.optimize.results import LaneResult

ORPHANED = 1


@dataclass(frozen=True, slots=True)
class Failure:
    """What a pass failed with, as it crosses from its process: errors with fields of their own do not."""

    text: str
    exit_code: int


Passed = list[LaneResult] | Failure


class Crew:
    """Runs passes in `jobs` processes, or in this one when there is one job. Use it with `with`."""

    def __init__(self, course: Course, jobs: int) -> None:
        self._course = course
        self._pool = None
        self._others = {child.pid for child in multiprocessing.active_children()}
        if jobs > 1:
            context = multiprocessing.get_context("spawn")
            self._pool = ProcessPoolExecutor(jobs, mp_context=context, initializer=_end_with_parent)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_details: object) -> None:
        if self._pool is None:
            return
        if kind is not None:  # nobody wants what they are at any more
            for child in multiprocessing.active_children():
                if child.pid not in self._others:
                    child.terminate()
        self._pool.shutdown(wait=True, cancel_futures=True)

    def start(self, window: Window, lanes: Sequence[str]) -> Future[Passed]:
        """Begin a pass; ask the future with `result_of`."""
        if self._pool is not None:
            return self._pool.submit(_pass, self._course, window, list(lanes))
        future: Future[Passed] = Future()
        future.set_result(_pass(self._course, window, lanes))
        return future


def result_of(future: Future[Passed]) -> list[LaneResult]:
    """Return what a pass found; the TraderError that it ended with is raised here, one too when its process died."""
    try:
        found = future.result()
    except BrokenProcessPool as error:
        raise TraderError(
            "a worker process died, of too little memory most often; run the same command again with fewer --jobs: "
            "it goes on where it was"
        ) from error
    if isinstance(found, Failure):
        raise refusal_of(found.text, found.exit_code)
    return found


def _pass(course: Course, window: Window, lanes: Sequence[str]) -> Passed:
    try:
        return run_window(course, window, lanes)
    except TraderError as error:
        return Failure(str(error), error.exit_code)


def _end_with_parent() -> None:
    """Let the worker die with its parent, which a pool alone does not see to when the parent is killed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the parent ends us
    parent = multiprocessing.parent_process()
    assert parent is not None, "a worker has a parent"

    def wait() -> None:
        parent.join()
        os._exit(ORPHANED)

    threading.Thread(target=wait, daemon=True, name="parent").start()
