"""The three generated instruments: their steps, how their venues print them, and where their frames come from.

Their fees are 0.0: a market without fees, so that the small edge planted in it can be traded at all. Never read a
profit made here as one to be made at a real venue.
"""

from dataclasses import dataclass

BASE, QUOTE, SYMBOL = "BTC", "USDT", "BTCUSDT"
FEE_BPS = "0.0"


@dataclass(frozen=True, slots=True, kw_only=True)
class GeneratedInstrument:
    """One instrument of the generated market."""

    slot: int
    venue: str
    market_type: str
    tick: str
    size_unit: str
    """Finest decimal that the venue prints."""
    lot: str
    """What generated sizes count in."""
    tick_decimals: int
    lot_decimals: int
    padding: tuple[str, str] | None
    """Zeros that the venue prints behind a price, a size; None where it prints no trailing zeros at all."""
    ticks_per_model_tick: int
    far_pitch_ticks: int
    """Distance of the levels far from the mid: 1 USDT, in own ticks."""
    far_levels: int
    """How many of those the venue shows on a side."""


INSTRUMENTS = (
    GeneratedInstrument(
        slot=0,
        venue="binance_usdm",
        market_type="perpetual",
        tick="0.1",
        size_unit="0.001",
        lot="0.001",
        tick_decimals=1,
        lot_decimals=3,
        padding=("0", ""),
        ticks_per_model_tick=1,
        far_pitch_ticks=10,
        far_levels=995,
    ),
    GeneratedInstrument(
        slot=1,
        venue="binance_spot",
        market_type="spot",
        tick="0.01",
        size_unit="0.00000001",
        lot="0.00001",
        tick_decimals=2,
        lot_decimals=5,
        padding=("000000", "000"),
        ticks_per_model_tick=10,
        far_pitch_ticks=100,
        far_levels=995,
    ),
    GeneratedInstrument(
        slot=2,
        venue="bybit_spot",
        market_type="spot",
        tick="0.1",
        size_unit="0.000001",
        lot="0.000001",
        tick_decimals=1,
        lot_decimals=6,
        padding=None,
        ticks_per_model_tick=1,
        far_pitch_ticks=10,
        far_levels=45,
    ),
)


@dataclass(frozen=True, slots=True)
class GeneratedSource:
    """Where frames come from, as headers list it; `instrument` is None where a frame names its own."""

    id: int
    slot: int
    kind: str
    instrument: str | None


USDM_SOCKET = GeneratedSource(0, 0, "websocket", None)
USDM_DEPTH = GeneratedSource(1, 0, "rest_depth", SYMBOL)
USDM_EXCHANGE_INFO = GeneratedSource(2, 0, "rest_exchange_info", None)
SPOT_SOCKET = GeneratedSource(3, 1, "websocket", None)
SPOT_DEPTH = GeneratedSource(4, 1, "rest_depth", SYMBOL)
SPOT_EXCHANGE_INFO = GeneratedSource(5, 1, "rest_exchange_info", None)
BYBIT_SOCKET = GeneratedSource(6, 2, "websocket", None)
BYBIT_EXCHANGE_INFO = GeneratedSource(7, 2, "rest_exchange_info", None)
SOURCES = (
    USDM_SOCKET,
    USDM_DEPTH,
    USDM_EXCHANGE_INFO,
    SPOT_SOCKET,
    SPOT_DEPTH,
    SPOT_EXCHANGE_INFO,
    BYBIT_SOCKET,
    BYBIT_EXCHANGE_INFO,
)
