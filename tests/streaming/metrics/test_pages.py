"""docs/metrics.md is what the catalogue says."""

from pathlib import Path

from streaming.metrics.catalogue import MEASUREMENTS
from streaming.metrics.measurement import Kind
from streaming.metrics.pages import DOCS, NAME, write_pages


def test_the_page_is_made_from_the_catalogue(tmp_path: Path) -> None:
    write_pages(tmp_path)

    assert (DOCS / NAME).read_bytes() == (tmp_path / NAME).read_bytes(), "run python -m streaming.metrics"


def test_names_are_told_once_and_tags_stand_in_order() -> None:
    assert len({found.name for found in MEASUREMENTS}) == len(MEASUREMENTS)
    for found in MEASUREMENTS:
        names = [field.name for field in found.fields]
        assert len({*names, *found.tags}) == len(names) + len(found.tags), f"{found.name}: a name twice"
        assert list(found.tags) == sorted(found.tags), found.name


def test_every_field_says_what_it_is() -> None:
    assert all(field.words and field.kind in Kind for found in MEASUREMENTS for field in found.fields)
