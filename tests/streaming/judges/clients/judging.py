"""What the judges' scripts share; run by their own Pythons, so of the standard library alone.

A script is given one JSON document on its standard input and prints one: a row for each thing it tried.

    {"control": "host:port", "symbol": "BTCUSDT",
     "venues": {"binance_spot": {"address": ..., "key": ..., "secret": ...}, ...}}
"""

import asyncio
import json
import sys
import time
import traceback
import urllib.request
from decimal import Decimal

WAIT_S = 20.0
SIZE, LESS = Decimal("0.010"), Decimal("0.008")
HELD, STALE, NONE, WRONG = "held", "stale", "none", "wrong"


class Judging:
    """What was tried, and what came of it."""

    def __init__(self):
        self.given = json.load(sys.stdin)
        self.symbol = self.given["symbol"]
        self.rows = []

    def note(self, client, operation, outcome, text=""):
        """Note an outcome."""
        self.rows.append({"client": client, "operation": operation, "outcome": outcome, "text": text})

    async def step(self, client, operation, act):
        """Run one step, a function that may be a coroutine, and return its result; what it raises speaks against us."""
        try:
            found = act()
            found = await found if asyncio.iscoroutine(found) else found
        except Exception as error:
            where = traceback.extract_tb(error.__traceback__)[-1]
            said = f"{type(error).__name__}: {error} ({where.filename}:{where.lineno})"
            self.note(client, operation, WRONG, said[:2_000])
            return None
        self.note(client, operation, HELD)
        return found

    async def stale(self, client, operation, act, text):
        """Run a step that the client's own old routes keep from working; when it works, the table must say so."""
        try:
            found = act()
            await found if asyncio.iscoroutine(found) else None
        except Exception:
            self.note(client, operation, STALE, text)
        else:
            self.note(client, operation, WRONG, f"expected to be stale, but works: {text}")

    async def refused(self, client, operation, act, *words):
        """Run a step that must be refused, in words that the client passes on."""

        async def checked():
            try:
                found = act()
                found = await found if asyncio.iscoroutine(found) else found
            except Exception as error:
                said = f"{type(error).__name__} {error} {getattr(error, 'code', '')}"
                assert any(word in said for word in words), f"expected one of {words}, found {said}"
            else:
                raise AssertionError(f"expected a refusal, found {found}")

        await self.step(client, operation, checked)

    def truth(self, venue, levels=10):
        """Return the emulator's own book now."""
        address = f"http://{self.given['control']}/truth?instrument={venue}:{self.symbol}&levels={levels}"
        with urllib.request.urlopen(address, timeout=10) as reply:
            return json.load(reply)

    def passive(self, venue):
        """Return a whole price to buy at that nobody sells at."""
        return Decimal(int(Decimal(self.truth(venue, 1)["bids"][0][0]) * Decimal("0.997")))

    async def same_book(self, venue, built, known_by="last_id"):
        """Wait until a book that a client built is the emulator's of the same moment.

        `built` is what `keep` kept: by update id, or by what else `known_by` names of the emulator's book. Of a topic
        that says neither, `known_by` is empty: the book must be one that the emulator had.
        """
        true = {}

        def meet():
            state = self.truth(venue)
            keep(true, state[known_by] if known_by else None, state["bids"], state["asks"])
            return [number for number in true if number in built]

        try:
            [number, *_] = await until(meet)
        except TimeoutError:
            raise AssertionError(
                f"books never met: {[*built][-3:]} of the client, {[*true][-3:]} of the emulator"
            ) from None
        check(built[number] == true[number], f"books differ: built {built[number]}, true {true[number]}")

    def finish(self):
        """Print what came of it."""
        json.dump(self.rows, sys.stdout)


def keep(books, number, bids, asks):
    """Keep the ten best levels of a book by its number, None for the book itself."""
    book = plain(bids), plain(asks)
    books[repr(book) if number is None else number] = book


def plain(levels):
    """The ten best levels as exact numbers."""
    return [
        [Decimal(str(price)).normalize().to_eng_string(), Decimal(str(size)).normalize().to_eng_string()]
        for price, size, *_ in list(levels)[:10]
    ]


async def until(condition, wait_s=WAIT_S, every_s=0.02):
    """Wait for a condition; TimeoutError."""
    end = time.monotonic() + wait_s
    while not (found := condition()):
        if time.monotonic() > end:
            raise TimeoutError
        await asyncio.sleep(every_s)
    return found


async def enough(ask, count=5):
    """Ask until the market has made so many rows; TimeoutError."""
    end, rows = time.monotonic() + WAIT_S, []
    while len(rows) < count:
        if time.monotonic() > end:
            raise TimeoutError(f"expected {count} rows, found {rows}")
        rows = ask()
        rows = await rows if asyncio.iscoroutine(rows) else rows
        await asyncio.sleep(0 if len(rows) >= count else 0.2)
    return rows


def check(is_so, text):
    """Say what is wrong."""
    if not is_so:
        raise AssertionError(text)


def data(reply):
    """A reply's model, or models, as plain data."""
    found = reply.data()
    if isinstance(found, list):
        return [each.to_dict() if hasattr(each, "to_dict") else each for each in found]
    return found.to_dict() if hasattr(found, "to_dict") else found
