"""How fast a backtest is beside hftbacktest on the same market, what differs in fills and why, and what lanes cost.

Everything runs on one core and is told in the processor's own seconds, since others may use this machine meanwhile.
Times are printed and never asserted; that each difference in fills has a known cause is.
"""

import os
import statistics
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from bench_table import Row, show
from fill_differences import Difference, Event, Kind, SpanMoments, counted, differences
from market_span import MarketSpan, generated_span, recorded_span
from quoting_run import (
    HALF_WIDTH_BPS,
    LATENCY_MS,
    QuotingResult,
    idle_lane,
    lane_of,
    mids_x2,
    run_lanes,
    run_peer_quotes,
    run_quotes,
)

from streaming.recordings import read_recordings

ROUNDS = 15
LANES, LANE_ROUNDS = 100, 5
RECORDED = ("binance_usdm:BTCUSDT", "binance_usdm:ETHUSDT")
NS_PER_S = 1_000_000_000


@pytest.fixture(scope="module")
def spans(tmp_path_factory: pytest.TempPathFactory) -> list[MarketSpan]:
    """Recorded perpetuals where LOB_RECORDINGS names recordings, else some generated minutes."""
    lake, folder = tmp_path_factory.mktemp("lake"), os.environ.get("LOB_RECORDINGS")
    if not folder:
        return [generated_span(lake)]
    requests = {request.instrument: request for request in read_recordings(Path(folder).resolve())}
    return [recorded_span(lake / name.replace(":", "_"), requests[name]) for name in RECORDED]


@pytest.fixture(autouse=True)
def one_core() -> Iterator[None]:
    """Ours and the peer's process run on the same core."""
    usable = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {max(usable)})
    yield
    os.sched_setaffinity(0, usable)


def median_s(span: MarketSpan, lanes: list[str], rounds: int) -> float:
    return statistics.median(run_lanes(span, lanes)[0] for _ in range(rounds))


def row(what: str, span: MarketSpan, seconds: float, peer_s: float, result: QuotingResult | None) -> Row:
    return {
        "market": span.title,
        "what": what,
        "frames": span.frames,
        "events": span.events,
        "ms": round(seconds * 1e3, 1),
        "frames/s": round(span.frames / seconds),
        "events/s": round(span.events / seconds),
        "of peer's time": round(seconds / peer_s, 2),
        "orders": len(result.orders) if result else "",
        "fills": len(result.fills) if result else "",
        "pnl": round(result.pnl, 4) if result else "",
    }


def difference_rows(span: MarketSpan, found: list[Difference]) -> list[Row]:
    """A row a kind and cause, with how far the mid moved for us in the second after the first fill, in ticks."""
    steps_ns, mid_x2 = mids_x2(span)
    rows: list[Row] = []
    for kind, cause, count in counted(found):
        own = [difference for difference in found if (difference.kind, difference.cause) == (kind, cause)]
        times_ns = np.array([min(t for t in (d.ts_ours_ns, d.ts_theirs_ns) if t) for d in own])
        signs = np.array([1 - 2 * d.order.side for d in own])
        later = np.minimum(np.searchsorted(steps_ns, times_ns + NS_PER_S), len(steps_ns) - 1)
        moves = signs * (mid_x2[later] / 2 - np.array([d.order.price_ticks for d in own]))
        rows.append(
            {
                "market": span.instrument.name,
                "fill": kind,
                "cause": cause,
                "count": count,
                "ticks won after 1 s": round(float(moves.mean()), 1),
            }
        )
    return rows


@pytest.mark.bench
def test_events_a_second_beside_hftbacktest(spans: list[MarketSpan], tmp_path: Path) -> None:
    speed: list[Row] = []
    differing: list[Row] = []
    for number, span in enumerate(spans):
        runs = [run_quotes(span) for _ in range(ROUNDS)]
        ours_s, ours = statistics.median(run.seconds for run in runs), runs[0]
        theirs, convert_s = run_peer_quotes(span, ours, tmp_path / str(number), ROUNDS)
        idle_s = median_s(span, [idle_lane(span)], ROUNDS)
        speed += [
            row("ours, from frames", span, ours_s, theirs.seconds, ours),
            row("ours, market alone", span, idle_s, theirs.seconds, None),
            row("hftbacktest, from ready arrays", span, theirs.seconds, theirs.seconds, theirs),
        ]
        if convert_s is not None:
            own_way_s = convert_s + theirs.seconds
            speed.append(row("hftbacktest, converter and run", span, own_way_s, theirs.seconds, None))
        found = differences(SpanMoments(span), ours.orders, ours.fills, theirs.orders, theirs.fills)
        assert not [difference for difference in found if difference.cause == Event.NOTHING]
        apart = [difference for difference in found if difference.kind != Kind.SAME]
        assert not apart or apart[0].kind not in (Kind.PARTED_OURS, Kind.PARTED_THEIRS)
        differing += difference_rows(span, found)

    title = f"market making {HALF_WIDTH_BPS} bps from the mid, each {LATENCY_MS} ms to the venue and back"
    show("backtest", f"{title}, medians of {ROUNDS}, processor time", speed)
    show("backtest_fills", "fills of ours and of hftbacktest, by what made the earlier of the two", differing)


@pytest.mark.bench
def test_a_hundred_lanes_beside_one(spans: list[MarketSpan]) -> None:
    rows: list[Row] = []
    for span in spans:
        widths = [HALF_WIDTH_BPS * (1 + number / 4) for number in range(LANES)]
        lanes = [lane_of(span, width, "summary") for width in widths]
        same = [lanes[0]] * LANES
        one_s = median_s(span, lanes[:1], ROUNDS)
        for what, chosen in ((f"{LANES} widths", lanes), (f"{LANES} times the narrowest", same)):
            many_s = median_s(span, chosen, LANE_ROUNDS)
            rows.append(
                {
                    "market": span.title,
                    "lanes": what,
                    "one, ms": round(one_s * 1e3, 1),
                    "all, ms": round(many_s * 1e3, 1),
                    "ratio": round(many_s / one_s, 1),
                }
            )
    show("backtest_lanes", f"{LANES} parameter sets over the same market beside one, processor time", rows)
