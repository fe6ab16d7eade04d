"""Files of points that wait: chains of gzip members, good up to the last whole one."""

import gzip

import pytest

from streaming.metrics.spill_format import SpillName, member, parse_name, whole_members

LINES = [b"a x=1i 1\n", b"b x=2i 2\nc x=3i 3\n", b"d x=4i 4\n"]
CHAIN = b"".join(member(lines) for lines in LINES)


def test_a_chain_is_one_gzip_stream() -> None:
    assert gzip.decompress(CHAIN) == b"".join(LINES)
    assert whole_members(CHAIN) == (len(CHAIN), 4)


def test_wherever_a_chain_is_torn_what_stands_before_is_found() -> None:
    ends = [0]
    for lines in LINES:
        ends.append(ends[-1] + len(member(lines)))
    points = [0, 1, 3, 4]

    for cut in range(len(CHAIN) + 1):
        whole = max(place for place, end in enumerate(ends) if end <= cut)
        assert whole_members(CHAIN[:cut]) == (ends[whole], points[whole])


def test_what_is_no_gzip_holds_nothing() -> None:
    assert whole_members(b"points, once") == (0, 0)
    assert whole_members(CHAIN + b"\0\0\0") == (len(CHAIN), 4)


@pytest.mark.parametrize("name", [SpillName(7), SpillName(7, 5_000), SpillName(12_345_678_901, 1)])
def test_a_name_is_read_as_it_was_written(name: SpillName) -> None:
    assert parse_name(name.text) == name


@pytest.mark.parametrize("text", ["", "7.lp.gz", "0000000007.lp.gz", "0000000007-x.lp.gz", "notes.txt", "a-1.lp.gz"])
def test_another_file_is_not_ours(text: str) -> None:
    assert parse_name(text) is None
