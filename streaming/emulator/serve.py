"""Starts the emulator: primes the market, opens the ports, starts the clock, and ends cleanly."""

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import orjson

from native.config import JsonObject
from streaming.emulator.accounts import SOCKETS, EmulatorAccount, open_account
from streaming.emulator.exchange.accounts import FeeRates
from streaming.emulator.market import MarketEmulator
from streaming.emulator.sockets import EmulatorServers
from streaming.shell.clock import Clock
from streaming.shell.gather import all_unless_stopped
from streaming.shell.stop_signals import ended_by_signals

PARENT_LOOK_S = 0.2
PONG_REAL_S = 5.0
"""However fast the clock, a pong may take this long: neither the network nor the client's process runs faster by it."""


@dataclass(frozen=True, slots=True)
class Served:
    """A running emulator."""

    addresses: dict[str, str]
    """`host:port` by venue, and of `control`."""
    clock: Clock
    servers: EmulatorServers
    accounts: Mapping[str, EmulatorAccount] = field(default_factory=dict)
    """By venue."""

    def to_json(self) -> JsonObject:
        """Return what others need to attach: addresses, the clock's numbers, and accounts with their keys."""
        return {
            "pid": os.getpid(),
            "addresses": dict(self.addresses),
            "clock": self.clock.to_json(),
            "accounts": {venue: dict(account.to_json()) for venue, account in self.accounts.items()},
            "sockets": {venue: dict(SOCKETS[venue]) for venue in self.accounts},
        }

    def to_shown_json(self) -> JsonObject:
        """Return the same without keys, for screens and logs."""
        ids: JsonObject = {venue: {"account_id": account.account_id} for venue, account in self.accounts.items()}
        return {**self.to_json(), "accounts": ids}


@asynccontextmanager
async def serving(
    emulator: MarketEmulator,
    *,
    speed: float = 1.0,
    ports: dict[str, int] | None = None,
    accounts_seed: int = 1,
    fees: FeeRates | None = None,
) -> AsyncIterator[Served]:
    """Serve `emulator` while the block runs; leaves no port and no task behind.

    `ports` by venue and for `control`; one that is missing or 0 is any free one. The clock starts at the market's time
    as the ports open. Every venue has one account, whose keys follow from `accounts_seed` and which pays `fees` (see
    `open_account`). TraderError when a port is taken; what ends the market by mistake is raised on leaving.
    """
    epoch_ns = emulator.prime()
    accounts = {name: open_account(venue, accounts_seed, epoch_ns, fees) for name, venue in emulator.venues.items()}
    for venue in emulator.venues.values():
        venue.grant_pongs(int(PONG_REAL_S * speed * 1_000_000_000))
    servers = EmulatorServers(emulator, Clock.starting_at(epoch_ns, speed))
    addresses = await servers.start(ports or {})
    running = asyncio.create_task(servers.run())
    try:
        yield Served(addresses, servers.clock, servers, accounts)
    finally:
        servers.end()
        try:
            await running
        finally:
            await servers.stop()


async def serve_until_stopped(
    emulator: MarketEmulator,
    *,
    speed: float,
    ports: dict[str, int],
    addresses_file: Path | None,
    announce: Callable[[Served], None],
    ends_with_parent: bool = False,
    fees: FeeRates | None = None,
) -> JsonObject:
    """Serve until SIGINT, SIGTERM, SIGHUP or control asks for the end; return the last status.

    `addresses_file` holds `Served.to_json` while the emulator runs. With `ends_with_parent` the end of the process that
    started this one, however it came, is the end of this one too.
    """
    parent, told = os.getppid(), asyncio.Event()
    with ended_by_signals(lambda _: told.set()):
        async with serving(emulator, speed=speed, ports=ports, fees=fees) as served:
            watching = asyncio.create_task(_end_with(parent, told)) if ends_with_parent else None
            document = orjson.dumps(served.to_json())
            try:
                if addresses_file is not None:
                    _write_file(addresses_file, document)
                announce(served)
                await all_unless_stopped([served.servers.wait_ended()], told)
            finally:
                if watching is not None:
                    watching.cancel()
                if addresses_file is not None:
                    _remove_file(addresses_file, document)
            return emulator.status(served.clock.now_ns())


def _write_file(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    temporary.touch(mode=0o600)  # it holds keys, be they of made-up accounts
    temporary.chmod(0o600)
    temporary.write_bytes(data)
    temporary.replace(path)


def _remove_file(path: Path, document: bytes) -> None:
    """Remove the addresses that we wrote; those of another emulator, started later, stay."""
    with suppress(FileNotFoundError):
        if path.read_bytes() == document:
            path.unlink()


async def _end_with(parent: int, told: asyncio.Event) -> None:
    """Tell to end when the process `parent` is ours no more."""
    while os.getppid() == parent:
        await asyncio.sleep(PARENT_LOOK_S)
    told.set()
