"""Clients that nobody here wrote judge the emulator, unmodified but for the address: `make judges` installs them.

What they found is the table of docs/judges.md, which is made here: with LOB_WRITE_JUDGES=1 it is written anew.
"""

import asyncio
import os
import time
from collections import defaultdict
from contextlib import AsyncExitStack
from decimal import Decimal
from pathlib import Path

import orjson
import pytest
from encrypted_relay import relayed, write_certificate

from streaming.emulator.exchange.accounts import ApiKey, FeeRates
from streaming.emulator.market import MarketEmulator
from streaming.emulator.serve import Served, serving
from streaming.emulator.source import EndlessMarket

ROOT = Path(__file__).resolve().parents[3]
JUDGES, SCRIPTS = ROOT / "build" / "judges", Path(__file__).with_name("clients")
TABLE = ROOT / "docs" / "judges.md"
NAMES = ("spot", "usdm", "pybit", "ccxt", "cryptofeed")
SYMBOL = "BTCUSDT"
STEP_NS = 100_000_000
WAIT_S = 150
OPERATIONS = (
    "exchange information",
    "book",
    "trades",
    "place",
    "query",
    "open orders",
    "amend",
    "cancel",
    "fill",
    "order refused",
    "order unknown",
    "signature refused",
    "balances",
    "fees",
    "socket orders",
    "user events",
    "countdown",
    "batch and cancel all",
    "key's permissions",
)
MARKS = {"held": "yes", "none": "–", "stale": "stale"}
HEAD = """# Judges

Clients of the venues that others wrote, unmodified but for the address, each in an environment of its own
(`make judges`), run one scripted session against the emulator. This table is made by
`tests/streaming/judges/test_judges.py`, which fails when anything a client does does not hold, or when the table is not
the one it makes; `LOB_WRITE_JUDGES=1 .venv/bin/pytest tests/streaming/judges` writes it anew.

- *yes*: the client did it, its own code read the answer, and what it read is what the emulator knows to be true. For
  *book* the ten best levels of the book that the client's code built are the emulator's at one moment.
- *stale*: the client uses a route that the venue has ended; the note says which. That it does not work is tested too.
- *–*: the client does not offer it. Empty: not part of its session.

"""


def interpreter(name: str) -> Path:
    """Return a judge's own Python; the test fails where it is not installed."""
    found = JUDGES / name / "bin" / "python"
    if not found.exists():
        pytest.fail(f"no judge at {found}: make judges", pytrace=False)
    return found


def open_accounts(emulator: MarketEmulator, name: str, now_ns: int) -> dict[str, dict[str, str]]:
    """Open an account of the judge's own at every venue, so that judges do not meet each other; return the keys."""
    keys = {}
    for venue, front in emulator.venues.items():
        exchange, account = front.exchange, str(70_001 + NAMES.index(name))
        coins = {"USDT": Decimal(100_000)} | ({} if venue == "binance_usdm" else {"BTC": Decimal(2)})
        exchange.open_account(account, coins, now_ns)
        exchange.set_fees(account, SYMBOL, FeeRates(maker=Decimal("0.0002"), taker=Decimal("0.0005")))
        key, secret = f"judge{name}".ljust(64, "0"), f"secret{name}".ljust(64, "0")
        exchange.add_key(ApiKey(key=key, account=account, secret=secret, made_ns=now_ns))
        keys[venue] = {"key": key, "secret": secret}
    return keys


async def judged(
    served: Served, name: str, venues: dict[str, dict[str, str]], certificate: Path
) -> list[dict[str, str]]:
    """Run one judge and return its rows."""
    given = {"control": served.addresses["control"], "symbol": SYMBOL, "operations": OPERATIONS, "venues": venues}
    child = await asyncio.create_subprocess_exec(
        str(interpreter(name)),
        str(SCRIPTS / f"{name}_judge.py"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={**os.environ, "SSL_CERT_FILE": str(certificate)},
    )
    try:
        out, error = await asyncio.wait_for(child.communicate(orjson.dumps(given)), WAIT_S)
    finally:
        if child.returncode is None:
            child.kill()
            await child.wait()
    assert child.returncode == 0, f"{name}: {error.decode()[-3_000:]}"
    return orjson.loads(out)  # type: ignore[no-any-return]


async def all_judged(folder: Path) -> list[dict[str, str]]:
    """Run all judges side by side against one emulator whose market begins now."""
    certificate = write_certificate(folder)
    emulator = MarketEmulator(EndlessMarket(1, time.time_ns() // STEP_NS * STEP_NS))
    async with AsyncExitStack() as stack:
        served = await stack.enter_async_context(serving(emulator))
        encrypted = {
            venue: await stack.enter_async_context(relayed(served.addresses[venue], certificate))
            for venue in emulator.venues
        }
        runs = []
        for name in NAMES:
            keys = open_accounts(emulator, name, served.clock.now_ns())
            venues = {
                venue: {"address": served.addresses[venue], "encrypted": encrypted[venue], **keys[venue]}
                for venue in emulator.venues
            }
            runs.append(judged(served, name, venues, certificate))
        found = await asyncio.gather(*runs)
    return [row for rows in found for row in rows]


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, str]]:
    for name in NAMES:
        interpreter(name)
    return asyncio.run(all_judged(tmp_path_factory.mktemp("judges")))


def table(rows: list[dict[str, str]]) -> str:
    """Return the document: a row an operation, a column a client, and the notes of what is stale."""
    clients = list(dict.fromkeys(row["client"] for row in sorted(rows, key=lambda row: row["client"])))
    cells = {(row["operation"], row["client"]): row for row in rows}
    lines = ["| operation | " + " | ".join(clients) + " |", "| --- |" + " --- |" * len(clients)]
    for operation in OPERATIONS:
        marks = [
            MARKS[cells[operation, client]["outcome"]] if (operation, client) in cells else "" for client in clients
        ]
        lines.append(f"| {operation} | " + " | ".join(marks) + " |")
    stale = defaultdict(list)
    for row in rows:
        if row["outcome"] == "stale":
            stale[row["client"], row["text"]].append(row["operation"])
    lines += ["", "Stale:", ""]
    lines += [f"- {client}, {', '.join(sorted(names))}: {text}" for (client, text), names in sorted(stale.items())]
    judges = ", ".join(f"`{(JUDGES / name / 'judge').read_text().strip()}`" for name in NAMES)
    return f"{HEAD}Judges: {judges}.\n\n" + "\n".join(lines) + "\n"


def test_whatever_a_client_offers_holds(rows: list[dict[str, str]]) -> None:
    wrong = [f"{row['client']}, {row['operation']}: {row['text']}" for row in rows if row["outcome"] == "wrong"]

    assert not wrong, "\n".join(wrong)


def test_every_client_did_the_whole_session(rows: list[dict[str, str]]) -> None:
    done = defaultdict(set)
    for row in rows:
        done[row["client"]].add(row["operation"])

    assert len(done) == 9
    assert set().union(*done.values()) == set(OPERATIONS)
    whole = set(OPERATIONS) - {"countdown", "batch and cancel all", "key's permissions"}
    assert {client: whole - operations for client, operations in done.items() if whole - operations} == {}


def test_the_table_in_the_docs_is_what_the_judges_found(rows: list[dict[str, str]]) -> None:
    made = table(rows)
    if os.environ.get("LOB_WRITE_JUDGES"):
        TABLE.write_text(made)

    assert TABLE.read_text() == made
