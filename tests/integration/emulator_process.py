"""The emulator as a process of its own that plays faults by seed and notes what it put on every socket.

    python emulator_process.py FOLDER PLAN

PLAN is a `Play` as JSON. Writes FOLDER/emulator.json while it serves. Prints `calm` once `frames` market frames were
handed to clients: from then on no fault is armed. Told `end` on stdin it plays nothing more, prints `over` and waits;
when stdin closes it writes FOLDER/sent.npz (a digest of each market message handed to a connection, by its id) and
FOLDER/played.json (faults, connections, the books at the end), and ends.
"""

import asyncio
import hashlib
import sys
from array import array
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import orjson

from streaming.emulator.faults import ORDER_FAULTS, FaultKind, FaultSchedule
from streaming.emulator.market import MarketEmulator
from streaming.emulator.serve import Served, serving
from streaming.emulator.session import Session
from streaming.emulator.source import EndlessMarket, SourceItem

MARKET_MESSAGES = (b'{"stream":', b'{"topic":')
"""How every message begins that is no answer to a request, on connections with combined streams."""
LOOK_S = 0.05


@dataclass(frozen=True)
class Play:
    """What is played."""

    seed: int
    start_ns: int
    speed: float
    frames: int
    fault_seed: int
    faults_per_hour: float


def market_of(play: Play) -> EndlessMarket:
    return EndlessMarket(play.seed, play.start_ns)


def digest(message: bytes) -> int:
    return int.from_bytes(hashlib.blake2b(message, digest_size=8).digest(), "little")


class EndingMarket:
    """The generated market until it is told to end."""

    def __init__(self, market: EndlessMarket) -> None:
        self._market = market
        self.instruments, self.start_ns = market.instruments, market.start_ns
        self.is_ending = False

    def items(self) -> Iterator[SourceItem]:
        for item in self._market.items():
            if self.is_ending:
                return
            yield item


def note_what_is_sent() -> dict[int, "array[int]"]:
    """Have each session's market messages noted from now on."""
    sent: dict[int, array[int]] = {}
    send = Session.send

    def send_and_note(session: Session, data: bytes) -> None:
        if session.ending is None and data.startswith(MARKET_MESSAGES):
            sent.setdefault(session.id, array("Q")).append(digest(data))
        send(session, data)

    Session.send = send_and_note  # type: ignore[method-assign]
    return sent


async def serve(folder: Path, play: Play) -> None:
    market, sent = EndingMarket(market_of(play)), note_what_is_sent()
    emulator = MarketEmulator(market, schedule=schedule_of(play, [entry.venue for entry in market.instruments]))
    async with serving(emulator, speed=play.speed) as served:
        (folder / "emulator.json").write_bytes(orjson.dumps(served.to_json()))
        await follow(emulator, market, served, play.frames)
        write_log(folder, emulator, sent)


def schedule_of(play: Play, venues: list[str]) -> FaultSchedule | None:
    kinds = [kind for kind in FaultKind if kind is not FaultKind.regime and kind not in ORDER_FAULTS]
    if not play.faults_per_hour:
        return None
    return FaultSchedule(play.fault_seed, play.faults_per_hour, play.start_ns, venues, kinds)


async def follow(emulator: MarketEmulator, market: EndingMarket, served: Served, frames: int) -> None:
    """Tell how far the market is, and do what stdin says until it closes."""
    told, is_calm = await stdin_lines(), False
    ended = asyncio.create_task(served.servers.wait_ended())
    line = asyncio.create_task(told.readline())
    while not ended.done() and not (line.done() and not line.result()):
        if line.done():
            assert line.result() == b"end\n", line.result()
            market.is_ending = True
            line = asyncio.create_task(told.readline())
        if not is_calm and sum(venue.counts["sent"] for venue in emulator.venues.values()) >= frames:
            emulator.calm()
            is_calm = True
            print("calm", flush=True)
        if market.is_ending and emulator.is_over:
            print("over", flush=True)
            await asyncio.wait([line, ended], return_when=asyncio.FIRST_COMPLETED)
            break
        await asyncio.wait([line, ended], timeout=LOOK_S, return_when=asyncio.FIRST_COMPLETED)
    ended.cancel()
    line.cancel()


async def stdin_lines() -> asyncio.StreamReader:
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    return reader


def write_log(folder: Path, emulator: MarketEmulator, sent: dict[int, "array[int]"]) -> None:
    np.savez(folder / "sent.npz", **{str(number): np.asarray(digests) for number, digests in sent.items()})
    books = {}
    for entry in emulator.source.instruments:
        state = emulator.truth_at(entry.name)
        assert state is not None
        books[entry.name] = asdict(state)
    document = {
        "faults": emulator.fault_rows(),
        "connections": emulator.connection_rows(),
        "books": books,
        "frames": sum(venue.counts["frames"] for venue in emulator.venues.values()),
        "lag_ns_max": emulator.lag_ns_max,
        "fired": dict(emulator.log.fired),
    }
    (folder / "played.json").write_bytes(orjson.dumps(document))


if __name__ == "__main__":
    asyncio.run(serve(Path(sys.argv[1]), Play(**orjson.loads(sys.argv[2]))))
