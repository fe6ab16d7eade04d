"""Fixtures of page tests; what they are and how to use them stands in browser.py and dashboard_house.py."""

from collections.abc import Generator
from pathlib import Path

import pytest
from browser import chrome, open_page, pytest_pyfunc_call, shared_chrome
from dashboard_house import house, make_own_house, shared_house
from shared import end_shared

HERE = Path(__file__).parent

__all__ = [
    "chrome",
    "house",
    "make_own_house",
    "open_page",
    "pytest_pyfunc_call",
    "shared_chrome",
    "shared_house",
]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(item: pytest.Item, nextitem: pytest.Item | None) -> Generator[None, None, None]:
    """End what page tests share behind the last of them."""
    yield
    if nextitem is None or HERE not in nextitem.path.parents:
        end_shared(item.session)
