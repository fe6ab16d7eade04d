"""A limit that is broken in a live session: what it does, where it is told, and that the journal tells it again."""

from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest
from paper_market import Arrival, Feeder, arrivals, begin, plan_of, settings_of, silent

from native.risk_settings import WatchSettings
from streaming.limits import limit_rows
from streaming.report import build_report
from streaming.session_tables import land_session
from streaming.trader.plan import TraderPlan
from streaming.trader.session import TradingSession
from streaming.trading_run import read_summary
from warehouse.lake import Lake

MS = 1_000_000
DRAWDOWN_QUOTE = "0.05"


@pytest.fixture(scope="module")
def frames() -> list[Arrival]:
    return arrivals(120)


def plan_with(watch: WatchSettings) -> TraderPlan:
    risk = settings_of().native.risk
    assert risk is not None
    return plan_of(risk=risk.model_copy(update={"watch": watch}))


def traded(folder: Path, frames: list[Arrival], watch: WatchSettings) -> TradingSession:
    session = begin(folder, plan_with(watch))
    Feeder(session).feed(frames)
    for step in range(1, 6):
        session.timer(frames[-1].ts_ns + step * 100 * MS)
    return session


def landed(lake: Lake, session: TradingSession) -> dict[str, pl.DataFrame]:
    """The session's tables, of which the journal is the only source."""
    run = land_session(lake, session.close(), silent).run
    found = {}
    for name in ("risk_events", "state_events", "orders", "positions", "equity"):
        frame = pl.from_arrow(lake.read_partition(name, {"run": run}))
        assert isinstance(frame, pl.DataFrame)
        found[name] = frame
    return found


def test_a_drawdown_beyond_its_limit_flattens_halts_and_stands_in_the_tables(
    tmp_path: Path, frames: list[Arrival]
) -> None:
    session = traded(tmp_path, frames, WatchSettings(max_drawdown_quote=DRAWDOWN_QUOTE))
    status = session.status()
    lake = Lake(tmp_path / "lake")
    tables = landed(lake, session)

    trips = tables["risk_events"]
    assert trips["rule_name"].to_list() == ["drawdown"]
    assert trips["action_name"].to_list() == ["flatten"]
    assert trips["threshold"][0] == float(DRAWDOWN_QUOTE) < trips["value"][0]
    moves = tables["state_events"]
    assert moves["state_to_name"].to_list() == ["active", "flattening", "halted"]
    assert moves["reason"].to_list()[1] == "drawdown"
    assert moves["trigger_name"].to_list()[1] == "limit"
    assert moves["seq"][1] == trips["seq"][0]
    closing = tables["orders"].filter(pl.col("purpose_name") == "flatten")
    assert len(closing) > 0
    assert (closing["ts_ns"] >= trips["ts_ns"][0]).all()
    last = tables["positions"].group_by("venue", "instrument").agg(pl.col("position_units").last())
    assert set(last["position_units"].to_list()) == {0}

    assert status.state == "halted"
    assert status.risk["tripped_by_rule"]["drawdown"] == 1  # type: ignore[index,call-overload]  # a JSON object
    assert status.risk["refused_by_rule"]["trading_state"] > 0  # type: ignore[index,call-overload,operator]


def test_the_drawdown_that_tripped_is_the_one_that_the_equity_rows_tell(tmp_path: Path, frames: list[Arrival]) -> None:
    session = traded(tmp_path, frames, WatchSettings(max_drawdown_quote=DRAWDOWN_QUOTE))
    tables = landed(Lake(tmp_path / "lake"), session)

    trip_ns, value = tables["risk_events"]["ts_ns"][0], tables["risk_events"]["value"][0]
    equity_e8 = tables["equity"].filter(pl.col("ts_ns") <= trip_ns)["equity_e8"].to_list()
    peak_e8 = max([0, *equity_e8])
    assert float(Decimal(peak_e8 - equity_e8[-1]) * Decimal("1e-8")) == pytest.approx(value)


def test_a_session_within_its_limits_is_left_alone(tmp_path: Path, frames: list[Arrival]) -> None:
    session = traded(tmp_path, frames, WatchSettings(max_drawdown_quote="1000"))
    tables = landed(Lake(tmp_path / "lake"), session)

    assert len(tables["risk_events"]) == 0
    assert tables["state_events"]["state_to_name"].to_list() == ["active"]


def test_limits_and_report_show_the_counters_of_the_session(tmp_path: Path, frames: list[Arrival]) -> None:
    session = traded(tmp_path, frames, WatchSettings(max_drawdown_quote=DRAWDOWN_QUOTE))
    risk = settings_of().native.risk
    assert risk is not None
    settings = settings_of(risk=risk.model_copy(update={"watch": WatchSettings(max_drawdown_quote=DRAWDOWN_QUOTE)}))
    rows = {(row["when"], row["rule"]): row for row in limit_rows(settings.native, session.status().to_json())}

    drawdown = rows["step", "drawdown"]
    assert (drawdown["limit"], drawdown["state"], drawdown["count"], drawdown["action"]) == ("0.05", "on", 1, "flatten")
    assert rows["order", "trading_state"]["count"] == session.counts.refused > 0
    assert rows["order", "max_position"]["limit"] == "0.05"
    assert rows["order", "order_rate"]["state"] == "off: no limit"

    lake = Lake(tmp_path / "lake")
    landed(lake, session)
    report = build_report(lake, read_summary(tmp_path, None))
    assert report.refused_by_rule == {"trading_state": session.counts.refused}
    assert report.tripped_by_rule == {"drawdown": 1}
