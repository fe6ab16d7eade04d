"""Grafana as files: boards as their code makes them, of names that are written, and provisioning that Grafana reads."""

import json
import re
from pathlib import Path

import jsonschema
import pytest
import yaml
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.cog.plugins import register_default_plugins
from grafana_foundation_sdk.models.dashboard import Dashboard

from dashboards.grafana_boards.boards_table import BOARDS, FOLDER, write_boards
from streaming.metrics.catalogue import MEASUREMENTS
from streaming.metrics.config import MetricsSettings

PROVISIONING = FOLDER.parent / "provisioning"
FROM = re.compile(r'FROM "(\w+)"')
NAMED = re.compile(r'(?:\w\("|SELECT "|, "|AND "|WHERE "|BY "|\), ")(\w+)"')
SPELT = re.compile(r'AS "[^"]+"')
ALIAS_TAG = re.compile(r"\$tag_(\w+)")
PANEL_TYPES = {"timeseries", "stat", "bargauge", "state-timeline", "table"}

DATASOURCES = {
    "type": "object",
    "required": ["apiVersion", "datasources"],
    "additionalProperties": False,
    "properties": {
        "apiVersion": {"const": 1},
        "prune": {"type": "boolean"},
        "deleteDatasources": {"type": "array"},
        "datasources": {
            "type": "array",
            "minItems": 1,
            "items": {
                "type": "object",
                "required": ["name", "type", "access", "url", "uid"],
                "additionalProperties": False,
                "properties": {
                    "name": {"type": "string"},
                    "type": {"const": "influxdb"},
                    "uid": {"type": "string", "pattern": "^[a-zA-Z0-9_-]{1,40}$"},
                    "access": {"enum": ["proxy", "direct"]},
                    "url": {"type": "string", "pattern": "^https?://"},
                    "user": {"type": "string"},
                    "isDefault": {"type": "boolean"},
                    "editable": {"type": "boolean"},
                    "orgId": {"type": "integer"},
                    "version": {"type": "integer"},
                    "jsonData": {
                        "type": "object",
                        "required": ["dbName"],
                        "additionalProperties": False,
                        "properties": {
                            "dbName": {"type": "string"},
                            "httpMode": {"enum": ["GET", "POST"]},
                            "timeInterval": {"type": "string", "pattern": r"^\d+(ms|s|m|h)$"},
                            "version": {"enum": ["InfluxQL", "Flux", "SQL"]},
                            "maxSeries": {"type": "integer"},
                            "tlsSkipVerify": {"type": "boolean"},
                        },
                    },
                    "secureJsonData": {"type": "object"},
                },
            },
        },
    },
}
"""As Grafana's documentation of provisioning has it, of an InfluxDB that is asked in InfluxQL."""
PROVIDERS = {
    "type": "object",
    "required": ["apiVersion", "providers"],
    "additionalProperties": False,
    "properties": {
        "apiVersion": {"const": 1},
        "providers": {
            "type": "array",
            "minItems": 1,
            "items": {
                "type": "object",
                "required": ["name", "type", "options"],
                "additionalProperties": False,
                "properties": {
                    "name": {"type": "string"},
                    "orgId": {"type": "integer"},
                    "type": {"const": "file"},
                    "folder": {"type": "string"},
                    "folderUid": {"type": "string", "pattern": "^[a-zA-Z0-9_-]{1,40}$"},
                    "disableDeletion": {"type": "boolean"},
                    "allowUiUpdates": {"type": "boolean"},
                    "updateIntervalSeconds": {"type": "integer", "minimum": 1},
                    "options": {
                        "type": "object",
                        "required": ["path"],
                        "additionalProperties": False,
                        "properties": {
                            "path": {"type": "string", "pattern": "^/"},
                            "foldersFromFilesStructure": {"type": "boolean"},
                        },
                    },
                },
            },
        },
    },
}


def board(name: str) -> dict:
    return json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))


def panels(name: str) -> list[dict]:
    return [panel for panel in board(name)["panels"] if panel["type"] != "row"]


def targets(name: str) -> list[dict]:
    return [target for panel in panels(name) for target in panel["targets"]]


def test_the_files_are_what_the_code_makes(tmp_path: Path) -> None:
    write_boards(tmp_path)
    made = {path.name: path.read_text(encoding="utf-8") for path in tmp_path.iterdir()}

    assert made == {path.name: path.read_text(encoding="utf-8") for path in FOLDER.iterdir()}, (
        "run python -m dashboards.grafana_boards"
    )


@pytest.mark.parametrize("name", BOARDS)
def test_grafanas_own_model_of_a_board_reads_it_and_writes_it_again(name: str) -> None:
    register_default_plugins()
    found = board(name)
    for item in found["panels"]:
        item.pop("targets", None)  # of a source that the kit has no model of
    found["annotations"] = {}  # likewise
    again = json.loads(json.dumps(Dashboard.from_json(found), cls=JSONEncoder))

    assert again == found


@pytest.mark.parametrize("name", BOARDS)
def test_every_query_names_what_is_written(name: str) -> None:
    catalogue = {found.name: {*found.tags, *(field.name for field in found.fields)} for found in MEASUREMENTS}
    queries = [target["query"] for target in targets(name)]
    queries += [annotation["target"]["query"] for annotation in board(name)["annotations"]["list"]]

    for query in queries:
        (measurement,) = FROM.findall(query)
        named = set(NAMED.findall(SPELT.sub("", query)))
        assert named and named <= catalogue[measurement], query


@pytest.mark.parametrize("name", BOARDS)
def test_the_name_of_a_series_is_made_of_tags_that_it_is_parted_by(name: str) -> None:
    for target in targets(name):
        parted = set(re.findall(r'"(\w+)"', target["query"].partition(" GROUP BY ")[2]))
        told = set(ALIAS_TAG.findall(target.get("alias", "")))
        assert told == parted or target["resultFormat"] == "table", target


@pytest.mark.parametrize("name", BOARDS)
def test_panels_fill_the_width_and_none_lies_on_another(name: str) -> None:
    taken = set()
    for panel in board(name)["panels"]:
        place = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert place["x"] + place["w"] <= 24 and not cells & taken, panel["title"]
        taken |= cells
    rows = {y for _, y in taken}
    assert rows == set(range(max(rows) + 1)), "no empty lines"
    assert all((23, y) in taken and (0, y) in taken for y in rows), "no ragged side"


@pytest.mark.parametrize("name", BOARDS)
def test_a_panel_says_what_it_shows_and_shows_a_dash_for_no_data(name: str) -> None:
    found = panels(name)

    assert len({panel["title"] for panel in found}) == len(found) >= 7
    for panel in found:
        assert panel["type"] in PANEL_TYPES and panel["description"].endswith(".")
        assert panel["fieldConfig"]["defaults"]["noValue"] == "–"
        assert panel["fieldConfig"]["defaults"]["unit"], panel["title"]
    assert len({panel["id"] for panel in board(name)["panels"]}) == len(board(name)["panels"])


def test_boards_are_told_apart_and_lead_to_one_another() -> None:
    found = [board(name) for name in BOARDS]

    assert [one["title"] for one in found] == [
        "LOB / Overview",
        "LOB / Latency",
        "LOB / Market data quality",
        "LOB / Model & drift",
        "LOB / Risk & pnl",
        "LOB / Data platform",
    ]
    assert len({one["uid"] for one in found}) == len(found)
    assert all(one["tags"] == one["links"][0]["tags"] == ["lob"] and not one["editable"] for one in found)


def test_the_data_source_is_the_one_that_the_boards_ask() -> None:
    document = yaml.safe_load((PROVISIONING / "datasources/influxdb.yaml").read_text(encoding="utf-8"))
    jsonschema.validate(document, DATASOURCES)
    (source,) = document["datasources"]

    assert source["jsonData"]["dbName"] == MetricsSettings().database
    for name in BOARDS:
        sources = [target["datasource"] for target in targets(name)]
        sources += [panel["datasource"] for panel in panels(name)]
        sources += [annotation["datasource"] for annotation in board(name)["annotations"]["list"]]
        sources += [variable["datasource"] for variable in board(name)["templating"]["list"]]
        assert all(found == {"type": source["type"], "uid": source["uid"]} for found in sources)


def test_the_boards_are_provided_from_a_folder_and_not_to_be_changed_in_the_browser() -> None:
    document = yaml.safe_load((PROVISIONING / "dashboards/lob.yaml").read_text(encoding="utf-8"))
    jsonschema.validate(document, PROVIDERS)
    (provider,) = document["providers"]

    assert provider["options"]["path"] == "/etc/grafana/boards" and provider["allowUiUpdates"] is False


def test_a_wrong_word_in_provisioning_would_be_found() -> None:
    document = yaml.safe_load((PROVISIONING / "datasources/influxdb.yaml").read_text(encoding="utf-8"))
    document["datasources"][0]["jsonData"]["dbname"] = "lob"

    with pytest.raises(jsonschema.ValidationError, match="dbname"):
        jsonschema.validate(document, DATASOURCES)
