"""Every query of every board gives data from a database that a real session of trader and recorder has filled."""

import json
import re
from collections.abc import Iterator

import pytest
from told_session import SECOND, ToldSession, told_session

from dashboards.grafana_boards.boards_table import FOLDER
from streaming.metrics.catalogue import MEASUREMENTS
from streaming.metrics.measurement import Kind

BOARDS = {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in sorted(FOLDER.glob("*.json"))}
KINDS = {Kind.whole: "integer", Kind.flag: "integer", Kind.number: "float", Kind.text: "string"}


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ToldSession]:
    with told_session(tmp_path_factory.mktemp("told")) as session:
        yield session


def asked(session: ToldSession, query: str, run: str) -> list[object]:
    """Ask as Grafana does; return the values that are not null."""
    text = query.replace("$timeFilter", session.time_filter).replace("$__interval", "5s").replace("$run", run)
    assert not re.search(r"\$\w", text), text
    series = session.influx.query(text)
    return [value for one in series for row in one["values"] for value in row[1:] if value is not None]


@pytest.mark.parametrize("name", BOARDS)
@pytest.mark.parametrize("choice", ["all sessions", "the session"])
def test_every_panel_has_data(session: ToldSession, name: str, choice: str) -> None:
    run = session.run if choice == "the session" else ".*"
    queries = [
        (panel["title"], target["query"]) for panel in BOARDS[name]["panels"] for target in panel.get("targets", [])
    ]
    empty = [f"{title}: {query}" for title, query in queries if not asked(session, query, run)]

    assert len(queries) >= 8 and not empty, "\n".join(empty)


@pytest.mark.parametrize("name", BOARDS)
def test_every_kind_of_annotation_has_events(session: ToldSession, name: str) -> None:
    for annotation in BOARDS[name]["annotations"]["list"]:
        found = asked(session, annotation["target"]["query"], session.run)
        assert found, annotation["name"]


def test_promotion_and_trip_stand_where_they_happened(session: ToldSession) -> None:
    rows = session.influx.values('select "title", "words", "kind" from "event"')
    told = {str(kind): (str(title), str(words)) for _, title, words, kind in rows}

    assert told["model_swap"] == (f"model {'a' * 12} to {SECOND[:12]}", "generation 2")
    assert told["trip"][0] == "watch rule drift tripped" and told["drift"][0] == "drift level 0 to 2"
    assert {row[0] for row in rows} == {*{row[0] for row in rows}} and len({row[0] for row in rows}) == len(rows)


def test_a_session_can_be_chosen(session: ToldSession) -> None:
    (variable,) = BOARDS["overview"]["templating"]["list"]

    assert session.run in asked(session, variable["query"], "")


def test_what_is_written_is_what_the_catalogue_says_and_all_of_it(session: ToldSession) -> None:
    wanted = {found.name: {field.name: KINDS[field.kind] for field in found.fields} for found in MEASUREMENTS}
    written = {str(one["name"]): dict(one["values"]) for one in session.influx.query("show field keys")}  # type: ignore[arg-type]
    tags = {str(one["name"]): {row[0] for row in one["values"]} for one in session.influx.query("show tag keys")}  # type: ignore[union-attr]

    assert {(name, field): kind for name, fields in written.items() for field, kind in fields.items()} == {
        (name, field): kind for name, fields in wanted.items() for field, kind in fields.items()
    }
    assert tags == {found.name: set(found.tags) for found in MEASUREMENTS}
