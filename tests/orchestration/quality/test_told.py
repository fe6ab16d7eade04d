"""What checks found is told to windows as they read it: partition by partition, by the newest verdict."""

import orjson

from dashboards.data_facts import checks_in
from orchestration.defs.quality.partition import Verdict
from orchestration.defs.quality.rules import Finding
from orchestration.defs.quality.told import FINDINGS_TOLD, tell_checks
from orchestration.defs.quality.verdicts import Recorded, states_of

CHECK = "trades_sane"
WARNING = Finding("trades", "price_plausible", "warning", 3, 10, ("row 1",))


def verdict(key: str, *findings: Finding) -> Verdict:
    return Verdict(key, "content", "ruling", 10, {CHECK: list(findings)})


def told(folder, verdicts, kept=None):
    states = {CHECK: states_of(CHECK, verdicts, kept or {})}
    tell_checks(folder, "captured_books", states, verdicts, {CHECK: "What it asks."}, "run-1", 7)
    (found,), unreadable = checks_in(folder)
    assert unreadable == []
    return found


def test_a_partition_judged_anew_takes_the_place_of_its_older_verdict(tmp_path):
    kept = {"a": Recorded("refused", "c", "r", 5), "b": Recorded("clean", "c", "r", 5)}

    found = told(tmp_path, [verdict("a", WARNING)], kept)

    assert found.checks[0].partitions == {"a": "warned", "b": "clean"}
    assert (found.run_id, found.ts_ns, found.judged, found.checks[0].rows) == ("run-1", 7, 1, 15)
    assert found.checks[0].findings == [f"a: {WARNING.line}"]


def test_no_more_findings_are_told_than_fit_and_the_rest_are_counted(tmp_path):
    found = told(tmp_path, [verdict("a", *([WARNING] * (FINDINGS_TOLD + 3)))])

    assert (len(found.checks[0].findings), found.checks[0].findings_left_out) == (FINDINGS_TOLD, 3)


def test_the_file_is_replaced_whole(tmp_path):
    told(tmp_path, [verdict("a")])

    told(tmp_path, [verdict("a", WARNING)])

    assert [path.name for path in (tmp_path / "checks").iterdir()] == ["captured_books.json"]
    assert orjson.loads((tmp_path / "checks" / "captured_books.json").read_bytes())["asset"] == "captured_books"
