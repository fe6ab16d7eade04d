"""What windows show of a model's look: shares of one whole, by venue, side, level and feature."""

import numpy as np
import pytest

from ml.runtime import AttentionMap, Token
from streaming.trader.attention import attention_view, no_attention

INSTRUMENTS = ("a:X", "", "c:X")
TOKENS = (
    Token(0, "bid", 1, "price"),
    Token(0, "ask", 2, "volume"),
    Token(0, "both", 0, "ofi_l1"),
    Token(2, "bid", 2, "price"),
    Token(2, "both", 0, "readout"),
)


def found(weights, readers=(0, 2)):
    return AttentionMap(readers, TOKENS, np.array(weights, dtype=np.float32).reshape(len(readers), 5, -1))


def test_shares_are_added_by_what_a_token_stands_for_and_averaged_over_readers():
    view = attention_view("abc", 7, found([[0.5, 0.25, 0.25, 0, 0], [0.1, 0.1, 0.2, 0.2, 0.4]]), INSTRUMENTS)

    assert view.venues == pytest.approx({"a:X": 0.7, "c:X": 0.3})
    assert view.sides == pytest.approx({"bid": 0.4, "ask": 0.175, "both": 0.425})
    assert view.levels == pytest.approx({"1": 0.3, "2": 0.275, "none": 0.425})
    assert view.features == pytest.approx({"price": 0.4, "volume": 0.175, "ofi_l1": 0.225, "readout": 0.2})
    assert view.even["features"] == pytest.approx({"price": 0.4, "volume": 0.2, "ofi_l1": 0.2, "readout": 0.2})
    assert (view.model, view.ts_step_ns, view.lags, view.note) == ("abc", 7, (), "")


def test_each_reader_keeps_its_own_ladders_and_all_its_shares_make_one():
    view = attention_view("abc", 7, found([[0.5, 0.25, 0.25, 0, 0], [0.1, 0.1, 0.2, 0.2, 0.4]]), INSTRUMENTS)

    first, second = view.readers
    assert (first.instrument, second.instrument) == ("a:X", "c:X")
    assert first.books == {"a:X": ((0.5, 0.0), (0.0, 0.25)), "c:X": ((0.0, 0.0), (0.0, 0.0))}
    assert second.rest == pytest.approx({"a:X": 0.2, "c:X": 0.4})
    for reader in view.readers:
        ladders = [share for sides in reader.books.values() for side in sides for share in side]
        assert sum(ladders) + sum(reader.rest.values()) == pytest.approx(1.0, abs=1e-4)


def test_a_model_with_a_token_a_step_tells_lags_newest_first():
    view = attention_view("abc", 7, found([[0.1, 0.4], [0, 0.1], [0, 0.1], [0.1, 0.1], [0, 0.1]], (2,)), INSTRUMENTS)

    assert view.lags == pytest.approx((0.8, 0.2)) and sum(view.venues.values()) == pytest.approx(1.0)


def test_a_window_in_which_nobody_reads_says_so():
    view = attention_view("abc", 7, AttentionMap((), TOKENS, np.zeros((0, 5, 1), dtype=np.float32)), INSTRUMENTS)

    assert view.note == "no instrument was valid in that window" and not view.venues and not view.readers


def test_a_reason_of_any_length_fits_into_a_view():
    assert len(no_attention("abc", 7, "x" * 10_000).note) == 200
