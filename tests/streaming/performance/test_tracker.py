"""A session's figures while it goes on are those of the backtest's formulas over all of its records."""

from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from paper_market import NAMES, begin, part_of, silent, told
from traded_session import FEES, HORIZON_STEP, traded, trading_plan

from native.config import JsonObject
from streaming.backtest import kpi
from streaming.backtest.forecasts import realised_bps
from streaming.backtest.kpi import NS_PER_S, Floats, Ints
from streaming.backtest.records import Course, LaneRecords, course_of, fills_of, money_e8
from streaming.backtest.session import Session, as_it_was
from streaming.errors import BadDataError
from streaming.journal import Journal
from streaming.performance import tracker
from streaming.performance.figures import Figures, money_text
from streaming.performance.tracker import PerformanceTracker
from streaming.segments import KIND_FORECAST, InstrumentEntry
from streaming.trader.recovery import resume_session
from streaming.trading_records import FORECAST_PREFIX

LATER_NS = 2 * 10**18
QUIET_NS = 700 * NS_PER_S
"""Of a span in which nothing happens any more: long enough for a Sharpe ratio."""


@dataclass(frozen=True)
class Lived:
    """A sealed session, what it said of itself at its end, and what a backtest of its journal puts out."""

    status: JsonObject
    held: dict[tuple[int, int], tuple[int, int]]
    records: LaneRecords
    entries: list[InstrumentEntry]
    forecasts: dict[int, Floats]
    ts_to_ns: int
    quiet_later: dict[str, Figures]
    """By venue, empty text for all, once `QUIET_NS` have gone by."""
    data: bytes
    """Of the journal before it was sealed."""


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> Lived:
    """A session with all that makes figures differ."""
    folder = tmp_path_factory.mktemp("lived")
    session = traded(folder)
    data = part_of(session, folder).read_bytes()
    status = session.performance()
    held = {
        (strategy, number): (session.machine.performance.held(strategy, number), session.own(strategy, number)[0])
        for strategy in range(2)
        for number in range(len(NAMES))
    }
    later = session.machine.performance.figures(session.last_ns + QUIET_NS)
    quiet_later = {each.venue: each for each in later if not each.strategy}
    path, last_ns = session.close(), session.last_ns
    heard = Session(path, Journal(path).header)
    records, _ = heard.hear(as_it_was, silent)
    records.parts["grid"] = [told(path, session.plan).outputs["grid"]]  # a lane puts out no market rows
    entries = list(heard.header.instruments)
    return Lived(status, held, records, entries, forecasts_of(heard), last_ns, quiet_later, data)


def forecasts_of(heard: Session) -> dict[int, Floats]:
    """Moves [slot] forecast at the horizon, by step."""
    found = {}
    for step in heard.steps():
        for row in step.records[step.records["kind"] == KIND_FORECAST]:
            begin, end = int(row["offset"]), int(row["offset"]) + int(row["length"])
            ts_step_ns, _, rows = FORECAST_PREFIX.unpack_from(step.block, begin)
            values = np.frombuffer(step.block[begin + FORECAST_PREFIX.size : end], dtype=np.float32)
            found[ts_step_ns] = values.reshape(rows, -1, 20)[HORIZON_STEP - 1, :, 0].astype(np.float64)
    return found


def mids(lived: Lived) -> tuple[Ints, Ints]:
    """Steps, and twice the mids [T, V], 0 where not valid."""
    rows = lived.records.table("grid").reshape(-1, len(NAMES))
    valid = rows["is_valid"] != 0
    return rows["ts_step_ns"][:, 0], np.where(valid, rows["price_ticks"][:, :, 0] + rows["price_ticks"][:, :, 5], 0)


def figures(lived: Lived, name: str = "") -> JsonObject:
    """Return a venue's figures out of the status, or all."""
    found = lived.status["venues"][name] if name else lived.status["total"]
    assert isinstance(found, dict)
    return found


@pytest.fixture(params=["", *FEES])
def scope(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def of_scope(lived: Lived, scope: str) -> list[InstrumentEntry]:
    return [entry for entry in lived.entries if scope in ("", entry.venue)]


def of_ids(lived: Lived, scope: str) -> list[int]:
    return [entry.id for entry in of_scope(lived, scope)]


def course(lived: Lived, scope: str) -> Course:
    return course_of(lived.records, of_scope(lived, scope))


def test_the_session_holds_what_makes_figures_differ(lived: Lived) -> None:
    assert len(lived.records.table("fills")) > 50
    assert (lived.records.table("fills")["strategy"] == 255).any(), "closed by a flattening"
    assert set(lived.status["strategies"]) == {"trend", "quotes", "closing"}
    assert any(units for units, _ in lived.held.values()), "something is held at the end"


def test_pnl_and_drawdown_are_the_backtests(lived: Lived, scope: str) -> None:
    equity = course(lived, scope).equity_e8

    assert figures(lived, scope)["pnl"] == money_text(int(equity[-1])) != "0"
    assert figures(lived, scope)["max_drawdown"] == money_text(kpi.max_drawdown_e8(equity)) != "0"


def changes_of(lived: Lived, scope: str, ts_to_ns: int) -> Ints:
    """Changes of equity from second to second of the span up to a time, as a backtest takes them."""
    went, first_ns = course(lived, scope), int(mids(lived)[0][0])
    ticks = np.arange(-(-first_ns // NS_PER_S), ts_to_ns // NS_PER_S + 1, dtype=np.int64) * NS_PER_S
    return np.diff(np.append(went.sampled(ticks), went.equity_e8[-1:]), prepend=0)


def test_the_sharpe_ratio_is_the_backtests(lived: Lived, scope: str) -> None:
    changes = changes_of(lived, scope, lived.ts_to_ns + QUIET_NS)
    earnings = lived.quiet_later[scope].earnings

    assert earnings is not None and earnings.samples == len(changes)
    assert earnings.sharpe == pytest.approx(kpi.sharpe_ratio(changes, NS_PER_S), rel=1e-9)


def test_the_sharpe_ratio_of_seconds_that_are_few_is_not_defined(lived: Lived, scope: str) -> None:
    found = figures(lived, scope)

    assert found["samples"] == len(changes_of(lived, scope, lived.ts_to_ns)) > 10 and found["sharpe"] is None


def test_closed_trades_are_the_backtests(lived: Lived, scope: str) -> None:
    results = [
        money_e8(entry, result)
        for entry in of_scope(lived, scope)
        for result in kpi.closed_trades_quote_units(fills_of(lived.records.of("fills", entry)))
    ]

    found = figures(lived, scope)
    assert found["trades"] == len(results) > 5
    assert found["profit_factor"] == pytest.approx(kpi.profit_factor(results), abs=1e-6)
    assert found["hit_rate"] == pytest.approx(kpi.hit_rate(results), abs=1e-6)


def test_pnl_is_split_as_the_backtest_splits_it(lived: Lived, scope: str) -> None:
    ts_step_ns, mid_x2 = mids(lived)
    spread = fees = 0
    for entry in of_scope(lived, scope):
        fills = fills_of(lived.records.of("fills", entry))
        spread += money_e8(entry, kpi.fill_costs(fills, ts_step_ns, mid_x2[:, entry.id], NS_PER_S).spread_x2) // 2
        for is_maker in (True, False):
            fees += money_e8(entry, int(fills.fee_quote_units[fills.is_maker == is_maker].sum()))

    found = figures(lived, scope)
    assert (found["spread"], found["fees"]) == (money_text(spread), money_text(fees))
    parts = {name: Decimal(str(found[name])) for name in ("pnl", "spread", "fees", "funding", "inventory")}
    assert parts["pnl"] == parts["inventory"] - parts["spread"] - parts["fees"] - parts["funding"]


def test_the_fill_rate_is_the_backtests(lived: Lived, scope: str) -> None:
    requests, fills = lived.records.table("order_requests"), lived.records.table("fills")
    submitted = filled = 0.0
    for entry in of_scope(lived, scope):
        lot = float(Fraction(entry.lot) / Fraction(entry.size_unit))
        placed = requests[(requests["kind"] == 0) & (requests["instrument"] == entry.id)]
        submitted += int(placed["size_units"].sum()) / lot
        filled += int(fills[fills["instrument"] == entry.id]["size_units"].sum()) / lot

    found = figures(lived, scope)
    assert (found["submitted_lots"], found["filled_lots"]) == (pytest.approx(submitted), pytest.approx(filled))
    ids = [requests[(requests["kind"] == 0)], fills]
    owned = [np.unique(rows["client_order_id"][np.isin(rows["instrument"], of_ids(lived, scope))]) for rows in ids]
    assert [found["submitted"], found["filled"]] == [len(each) for each in owned]
    assert found["fill_rate"] == pytest.approx(kpi.fill_rate(filled, submitted), abs=1e-6)
    assert 0 < found["fill_rate"] < 1


def test_forecast_errors_are_the_backtests(lived: Lived, scope: str) -> None:
    ts_step_ns, mid_x2 = mids(lived)
    at_ns = np.array(sorted(lived.forecasts), dtype=np.int64)
    came = realised_bps(ts_step_ns, mid_x2, at_ns, HORIZON_STEP * 100_000_000)
    slots = [entry.id for entry in of_scope(lived, scope)]
    given = np.stack([lived.forecasts[int(step)] for step in at_ns])
    expected = kpi.prediction_error(given[:, slots].ravel(), came[:, slots].ravel())

    found = figures(lived, scope)
    assert found["forecasts_scored"] == expected.count > 50
    assert found["mse_bps2"] == pytest.approx(expected.mse_bps2, abs=1e-6)
    assert found["mae_bps"] == pytest.approx(expected.mae_bps, abs=1e-6)
    assert found["persistence_mae_bps"] == pytest.approx(expected.persistence_mae_bps, abs=1e-6)


@pytest.mark.parametrize("name", ["pnl", "spread", "fees", "inventory"])
def test_what_strategies_earned_adds_up_to_the_accounts(lived: Lived, name: str) -> None:
    """Each strategy's money is rounded down on its own: a hundred-millionth an instrument."""
    by_venue: dict[str, Decimal] = {}
    for row in lived.status["rows"]:
        by_venue[row["venue"]] = by_venue.get(row["venue"], Decimal(0)) + Decimal(row[name] or 0)
    strategies = lived.status["strategies"].values()

    rounding = Decimal(4) / 10**8
    assert abs(sum(Decimal(each[name] or 0) for each in strategies) - Decimal(figures(lived)[name])) < 3 * rounding
    for venue in FEES:
        assert abs(by_venue[venue] - Decimal(figures(lived, venue)[name])) < rounding


def test_a_strategy_holds_what_the_session_says_it_holds(lived: Lived) -> None:
    assert all(ours == theirs for ours, theirs in lived.held.values())


def test_closing_orders_are_counted_and_what_they_earn_is_their_holders(lived: Lived) -> None:
    closing = lived.status["strategies"]["closing"]

    assert closing["submitted"] > 0 and closing["fill_rate"] is not None
    assert closing["pnl"] is None and closing["sharpe"] is None


def test_a_session_that_was_killed_comes_back_with_the_same_figures(lived: Lived, tmp_path: Path) -> None:
    part = tmp_path / "paper-20260105T000000.000.seg.zst.part"
    part.write_bytes(lived.data)

    resumed = resume_session(part, trading_plan(LATER_NS), silent)

    assert resumed.performance() == lived.status


def test_a_mistake_in_a_figure_ends_the_figures_and_not_the_session(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise ZeroDivisionError("no such mid")

    monkeypatch.setattr(PerformanceTracker, "_on_step", fail)
    monkeypatch.setattr(tracker, "WAITING_MAX", 3)

    session = traded(tmp_path)

    assert session.counts.fills > 0 and session.machine.performance.problem == "ZeroDivisionError: no such mid"
    with pytest.raises(BadDataError, match="no such mid"):
        session.performance()
    session.abandon()


def test_before_anything_happened_nothing_is_defined(tmp_path: Path) -> None:
    session = begin(tmp_path, trading_plan())

    total = session.performance()["total"]

    assert (total["pnl"], total["trades"], total["submitted"]) == ("0", 0, 0)
    undefined = ("fill_rate", "sharpe", "profit_factor", "hit_rate", "mse_bps2", "mae_bps")
    assert [total[name] for name in undefined] == [None] * len(undefined)
    session.abandon()
