"""Points as lines of InfluxDB's protocol, read back by a parser of the test's own."""

import math
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streaming.metrics.measurement import Field, Kind, Measurement, flag, number, text, whole
from streaming.metrics.point import TEXT_SIGNS_MAX, MetricPoint, lines_of

THINGS = Measurement(
    "things", "Of a test.", ("a", "b"), (whole("n", ""), number("x", ""), flag("is_it", ""), text("why", ""))
)
SPLIT = re.compile(r"(?<!\\)[ ,=]")


def test_a_point_is_one_line_with_its_tags_in_order() -> None:
    point = THINGS.point(7, {"b": "2", "a": "1"}, {"n": 3, "x": "0.50", "is_it": True, "why": "so"})

    assert point is not None
    assert lines_of([point, point]) == b'things,a=1,b=2 n=3i,x=0.5,is_it=1i,why="so" 7\n' * 2


def test_what_the_protocol_reserves_is_escaped() -> None:
    line = MetricPoint("a b,c", (("t", "x, y=z\\"),), (("why", 'he said "no\\yes"\nand went'),), 1).line()

    assert line == r'a\ b\,c,t=x\,\ y\=z/ why="he said \"no\\yes\" and went" 1'


@given(st.text(min_size=1), st.text())
def test_any_words_stay_within_their_line_and_their_place(tag: str, words: str) -> None:
    line = MetricPoint("m", (("t", tag),), (("why", words),), 1).line()

    assert "\n" not in line
    head, _, rest = line.partition(' why="')
    assert len(SPLIT.split(head)) == 3, "measurement, tag and value"
    assert re.fullmatch(r'(?:[^"\\]|\\["\\])*" 1', rest)


@pytest.mark.parametrize("value", [None, "", "none", "nan", math.nan, math.inf, "inf", [1], {"a": 1}, 2**63, -(2**64)])
def test_what_is_no_number_is_left_out(value: object) -> None:
    assert THINGS.point(1, {}, {"n": value, "x": value if not isinstance(value, int) else None}) is None  # type: ignore[dict-item]


def test_a_field_keeps_its_kind_whatever_the_document_says() -> None:
    point = THINGS.point(1, {}, {"n": 3.0, "x": 4, "is_it": 7, "why": 5})

    assert point is not None
    assert [(name, type(value)) for name, value in point.fields] == [
        ("n", int),
        ("x", float),
        ("is_it", int),
        ("why", str),
    ]
    assert dict(point.fields)["is_it"] == 1


def test_a_flag_that_is_off_is_told_and_not_left_out() -> None:
    point = THINGS.point(1, {}, {"is_it": False})

    assert point is not None and point.fields == (("is_it", 0),)


def test_tags_without_a_value_are_left_out() -> None:
    point = THINGS.point(1, {"a": "", "b": "2", "c": "3"}, {"n": 1})

    assert point is not None and point.tags == (("b", "2"),)


def test_long_words_are_cut() -> None:
    assert len(MetricPoint("m", (), (("why", "x" * 5_000),), 1).line()) < TEXT_SIGNS_MAX + 20


def test_a_field_is_told_apart_by_its_kind() -> None:
    assert [THINGS.fields[place].kind for place in range(4)] == [Kind.whole, Kind.number, Kind.flag, Kind.text]
    assert isinstance(THINGS.fields[0], Field)
