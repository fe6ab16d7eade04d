"""What counts as meant: every frame that was lost is one masked gap, drift speaks exactly when the market changed."""

from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pytest

from native.config import GridConfig, JsonObject
from streaming.demo.commands import read_answer
from streaming.demo.emulated import Loss
from streaming.demo.findings import Findings, Gap, Recording, Session, feed_gaps, valid_shares
from streaming.demo.summary import summary_document, summary_lines
from streaming.errors import TraderError
from streaming.report import RunReport
from streaming.shell.runner import RunCounts
from streaming.trading_run import RunSummary
from warehouse.gaps import not_recorded
from warehouse.lake import Lake
from warehouse.schema import table_schema

S = 1_000_000_000
LOST = Loss("binance_usdm:BTCUSDT", 98 * S, 1, 7)
GAP = Gap(
    instrument="binance_usdm:BTCUSDT",
    cause="sequence_break",
    ts_from_ns=99 * S,
    ts_to_ns=101 * S,
    repaired_by="rest_snapshot",
    is_closed=True,
    sequence_from=7,
    sequence_to=9,
    masked_steps=20,
)
RECORDING = Recording(
    minutes=20.5,
    frames={"binance_usdm": 10},
    gaps=(GAP,),
    holes_between_runs=1,
    losses=(LOST,),
    valid_shares={"binance_usdm:BTCUSDT": 0.995},
    emulator_lag_ms_max=3.0,
)
SKILL = (
    "**Planted signal** (...)\n\n| step | oracle R2 | share found | ridge's share |\n|---|---|---|---|\n"
    "| 1 (100 ms) | +0.06 | 0.66 | 0.65 |\n| 5 (500 ms) | +0.11 | 0.87 | 0.86 |\n"
)
DRIFTED: JsonObject = {"flagged": True, "features": [{"name": "spread"}, {"name": "age"}], "compared": 36}
SILENT: JsonObject = {"flagged": False, "features": [], "compared": 36}


def session(drift: JsonObject, *, gaps: int = 0, different: int = 0, is_identical: bool = True) -> Session:
    counts = RunCounts(frames=10, orders=3, ts_first_ns=S, ts_last_ns=61 * S)
    summary = RunSummary(
        run="paper-1",
        grid="main",
        mode="paper",
        model="abc",
        journal="/j",
        instruments=(),
        masked=(),
        left_out=(),
        trade_from_ns=0,
        counts=counts,
    )
    return Session(
        report=RunReport(summary=summary, instruments=(), decisions_by_rule={}, refused_by_rule={}, tripped_by_rule={}),
        status={"counts": {"gaps_opened": gaps, "forecasts": 500, "forecasts_late": 1}},
        review={"identical": is_identical, "skew": {"different": different, "missing": 0, "rows": 900}, "drift": drift},
        regime_ts_ns=None,
        regime="",
        picture=Path("/picture.png"),
    )


def whole() -> Findings:
    return Findings(
        is_clean=False,
        learned={"drift": SILENT, "skill_table": SKILL},
        bundle="abc",
        recording=RECORDING,
        session=session(DRIFTED),
        seconds={"learn": 80.0},
    )


def words(findings: Findings) -> str:
    return "\n".join(f"{word} {text}" for word, text in summary_lines(findings, Path("/demo")))


def test_a_demo_that_went_as_meant_has_no_problem() -> None:
    assert whole().problems() == []
    assert "NOT AS MEANT" not in words(whole())


@pytest.mark.parametrize(
    "recording",
    [
        replace(RECORDING, gaps=()),
        replace(RECORDING, gaps=(GAP, replace(GAP, sequence_from=70))),
        replace(RECORDING, gaps=(replace(GAP, sequence_from=70),)),
        replace(RECORDING, gaps=(replace(GAP, instrument="bybit_spot:BTCUSDT"),)),
        replace(RECORDING, gaps=(replace(GAP, is_closed=False),)),
        replace(RECORDING, gaps=(replace(GAP, masked_steps=0),)),
    ],
    ids=["missed", "one too many", "another hole", "another instrument", "not repaired", "not masked"],
)
def test_a_ledger_that_does_not_say_what_was_lost_is_a_problem(recording: Recording) -> None:
    findings = replace(whole(), recording=recording)

    assert findings.problems() == ["the ledger's gaps are not the frames that were lost, each closed and masked"]


@pytest.mark.parametrize(
    ("found", "problem"),
    [
        (session(SILENT), "drift was not flagged on the session"),
        (session({"flagged": False, "not_judged": "too short"}), "drift could not be judged on the session"),
        (session(DRIFTED, different=2), "skew between trading and conversion: of 900 rows 2 differ, 0 are missing"),
        (session(DRIFTED, is_identical=False), "the session does not replay identically"),
        (session(DRIFTED, gaps=1), "the trader met 1 feed gaps that nobody made"),
        (session(DRIFTED | {"missing": ["a", "b"]}), "drift on the session was judged without 2 features"),
    ],
)
def test_a_session_that_is_not_as_meant_is_a_problem(found: Session, problem: str) -> None:
    findings = replace(whole(), session=found)

    assert findings.problems() == [problem]
    assert f"NOT AS MEANT {problem}" in words(findings)


@pytest.mark.parametrize(
    ("review", "problem"),
    [
        ({"skew": None}, "skew between trading and conversion: nothing was compared"),
        (
            {"skew": {"rows": 0, "different": 0, "missing": 0}},
            "skew between trading and conversion: nothing was compared",
        ),
        (
            {"skew": {"rows": 900, "different": 0, "missing": 3}},
            "skew between trading and conversion: of 900 rows 0 differ, 3 are missing",
        ),
        ({"reasons": ["x: refused"]}, "the session's checks refused it: ['x: refused']"),
    ],
    ids=["no skew measured", "no row compared", "rows missing", "another check failed"],
)
def test_a_proof_that_was_not_made_is_a_problem(review: JsonObject, problem: str) -> None:
    found = session(DRIFTED)
    findings = replace(whole(), session=replace(found, review=found.review | review))

    assert findings.problems() == [problem]


def test_a_trader_that_does_not_tell_of_its_gaps_is_not_taken_for_one_without() -> None:
    silent = replace(session(DRIFTED), status={"counts": {}})

    assert replace(whole(), session=silent).problems() == ["the trader did not tell of its feed gaps that nobody made"]


def test_a_book_that_was_hardly_ever_valid_was_not_recorded() -> None:
    recording = replace(RECORDING, valid_shares={"binance_usdm:BTCUSDT": 0.002, "bybit_spot:BTCUSDT": 0.99})
    findings = replace(whole(), recording=recording)

    assert findings.problems() == ["binance_usdm:BTCUSDT: its book was valid at only 0% of the recorded grid steps"]
    assert "books valid at the grid's steps: binance_usdm 0.2%, bybit_spot 99.0%" in words(findings)


def test_drift_before_promotion_is_a_problem_and_so_is_a_refused_model() -> None:
    findings = replace(whole(), learned={"drift": DRIFTED}, bundle=None, refusal="no skill")

    assert findings.problems() == ["the gate refused the model: no skill", "drift was not silent before promotion"]


def test_a_clean_demo_is_one_without_gap_and_drift() -> None:
    nothing_lost = replace(RECORDING, gaps=(), losses=())
    findings = replace(whole(), is_clean=True, recording=nothing_lost, session=session(SILENT))

    assert findings.problems() == []
    assert "clean no feed gap and no drift, as meant" in words(findings)
    assert replace(findings, session=session(DRIFTED)).problems() == ["drift was flagged on the session"]


def test_holes_that_nobody_recorded_are_told_apart_from_gaps() -> None:
    text = words(replace(whole(), recording=replace(RECORDING, gaps=(), losses=())))

    assert "no feed gap; apart from that 1 stretch that nobody recorded" in text


def test_the_summary_says_what_was_measured() -> None:
    text = words(whole())

    for part in (
        "lost 1 depth frame of binance_usdm:BTCUSDT at 1970-01-01T00:01:38.000Z, on purpose",
        "found binance_usdm:BTCUSDT sequence break 7 to 9",
        "repaired by rest snapshot after 2000 ms; 20 grid steps masked",
        "before promotion: silent, 0 of 36 features beyond their threshold",
        "FLAGGED, 2 of 36 features beyond their threshold",
        "spread, age",
        "87% of the planted signal found at 5 steps ahead; ridge 86%",
        "500 forecasts, 1 too late to use, 0 windows skipped",
        "skew 0 of 900 feature rows",
        "80 s: learn 80",
    ):
        assert part in text


def test_the_document_holds_times_and_problems() -> None:
    document = summary_document(replace(whole(), session=None))

    assert (document["problems"], document["seconds"], document["session"]) == ([], {"learn": 80.0}, None)


def test_gaps_and_holes_of_the_recorded_runs_are_read_from_the_ledger(tmp_path: Path) -> None:
    lake = Lake(tmp_path)
    hole = not_recorded("live", 3, 10 * S, 20 * S).to_pylist()[0]
    gap = hole | {"gap_id": 8, "cause": 0, "cause_name": "sequence_break", "ts_from_ns": 30 * S, "ts_to_ns": 31 * S}
    other = gap | {"run": "another", "gap_id": 9}
    keys = {"venue": "bybit_spot", "instrument": "BTCUSDT", "date": "2026-01-05", "hour": "00"}
    columns = table_schema("gaps").columns
    lake.write_table("gaps", keys, pa.Table.from_pylist([hole, gap, other], schema=columns))

    gaps, holes = feed_gaps(lake, "main", ["live"])

    assert holes == 1
    assert [(item.instrument, item.ts_from_ns, item.masked_steps) for item in gaps] == [
        ("bybit_spot:BTCUSDT", 30 * S, 0)
    ]


def grid_rows(first_ns: int, count: int, **columns: object) -> pa.Table:
    schema = table_schema("grid").columns
    empty = {column.name: pa.scalar(0).cast(column.type).as_py() for column in schema}
    own = {"venue": "bybit_spot", "instrument": "BTCUSDT", "is_valid": True}
    rows = [empty | own | columns | {"ts_step_ns": first_ns + step * S // 10} for step in range(count)]
    return pa.Table.from_pylist(rows, schema=schema)


GRID_KEYS = {"grid": "main", "date": "2026-01-05", "hour": "00"}
TWO = GridConfig(
    name="main", instruments=("bybit_spot:BTCUSDT", "binance_spot:BTCUSDT"), reference="bybit_spot:BTCUSDT"
)


def test_masked_steps_are_those_that_the_mask_of_training_covers(tmp_path: Path) -> None:
    lake = Lake(tmp_path)
    gap = not_recorded("live", 3, 10 * S, 10 * S + S // 4).to_pylist()[0] | {"cause": 0, "cause_name": "sequence_break"}
    keys = {"venue": "bybit_spot", "instrument": "BTCUSDT", "date": "2026-01-05", "hour": "00"}
    lake.write_table("gaps", keys, pa.Table.from_pylist([gap], schema=table_schema("gaps").columns))
    lake.write_table("grid", GRID_KEYS, grid_rows(10 * S, 10))

    ((found,), _) = feed_gaps(lake, "main", ["live"])

    assert found.masked_steps == 2  # at 100 and 200 ms: the step at the last good frame saw nothing wrong


def test_shares_of_valid_books_are_measured_on_the_grid_and_an_absent_instrument_has_none(tmp_path: Path) -> None:
    lake = Lake(tmp_path)
    rows = pa.concat_tables([grid_rows(S, 10), grid_rows(2 * S, 10, is_valid=False)])
    lake.write_table("grid", GRID_KEYS, rows)

    assert valid_shares(lake, TWO, S + S // 2, 2 * S + S // 2 - 1) == {
        "bybit_spot:BTCUSDT": 0.5,
        "binance_spot:BTCUSDT": 0.0,
    }


def test_an_answer_is_read_also_behind_what_tools_print() -> None:
    assert read_answer("x", 'noise\n{"a": 1}\n') == {"a": 1}
    assert read_answer("x", '{\n  "a": 1\n}\n') == {"a": 1}
    with pytest.raises(TraderError, match="x: expected a JSON answer, found 'noise'"):
        read_answer("x", "noise\n")
