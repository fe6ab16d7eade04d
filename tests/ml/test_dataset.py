"""Windows and labels never look ahead, never cross a gap, and the parts share no row."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest
from synthetic_grid import INSTRUMENTS, STEP_NS, Market, make_market, write_lake

from ml import dataset as datasets
from ml.config import MlConfig
from ml.dataset import Dataset
from ml.errors import DatasetError
from warehouse.gaps import not_recorded
from warehouse.lake import Lake

CONFIG = MlConfig(preset="nano_short")
SPAN = 15  # context 10 + horizon 5


def build_grid(folder: Path, market: Market, grid: pl.DataFrame, config: MlConfig = CONFIG) -> Dataset:
    write_lake(folder / "lake", Market(grid, market.truth))
    datasets.build(folder / "lake", "main", config, folder / "out", instruments=INSTRUMENTS)
    return datasets.load(folder / "out")


@pytest.fixture(scope="module")
def small() -> Market:
    return make_market(1_200, seed=5)


def test_parts_follow_in_time_and_share_no_row(dataset: Dataset) -> None:
    train, validation, test = (dataset.anchors[name] for name in datasets.PART_NAMES)

    assert validation[0] - 9 > train[-1] + 5 and test[0] - 9 > validation[-1] + 5
    assert validation[0] - train[-1] == SPAN + 1 and len(train) > 2.5 * len(test)


def test_the_normaliser_does_not_know_rows_after_the_train_part(tmp_path: Path, small: Market) -> None:
    ts = small.grid["ts_step_ns"]
    later = ts > ts.min() + int(0.7 * (ts.max() - ts.min()))
    spoiled = small.grid.with_columns(
        pl.when(later).then(99.0).otherwise(pl.col("ofi_l1")).cast(pl.Float32).alias("ofi_l1")
    )

    clean = build_grid(tmp_path / "a", small, small.grid)
    dirty = build_grid(tmp_path / "b", small, spoiled)

    assert np.array_equal(clean.normaliser.offset, dirty.normaliser.offset)
    assert np.array_equal(clean.normaliser.scale, dirty.normaliser.scale)


def test_cutting_off_later_rows_changes_no_earlier_window_or_label(tmp_path: Path, small: Market) -> None:
    cut_ns = small.grid["ts_step_ns"].min() + 900 * STEP_NS

    whole = build_grid(tmp_path / "whole", small, small.grid)
    cut = build_grid(tmp_path / "cut", small, small.grid.filter(pl.col("ts_step_ns") < cut_ns))

    anchors = np.arange(9, 900 - 5)
    assert np.array_equal(whole.features[:900], cut.features) and np.array_equal(whole.valid[:900], cut.valid)
    assert np.array_equal(whole.labels(anchors).mid_bps_BPH, cut.labels(anchors).mid_bps_BPH)
    assert np.array_equal(whole.labels(anchors).shape_BPSH, cut.labels(anchors).shape_BPSH)
    assert set(np.concatenate(list(cut.anchors.values()))) <= set(anchors)


def test_a_window_holds_rows_up_to_the_anchor_and_a_label_only_rows_after_it(dataset: Dataset) -> None:
    anchor = dataset.anchors["test"][:1]

    x_BLPF, _valid = dataset.windows(anchor)
    labels = dataset.labels(anchor)

    step = int(anchor[0])
    assert np.array_equal(x_BLPF[0], dataset.normalised[step - 9 : step + 1])
    prices = dataset.price_ticks[step : step + 6]
    mid = (prices[:, :, 0] + prices[:, :, 5]) / 2
    assert np.allclose(labels.mid_bps_BPH[0], 1e4 * np.log(mid[1:] / mid[0]).T)
    assert np.array_equal(labels.shape_BPSH[0, :, :9, 2], dataset.features[step + 3, :, 40:49])


def test_no_window_or_label_of_a_scored_slot_crosses_an_invalid_row(tmp_path: Path, small: Market) -> None:
    gap_ns = small.grid["ts_step_ns"].min() + 500 * STEP_NS
    is_gap = (pl.col("ts_step_ns") == gap_ns) & (pl.col("slot") == 1)
    gapped = small.grid.with_columns(
        pl.when(is_gap).then(pl.lit(False)).otherwise(pl.col("is_valid")).alias("is_valid")
    )

    made = build_grid(tmp_path, small, gapped)

    anchors = np.concatenate(list(made.anchors.values()))
    near = anchors[(anchors >= 495) & (anchors <= 509)]
    assert 500 not in near, "a present slot must be valid at the anchor"
    assert not made.labels(near).scored_BP[:, 1].any() and made.labels(near).scored_BP[:, 0].all()
    far = anchors[(anchors < 495) | (anchors > 509)]
    assert made.labels(far).scored_BP.all()


def test_no_window_or_label_crosses_a_span_of_the_gap_ledger_even_where_rows_look_valid(
    tmp_path: Path, small: Market
) -> None:
    first_ns = int(small.grid["ts_step_ns"].min())
    row = not_recorded("run", 1, first_ns + 500 * STEP_NS, first_ns + 502 * STEP_NS)
    keys = {"venue": "binance_spot", "instrument": "BTCUSDT", "date": "2026-01-05", "hour": "00"}
    Lake(tmp_path / "lake").write_table("gaps", keys, row)

    made = build_grid(tmp_path, small, small.grid)

    slot = INSTRUMENTS.index("binance_spot:BTCUSDT")
    assert made.valid[498:505, slot].tolist() == [True, True, True, False, False, True, True]
    anchors = np.concatenate(list(made.anchors.values()))
    spanning = anchors[(anchors >= 501 - 5) & (anchors <= 502 + 9)]
    assert not made.labels(spanning).scored_BP[:, slot].any()


def test_a_missing_step_ends_every_window_that_would_span_it(tmp_path: Path, small: Market) -> None:
    gap_ns = small.grid["ts_step_ns"].min() + 500 * STEP_NS

    made = build_grid(tmp_path, small, small.grid.filter(pl.col("ts_step_ns") != gap_ns))

    times = made.ts_step_ns[np.concatenate(list(made.anchors.values()))]
    assert not ((times > gap_ns - 6 * STEP_NS) & (times < gap_ns + 10 * STEP_NS)).any()


def test_a_slot_without_rows_is_absent_and_the_others_are_pooled(tmp_path: Path) -> None:
    market = make_market(1_200, seed=6, slots=(0, 1))

    made = build_grid(tmp_path, market, market.grid)

    assert [slot.is_present for slot in made.manifest.slots] == [True, True, False]
    assert made.features.shape[1] == 3 and made.windows(made.anchors["test"][:4])[0].shape == (4, 10, 2, 58)
    assert not made.normalised[:, 2].any()


def test_which_slots_are_present_is_decided_before_the_test_part(tmp_path: Path, small: Market) -> None:
    ts = small.grid["ts_step_ns"]
    is_late = (pl.col("slot") == 2) & (pl.col("ts_step_ns") < ts.min() + 740 * STEP_NS)
    is_gone = (pl.col("slot") == 2) & (pl.col("ts_step_ns") >= ts.min() + 740 * STEP_NS)
    late, gone = (
        small.grid.with_columns(pl.when(masked).then(False).otherwise(pl.col("is_valid")).alias("is_valid"))
        for masked in (is_late, is_gone)
    )

    came, went = build_grid(tmp_path / "late", small, late), build_grid(tmp_path / "gone", small, gone)

    assert [slot.is_present for slot in came.manifest.slots] == [True, True, False]
    assert [slot.is_present for slot in went.manifest.slots] == [True, True, True]
    assert went.anchors["test"][-1] < 740


def test_the_same_grid_gives_the_same_dataset_hash(tmp_path: Path, small: Market) -> None:
    first, second = (build_grid(tmp_path / name, small, small.grid) for name in ("a", "b"))

    assert first.manifest.hash == second.manifest.hash


def test_an_altered_array_is_named(tmp_path: Path, small: Market) -> None:
    build_grid(tmp_path, small, small.grid)
    path = tmp_path / "out" / "features.npy"
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)

    with pytest.raises(DatasetError, match=r"features\.npy: its bytes are not those"):
        datasets.load(tmp_path / "out")


def test_an_empty_lake_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="found none; convert data first"):
        datasets.build(tmp_path, "main", CONFIG, tmp_path / "out")


def test_a_recording_too_short_for_the_split_is_refused(tmp_path: Path) -> None:
    market = make_market(60, seed=1)

    with pytest.raises(DatasetError, match="record longer"):
        build_grid(tmp_path, market, market.grid)


def test_slots_in_another_order_than_the_table_are_refused(lake: Path, tmp_path: Path) -> None:
    wrong = (INSTRUMENTS[1], INSTRUMENTS[0], INSTRUMENTS[2])

    with pytest.raises(DatasetError, match="slot 0: expected 'binance_spot:BTCUSDT', found 'binance_usdm:BTCUSDT'"):
        datasets.build(lake, "main", CONFIG, tmp_path, instruments=wrong)


def test_longest_stretch_counts_consecutive_steps() -> None:
    assert datasets.longest_stretch(np.array([1, 2, 3, 7, 8, 20])) == 3
    assert datasets.longest_stretch(np.array([], dtype=np.int64)) == 0
