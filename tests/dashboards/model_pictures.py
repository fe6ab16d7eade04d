"""Views of a model for tests of the Model page: a mid that moves as it is told, and forecasts of it."""

from dashboards.snapshot import History
from streaming.bus_view import ForecastView, MarketView, View

STEP_NS = 100_000_000
NAMES = ("a:X", "", "c:X")


def forecast(number: int, mid: float | None, bps: tuple[float, ...], **words: object) -> ForecastView:
    """Return a forecast of step `number` for the first instrument; the others stand still."""
    still = (0.0,) * len(bps)
    told = {
        "model": "c" * 64,
        "ts_step_ns": number * STEP_NS,
        "step_ns": STEP_NS,
        "instruments": NAMES,
        "mid_bps": (bps, still, still),
        "mids": (None if mid is None else str(mid), None, "10"),
    }
    return ForecastView.model_validate({**told, **words})


def view(number: int, mid: float, newest: ForecastView | None, after_ns: int = 0) -> View:
    """Return the view of step `number`, or of a moment after it, whose book stands around `mid`."""
    market = MarketView(
        instrument="a:X",
        feed="synced",
        is_valid=True,
        bids=((str(mid - 1), "1"),),
        asks=((str(mid + 1), "1"),),
        tick="1",
        position="0",
        pnl="0",
        realised="0",
        unrealised="0",
        fees="0",
        funding="0",
    )
    ts_ns = number * STEP_NS + after_ns
    return View(
        run="r", mode="paper", ts_ns=ts_ns, number=number, state="active", pnl="0", markets=(market,), forecast=newest
    )


def history(mids: dict[int, float], bps: tuple[float, ...] = (1.0, 2.0), *, are_mids_told: bool = True) -> History:
    """Return what was heard of steps with these mids, each with a forecast."""
    found = History()
    for number, mid in mids.items():
        found.add(view(number, mid, forecast(number, mid if are_mids_told else None, bps)))
    return found
