"""The order to end by signals, while a loop runs and after it."""

import asyncio
import os
import signal
from collections.abc import Callable, Iterator

import pytest
import uvloop

from streaming.shell.stop_signals import STOP_SIGNALS, ended_by_signals

Loop = Callable[[], asyncio.AbstractEventLoop]
LOOPS = [asyncio.new_event_loop, uvloop.new_event_loop]


def of_the_command_line(number: int, frame: object) -> None:
    raise KeyboardInterrupt(signal.Signals(number).name)


@pytest.fixture(autouse=True)
def meanings() -> Iterator[None]:
    before = {number: signal.getsignal(number) for number in STOP_SIGNALS}
    for number in STOP_SIGNALS:
        signal.signal(number, of_the_command_line)
    yield
    for number, meaning in before.items():
        signal.signal(number, meaning)


def heard_in_a_loop(new_loop: Loop, number: signal.Signals) -> list[str]:
    """Send a signal to a loop that listens, and return what it heard."""

    async def live() -> list[str]:
        heard: list[str] = []
        told = asyncio.Event()

        def end(name: str) -> None:
            heard.append(name)
            told.set()

        with ended_by_signals(end):
            os.kill(os.getpid(), number)
            await asyncio.wait_for(told.wait(), 5)
        return heard

    with asyncio.Runner(loop_factory=new_loop) as runner:
        return runner.run(live())


@pytest.mark.parametrize("new_loop", LOOPS)
@pytest.mark.parametrize("number", STOP_SIGNALS)
def test_a_signal_is_told_and_has_its_old_meaning_afterwards(new_loop: Loop, number: signal.Signals) -> None:
    assert heard_in_a_loop(new_loop, number) == [number.name]

    assert {signal.getsignal(each) for each in STOP_SIGNALS} == {of_the_command_line}
    with pytest.raises(KeyboardInterrupt, match=number.name):
        os.kill(os.getpid(), number)


@pytest.mark.parametrize("new_loop", LOOPS)
def test_a_signal_that_was_ignored_stays_ignored(new_loop: Loop) -> None:
    signal.signal(signal.SIGHUP, signal.SIG_IGN)

    async def live() -> list[str]:
        heard: list[str] = []
        with ended_by_signals(heard.append):
            os.kill(os.getpid(), signal.SIGHUP)
            await asyncio.sleep(0)
        return heard

    with asyncio.Runner(loop_factory=new_loop) as runner:
        assert runner.run(live()) == []
    assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
