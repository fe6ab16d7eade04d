"""The engine's document of one perpetual with a trader, for tests of trading settings and replies."""

from native.config import (
    EngineSettings,
    ExecutionSettings,
    GridConfig,
    InstrumentLimits,
    JsonObject,
    RiskSettings,
    engine_document,
    trading_document,
)

PERPETUAL = "binance_usdm:BTCUSDT"
GRID = GridConfig(name="main", instruments=(PERPETUAL,), reference=PERPETUAL)
INSTRUMENT: JsonObject = {
    "id": 0,
    "venue": "binance_usdm",
    "symbol": "BTCUSDT",
    "market_type": "perpetual",
    "tick": "0.1",
    "size_unit": "0.001",
    "lot": "0.001",
    "maker_fee_bps": "1",
    "taker_fee_bps": "2",
    "base": "BTC",
    "quote": "USDT",
}
SIZES = InstrumentLimits(order_size="0.010", max_order_size="0.050", max_position="0.050")
RISK = RiskSettings(price_deviation_bps=50.0, max_exposure_quote="100000", forecast_age_max_ms=500)


def document(execution: ExecutionSettings, sources: list[JsonObject] | None = None) -> JsonObject:
    """Return the document with these settings of execution; without `sources` it hears nothing."""
    settings = EngineSettings(risk=RISK, limits={PERPETUAL: SIZES}, execution=execution)
    market = engine_document([INSTRUMENT], sources or [], settings, GRID)
    return trading_document(market, GRID, settings, run_tag=7)
