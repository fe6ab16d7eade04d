"""The page of rules and the drawing of states say what the core does."""

from pathlib import Path
from xml.etree import ElementTree

import pytest

import native
from native.risk_pages import DOCS, write_pages
from native.risk_tables import TradingCell, risk_rows, trading_cells, watch_rows
from native.trading_drawing import trading_drawing


@pytest.mark.parametrize("name", ["risk.md", "trading_state.svg"])
def test_the_page_is_what_the_core_would_write_today(name: str, tmp_path: Path):
    write_pages(tmp_path)

    assert (DOCS / name).read_bytes() == (tmp_path / name).read_bytes(), "run python -m native.risk_pages"


def test_every_rule_has_a_row_with_its_code():
    lines = (DOCS / "risk.md").read_text().splitlines()

    for row in (*risk_rows(), *watch_rows()):
        assert any(line.startswith(f"| `{row.name}` |") and line.endswith(f"| {row.number} |") for line in lines)


def test_the_codes_of_the_page_are_those_of_the_records():
    assert {row.number: row.name for row in risk_rows()} == dict(enumerate(native.enums["RiskRule"][1:], start=1))


def test_the_drawing_holds_every_state_and_every_change():
    drawing = ElementTree.fromstring(trading_drawing(trading_cells()))
    texts = [element.text for element in drawing.iter("{http://www.w3.org/2000/svg}text")]
    arrows = [
        element for element in drawing.iter("{http://www.w3.org/2000/svg}path") if element.get("class") == "arrow"
    ]
    changes = {(cell.state, cell.to) for cell in trading_cells() if cell.to not in (None, cell.state)}

    assert {cell.state for cell in trading_cells()} <= set(texts)
    assert len(arrows) == len(changes)


def test_a_change_of_the_table_changes_the_drawing():
    cells = trading_cells()
    refused = [cell._replace(to=None) if cell.op == "resume" else cell for cell in cells]

    assert trading_drawing(refused) != trading_drawing(cells)


def test_a_state_without_a_place_is_an_error():
    with pytest.raises(KeyError, match="asleep"):
        trading_drawing([TradingCell("asleep", "wake", "active")])
