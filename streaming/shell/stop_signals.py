"""SIGINT, SIGTERM and SIGHUP as the order to end, while a loop runs: one way for every process that lives on one."""

import asyncio
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager

STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@contextmanager
def ended_by_signals(end: Callable[[str], None]) -> Iterator[None]:
    """Call `end` on the running loop with a signal's name, as often as one comes, while the block runs.

    A signal that was ignored stays so (nohup, a shell's background). Afterwards each has the meaning that it had
    before: what is done then, such as writing tables, is interrupted as the command line has it.
    """
    loop = asyncio.get_running_loop()
    before = {number: signal.getsignal(number) for number in STOP_SIGNALS}
    taken = [number for number, meaning in before.items() if meaning is not signal.SIG_IGN]
    for number in taken:
        loop.add_signal_handler(number, end, number.name)
    try:
        yield
    finally:
        for number in taken:
            loop.remove_signal_handler(number)  # which leaves the system's meaning: the end at once
            signal.signal(number, before[number])
