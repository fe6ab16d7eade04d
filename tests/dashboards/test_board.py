"""Changes on a page: one small message a tick, dashes for what is not there, peaks kept."""

import orjson
import pytest

from dashboards.board import DASH, POINTS_MAX, Board, Cell, age_text, thinned, title_of


class Page:
    """Stands in for an open page: keeps what would be sent to the browser."""

    def __init__(self):
        self.sent = []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        return None


@pytest.fixture
def page():
    return Page()


@pytest.fixture
def board(page, monkeypatch):
    monkeypatch.setattr("dashboards.board.ui.run_javascript", page.sent.append)
    return Board(page)


def changes(page):
    text = page.sent[-1]
    assert text.startswith("lob.apply(") and text.endswith(")")
    return orjson.loads(text.removeprefix("lob.apply(").removesuffix(")"))


def test_what_changed_in_a_tick_is_one_message(board, page):
    Cell(board, "n1").put("1.25", source="view", age_s=0.1)
    Cell(board, "n2").bar(0.5, state="warn")

    board.flush()

    assert len(page.sent) == 1
    assert changes(page) == [["c", "n1", ["1.25", "view, under 1 s old", "ok"]], ["b", "n2", [50.0, "warn"]]]


def test_what_stays_as_it_is_is_not_sent_again(board, page):
    for _ in range(3):
        Cell(board, "n1").put("1.25")
        board.flush()

    assert len(page.sent) == 1


def test_no_data_is_a_dash_and_zero_is_zero(board, page):
    Cell(board, "n1").put(None)
    Cell(board, "n2").put("0")
    board.flush()

    (_, _, none), (_, _, zero) = changes(page)
    assert none == [DASH, "", "none"]
    assert zero == ["0", "", "ok"]


def test_a_line_of_many_points_is_thinned_and_keeps_its_peaks():
    points = [(float(number), 0.0) for number in range(10_000)]
    points[1_234] = (1_234.0, 99.0)
    points[5_678] = (5_678.0, -99.0)

    shown = thinned(points)

    assert len(shown) <= POINTS_MAX
    assert [x for x, _ in shown] == sorted(x for x, _ in shown)
    assert (1_234.0, 99.0) in shown and (5_678.0, -99.0) in shown


def test_holes_in_a_line_stay_holes():
    shown = thinned([(float(number), None) for number in range(10_000)])

    assert {value for _, value in shown} == {None}


@pytest.mark.parametrize(
    ("age_s", "text"), [(0.2, "under 1 s old"), (1.9, "1 s old"), (130, "2 min old"), (9_000, "2 h old")]
)
def test_ages_are_told_in_words(age_s, text):
    assert age_text(age_s) == text
    assert title_of("view", age_s) == f"view, {text}"
