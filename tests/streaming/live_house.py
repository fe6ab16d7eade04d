"""A live trader's house for tests: the emulator with its accounts in a thread, and the trader that orders there."""

import dataclasses
import re
from decimal import Decimal

import polars as pl
from paper_house import House, no_bundle

from streaming.live.config import LiveConfig
from streaming.secret_keys import read_credentials
from streaming.shell.attach import attach_live
from streaming.shell.live_access import LiveAccess
from streaming.trader.modes import Mode
from warehouse.lake import Lake

FAST = {"answer_ms": 1_000, "ask_ms": 2_000, "reconcile_s": 5.0, "absent_after_ms": 1_000, "dead_man_s": 600.0}
"""Spans of a test's patience."""


@dataclasses.dataclass
class LiveHouse(House):
    """A house whose orders go to the emulator's accounts."""

    live: dict = dataclasses.field(default_factory=dict)

    def request(self, model=None, load=no_bundle, **words):
        """Return a request in live mode."""
        request = super().request(model, load, **words)
        return dataclasses.replace(request, mode=Mode.live, access=self.access())

    def access(self):
        """Return access to the emulator's accounts; no start check is made."""
        live = attach_live(LiveConfig.model_validate(FAST | self.live), self.addresses_file)
        keys = {venue: read_credentials(account.api_key, account.secret) for venue, account in live.accounts.items()}
        return LiveAccess(live=live, credentials=keys)


def make_live_house(settings_file, **live):
    """Return a house of these settings, without a bus."""
    text, count = re.subn(r'(\[streaming\.redis\]\nurl = )""', r'\g<1>"off"', settings_file.read_text())
    assert count == 1, "the project's settings name the embedded Redis"
    settings_file.write_text(text)
    return LiveHouse(settings_file, settings_file.parent / "emulator.json", live=live)


STRATEGIES = """
[[native.strategies]]
name = "trend"
kind = "forecast"
[[native.strategies]]
name = "quotes"
kind = "market_making"
min_half_width_bps = 0.0
volatility_weight = 0.0
instruments = ["binance_usdm:BTCUSDT", "binance_spot:BTCUSDT"]
"""


def add_strategies(house):
    """Let quotes rest at two venues beside the orders that take."""
    house.settings_file.write_text(house.settings_file.read_text() + STRATEGIES)


def truths(held):
    """What the emulator's venues say is so of their accounts, by venue."""
    return {
        name: venue.exchange.truth(held["served"].accounts[name].account_id)
        for name, venue in held["market"].venues.items()
    }


def check_truth(house, journal, held):
    """No order twice, no fill lost or booked twice, positions as at the venues, nothing of ours left open."""
    tables, run = Lake(house.settings.lake_root), journal.name.removesuffix(".seg.zst")
    fills = pl.from_arrow(tables.read_partition("fills", {"run": run}))
    positions = pl.from_arrow(tables.read_partition("positions", {"run": run}))
    assert len(fills) > 0, "a session without a fill shows nothing"
    for venue, truth in truths(held).items():
        own = fills.filter(pl.col("venue") == venue)
        assert sorted(own["trade_id"].to_list()) == sorted(trade.trade_id for trade in truth.trades), venue
        placed = [order.client_id for order in truth.orders]
        assert len(set(placed)) == len(placed), venue
        assert not [order.client_id for order in truth.orders if order.is_open], venue
        credited = sum(credited_units(trade, venue, held) for trade in truth.trades)
        assert abs(held_units(positions, venue) - credited) < 1, venue  # less than a unit is carried until it is one


def held_units(positions, venue):
    own = positions.filter(pl.col("venue") == venue)["position_units"].to_list()
    return own[-1] if own else 0


def credited_units(trade, venue, held):
    """What a fill moved the base coin by: spot takes the fee of a purchase from it."""
    (entry,) = held["market"].venues[venue].rest.venue.entries
    moved = trade.size if trade.side == "buy" else -trade.size
    fee = trade.fee if trade.fee_asset == entry.base else 0
    return (moved - fee) / Decimal(entry.size_unit)
