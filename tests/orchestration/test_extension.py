"""`python -m orchestration extend`: what waits is converted, judged and built over, and nothing is learned."""

import json

import dagster as dg

from orchestration.conduct import DONE
from orchestration.extension import CONVERTED, extend
from orchestration.settings import Settings


def test_extending_converts_judges_and_builds_and_tells_how_much(
    definitions: dg.Definitions, house: Settings, instance: dg.DagsterInstance, give_manifest_to_house: None
):
    extended = extend(house, instance)

    assert (extended.exit_code, extended.reasons) == (DONE, ())
    document = json.loads(json.dumps(extended.as_json()))
    assert document["extended"] is True
    assert [document[name] for name in CONVERTED] == [6, 2]
    rows = house.lake.scan("grid").collect()
    assert (document["rows"], document["steps"]) == (rows.height, rows["ts_step_ns"].n_unique())
    assert document["gaps"] == 0
    assert document["checks"]["passed"] > 0 and document["checks"]["refused"] == 0
    assert house.folders.marts_path.is_file()
    assert not list(house.folders.models_dir.glob("*"))
