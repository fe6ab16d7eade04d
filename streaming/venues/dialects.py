"""The venues that can be spoken to, by name."""

from streaming.venues.binance_spot import BinanceSpot
from streaming.venues.binance_usdm import BinanceUsdm
from streaming.venues.bybit_spot import BybitSpot
from streaming.venues.dialect import Dialect

DIALECTS: dict[str, Dialect] = {dialect.venue: dialect for dialect in (BinanceUsdm(), BinanceSpot(), BybitSpot())}
