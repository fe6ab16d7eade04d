"""The newest forecast of a session as windows show it: the mid's path, where it began, and how wrong such were."""

from decimal import Decimal

from streaming.bus_view import ForecastView
from streaming.segments import InstrumentEntry, SegmentHeader
from streaming.trader.machine import Machine, TakenForecast, grid_of, number_of
from streaming.trader.scorecard import FORECAST_WIDTH, MID_BPS, Scoreboard
from streaming.view.decimal_text import DecimalText

BPS_PLACES = 4


class ForecastViews:
    """Makes the part of a view that tells of the forecast; the same one until there is a newer."""

    def __init__(self, header: SegmentHeader) -> None:
        grid = grid_of(header)
        slots = grid["slots"]
        assert isinstance(slots, list), "a trader's engine has slots"
        by_id = {entry.id: entry for entry in header.instruments}
        self._slots: list[InstrumentEntry | None] = [
            by_id.get(slot) if isinstance(slot, int) else None for slot in slots
        ]
        self._names = tuple("" if entry is None else entry.name for entry in self._slots)
        self._halves = [None if entry is None else DecimalText(_half(entry.tick)) for entry in self._slots]
        self._step_ns = number_of(grid, "step_ns")
        self._last: tuple[TakenForecast, ForecastView] | None = None

    def view(self, machine: Machine, board: Scoreboard | None) -> ForecastView | None:
        """Return the newest forecast that was acted on; None before the first."""
        taken = machine.forecast
        if taken is None:
            return None
        if self._last is None or self._last[0] is not taken:
            self._last = taken, self._made(taken, machine, board)
        return self._last[1]

    def _made(self, taken: TakenForecast, machine: Machine, board: Scoreboard | None) -> ForecastView:
        path = taken.values.reshape(len(taken.values), -1, FORECAST_WIDTH)[:, :, MID_BPS].astype(float)
        card = None if board is None else board.card_of(taken.model_id)
        return ForecastView.model_construct(
            model=machine.standing.bundle(taken.model_id),
            ts_step_ns=taken.ts_step_ns,
            step_ns=self._step_ns,
            instruments=self._names,
            mid_bps=tuple(tuple(round(value, BPS_PLACES) for value in row) for row in path.T.tolist()),
            mids=self._mids(taken, board),
            horizons=() if card is None else card.horizons,
            band_bps=() if card is None else tuple(tuple(row) for row in card.band_bps()),
        )

    def _mids(self, taken: TakenForecast, board: Scoreboard | None) -> tuple[str | None, ...]:
        if board is None:
            return (None,) * len(self._slots)
        halves = board.truth.mid_half_ticks(taken.ts_step_ns // self._step_ns)
        return tuple(
            None if half is None or text is None else text.text(half)
            for half, text in zip(halves, self._halves, strict=True)
        )


def _half(tick: str) -> str:
    """Return half of a tick: the mid of an odd spread lies between two."""
    return str(Decimal(tick) / 2)
