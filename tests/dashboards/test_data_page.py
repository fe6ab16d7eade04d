"""Page Data: what is shown of the lake is what the lake holds, and reports stand behind the gate, harmless."""

import httpx
import pytest
from browser import OpenPage
from dashboard_house import DashboardHouse
from held_lake import END_NS, RUN_ID, SECOND, START_NS
from playwright.sync_api import expect

from dashboards.coverage import Coverage, Gap, Piece, coverage, duration, share_text, strip_html, summary
from dashboards.data_facts import checks_in
from dashboards.reports import found_report, reports_in

HOUR = 3_600 * SECOND
NAME = "binance_usdm:BTCUSDT"


def gap(begin_s: int, end_s: int, *, cause: str = "sequence_break", is_closed: bool = True) -> Gap:
    return Gap("binance_usdm", "BTCUSDT", begin_s * SECOND, end_s * SECOND, cause, "rest_snapshot", is_closed)


def covered(
    *gaps: Gap, held: tuple[tuple[int, int], ...] = ((0, 100),), window: tuple[int, int] = (0, 100)
) -> Coverage:
    spans = {NAME: [(begin * SECOND, end * SECOND) for begin, end in held]}
    (found,) = coverage(spans, gaps, (window[0] * SECOND, window[1] * SECOND))
    return found


# --- coverage ---


def test_an_instrument_without_a_loss_is_whole() -> None:
    found = covered()

    assert (found.valid_share, found.pieces) == (1.0, [])
    assert summary(found) == "100 % whole; nothing lost"


@pytest.mark.parametrize(
    ("lost", "kind"),
    [
        (gap(10, 20), "repaired"),
        (gap(10, 20, is_closed=False), "gap"),
        (gap(10, 20, cause="not_recorded"), "missing"),
    ],
)
def test_a_row_of_the_ledger_is_a_piece_of_its_kind_and_its_time_is_not_whole(lost: Gap, kind: str) -> None:
    found = covered(lost)

    assert [piece.kind for piece in found.pieces] == [kind]
    assert found.valid_share == pytest.approx(0.9)


def test_a_gap_after_which_the_book_was_never_whole_again_lasts_to_the_end() -> None:
    assert covered(gap(60, 0, is_closed=False)).valid_share == pytest.approx(0.6)


def test_time_that_two_gaps_share_is_lost_once() -> None:
    assert covered(gap(10, 30), gap(20, 40)).valid_share == pytest.approx(0.7)


def test_what_no_span_holds_was_not_recorded() -> None:
    found = covered(held=((0, 30), (50, 100)), window=(0, 120))

    assert [(piece.first_ns // SECOND, piece.last_ns // SECOND) for piece in found.pieces] == [(30, 50), (100, 120)]
    assert (found.missing, found.valid_share) == (2, pytest.approx(80 / 120))


def test_what_lies_outside_of_the_window_is_not_counted() -> None:
    found = covered(gap(10, 20), gap(55, 65), held=((0, 100),), window=(60, 100))

    assert [(piece.first_ns // SECOND, piece.last_ns // SECOND) for piece in found.pieces] == [(60, 65)]


def test_a_share_is_never_rounded_up_to_all() -> None:
    assert [share_text(share) for share in (1.0, 0.9999999, 0.995, 0.5)] == ["100 %", "99.999 %", "99.500 %", "50.0 %"]


def test_lengths_of_time_have_a_fitting_unit() -> None:
    told = [duration(int(seconds * SECOND)) for seconds in (0.258, 3.2, 600, 9_000)]
    assert told == ["258 ms", "3.2 s", "10.0 min", "2.5 h"]


def test_marks_stand_where_their_time_is_and_what_they_say_cannot_break_out() -> None:
    piece = Piece(25 * SECOND, 50 * SECOND, "gap", "<script>")
    found = Coverage(NAME, [piece], 0.75, 0, 1, 0)

    html = strip_html(found, (0, 100 * SECOND))

    assert "left:25.0000%;width:25.0000%" in html and 'class="gap"' in html
    assert "<script>" not in html and "&lt;script&gt;" in html


# --- files ---


def test_a_file_of_checks_that_cannot_be_read_is_named(tmp_path) -> None:
    (tmp_path / "checks").mkdir()
    (tmp_path / "checks" / "grid.json").write_text("{torn")

    assert checks_in(tmp_path) == ([], ["grid.json"])


@pytest.mark.parametrize(
    "place", ["../secret.html", "drift/../../secret.html", "link.html", "notes.key", "", "none.html"]
)
def test_nothing_but_reports_of_the_folder_is_found(tmp_path, place: str) -> None:
    folder = tmp_path / "reports"
    folder.mkdir()
    (tmp_path / "secret.html").write_text("secret")
    (folder / "notes.key").write_text("secret")
    (folder / "link.html").symlink_to(tmp_path / "secret.html")

    assert found_report(folder, place) is None


def test_reports_are_listed_newest_first_with_their_verdicts(tmp_path) -> None:
    (tmp_path / "drift").mkdir()
    for name, verdict in (("a", b'{"level": 0, "flagged": false, "features": []}'), ("b", b"{torn")):
        (tmp_path / "drift" / f"{name}.json").write_bytes(verdict)
        (tmp_path / "drift" / f"{name}.html").write_bytes(b"")

    found = reports_in(tmp_path)

    assert sorted((report.name, report.subject, report.words) for report in found) == [
        ("a", "drift", "no drift; 0 features beyond their threshold"),
        ("b", "drift", ""),
    ]
    assert [report.ts_ns for report in found] == sorted((report.ts_ns for report in found), reverse=True)


# --- the page ---


def test_the_page_shows_what_was_lost_where_and_for_how_long(house: DashboardHouse, open_page: OpenPage) -> None:
    page = open_page(house, "/data")

    expect(page.get_by_test_id("coverage-words-binance_usdm:BTCUSDT")).to_have_text("1 repaired, 1 not repaired")
    expect(page.get_by_test_id("coverage-words-bybit_spot:BTCUSDT")).to_have_text("1 not recorded")
    expect(page.get_by_test_id("coverage-share-bybit_spot:BTCUSDT")).to_contain_text("75.0 %")
    expect(page.get_by_test_id("coverage-share-binance_spot:BTCUSDT")).to_have_text("100 %")
    expect(page.get_by_test_id("coverage-window")).to_contain_text("2026-01-04 20:00:00.000")
    lost_ns = 360 * SECOND + 258_000_000
    share = share_text(1 - lost_ns / (END_NS - START_NS))
    expect(page.get_by_test_id("coverage-share-binance_usdm:BTCUSDT")).to_contain_text(share)
    ledger = page.get_by_test_id("ledger").locator("tbody tr")
    expect(ledger).to_have_count(2)
    expect(ledger.nth(1)).to_contain_text("2026-01-04 20:10:00.000258 mssequence breakrest snapshotclosed")
    expect(ledger.nth(0)).to_contain_text("6.0 mincrossed book–■ open")


def test_another_window_is_read_when_it_is_chosen(house: DashboardHouse, open_page: OpenPage) -> None:
    page = open_page(house, "/data")
    expect(page.get_by_test_id("ledger-count")).to_have_text("2")

    page.get_by_test_id("window").select_option("1")

    expect(page.get_by_test_id("ledger-count")).to_have_text("0")
    expect(page.get_by_test_id("coverage-window")).to_contain_text("2026-01-04 23:00:00.000")


def test_checks_tell_their_state_and_link_to_the_run_that_judged(house: DashboardHouse, open_page: OpenPage) -> None:
    page = open_page(house, "/data")

    rows = page.get_by_test_id("checks").locator("tbody tr")
    expect(rows).to_have_count(3)
    expect(rows.nth(1)).to_contain_text("captured_books: gaps_ledgered▲ warned110")
    expect(rows.nth(2)).to_contain_text("■ refused")
    expect(rows.nth(0).get_by_role("link")).to_have_attribute("href", f"http://127.0.0.1:3000/runs/{RUN_ID}")


def test_a_report_opens_behind_the_gate_and_can_ask_the_dashboard_for_nothing(
    house: DashboardHouse, open_page: OpenPage
) -> None:
    page = open_page(house, "/data", allowed=("Content Security Policy",))
    row = page.get_by_test_id("reports").locator("tbody tr").first
    expect(row).to_contain_text("DRIFT, level 1 (halve the size); 2 features beyond")

    row.get_by_role("link").click()

    expect(page.locator("#words")).to_have_text("drift report, drawn by its script")
    expect(page).to_have_title("could not ask")
    address = f"{house.url}/reports/drift/watch-1.html"
    assert page.url == address
    assert httpx.get(address).status_code == 401
