"""Shadow forecasts on disk: what was whole survives every cut, and damage is never read as data."""

import numpy as np
import pytest

from streaming.errors import BadDataError
from streaming.kept_forecasts import at_horizons
from streaming.trader.shadow import encode_shadow, read_shadow, shadow_path, whole_bytes

VALUES = np.arange(20 * 60, dtype=np.float32).reshape(20, 60) / 1_000


@pytest.fixture
def records():
    return [encode_shadow(seq, 1_000 + seq, 900 + seq, 7, VALUES + seq) for seq in (1, 2, 3)]


def test_what_is_kept_of_a_forecast_is_read_again(tmp_path, records):
    path = shadow_path(tmp_path, "paper-1")
    path.write_bytes(b"".join(records))

    found = list(read_shadow(path))

    assert [item[:5] for item in found] == [(seq, 1_000 + seq, 900 + seq, 7, 20) for seq in (1, 2, 3)]
    assert all(np.array_equal(item.kept, at_horizons((VALUES + item.seq).reshape(20, 3, 20))) for item in found)


def test_cut_off_at_any_byte_every_record_that_was_whole_is_read(tmp_path, records):
    path, data = tmp_path / "x.shadow", b"".join(records)
    ends = [sum(map(len, records[:count])) for count in range(4)]

    for cut in range(len(data) + 1):
        path.write_bytes(data[:cut])
        whole = sum(end <= cut for end in ends[1:])
        assert whole_bytes(data[:cut]) == ends[whole]
        assert len(list(read_shadow(path))) == whole


def test_a_damaged_record_is_an_error_and_no_file_is_no_forecast(tmp_path, records):
    path, data = tmp_path / "x.shadow", bytearray(b"".join(records))
    data[60] ^= 1
    path.write_bytes(data)

    with pytest.raises(BadDataError, match="move this file away"):
        list(read_shadow(path))
    assert list(read_shadow(tmp_path / "none")) == []
