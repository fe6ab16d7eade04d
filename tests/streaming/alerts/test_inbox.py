"""The inbox: reports appear whole, are taken once, and what is none is kept for a person."""

from pathlib import Path

import pytest

from streaming.alert_inbox import TAKEN_MAX, drop_report, inbox_dir, remove, take_reports
from streaming.alerts.report import REPORT_BYTES_MAX, Report, report_from_json
from streaming.errors import BadDataError


def report(number: int = 1, **words: object) -> Report:
    return Report.model_validate({"title": f"report {number}", "ts_ns": number, **words})


def test_reports_are_taken_in_order_and_stay_until_they_are_safe(tmp_path: Path) -> None:
    for number in (2, 1):
        drop_report(tmp_path, report(number))

    taken = take_reports(tmp_path)

    assert [item.title for item in taken.reports] == ["report 1", "report 2"]
    assert take_reports(tmp_path, set(taken.files)).reports == ()
    assert take_reports(tmp_path).reports == taken.reports
    remove(set(taken.files))
    assert [*inbox_dir(tmp_path).iterdir()] == []


def test_inbox_that_is_not_there_is_empty(tmp_path: Path) -> None:
    assert take_reports(tmp_path).files == ()


def test_what_is_no_report_is_kept_aside_and_told(tmp_path: Path) -> None:
    inbox_dir(tmp_path).mkdir(parents=True)
    (inbox_dir(tmp_path) / "a.json").write_bytes(b'{"title": 1}')
    drop_report(tmp_path, report())

    taken = take_reports(tmp_path)

    assert len(taken.reports) == 1
    assert "refused/a.json: report: " in taken.refused[0]
    assert (inbox_dir(tmp_path) / "refused" / "a.json").is_file()


def test_many_reports_are_taken_in_portions(tmp_path: Path) -> None:
    for number in range(TAKEN_MAX + 1):
        drop_report(tmp_path, report(number))

    first = take_reports(tmp_path)
    second = take_reports(tmp_path, set(first.files))

    assert (len(first.reports), len(second.reports)) == (TAKEN_MAX, 1)


@pytest.mark.parametrize(
    ("payload", "key"),
    [
        (b"", "file"),
        (b"[]", "file"),
        (b'{"title": "", "ts_ns": 1}', "title"),
        (b'{"title": "a", "ts_ns": -1}', "ts_ns"),
        (b'{"title": "a", "ts_ns": 1, "rule": "disk"}', "rule"),
        (b'{"title": "a", "ts_ns": 1, "severity": "bad"}', "severity"),
        (b'{"title": "a", "ts_ns": 1, "other": 1}', "other"),
        (b" " * (REPORT_BYTES_MAX + 1), "at most"),
    ],
)
def test_wrong_report_is_named_by_its_key(payload: bytes, key: str) -> None:
    with pytest.raises(BadDataError, match=f"report: .*{key}"):
        report_from_json(payload)


def test_report_reads_back_as_it_was() -> None:
    wanted = report(rule="run_failure", subject="s", severity="critical", words="w")

    assert report_from_json(wanted.to_json()) == wanted
