"""docs/orders.md is what the core's table says."""

from pathlib import Path

from native.order_pages import DOCS, orders_page, write_page


def test_the_page_is_the_one_in_the_docs(tmp_path: Path):
    write_page(tmp_path)

    assert (DOCS / "orders.md").read_bytes() == (tmp_path / "orders.md").read_bytes(), (
        "run python -m native.order_pages"
    )


def test_the_page_shows_every_state_and_trigger():
    page = orders_page()

    assert "| **no_answer** | unknown | unknown | unknown | stays |" in page
    assert "| **absent** | rejected | cancelled | cancelled | stays |" in page
