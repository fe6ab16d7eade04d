"""The page on the emulated Binance markets names every path and method that is served, and no other."""

import re

import pytest
from binance_client import SPOT, USDM

from streaming.emulator.orders_binance.routes import API_METHODS, PUBLIC_METHODS, REST_ROUTES
from streaming.settings import PROJECT_ROOT

PAGE = (PROJECT_ROOT / "docs" / "emulated_binance.md").read_text(encoding="utf-8")


def test_every_path_stands_there_and_no_other():
    told = set(re.findall(r"\| (GET|POST|PUT|DELETE) \| `([^`]+)` \|", PAGE))
    assert told == {*REST_ROUTES[USDM], *REST_ROUTES[SPOT]}


@pytest.mark.parametrize("venue", (USDM, SPOT))
def test_every_method_stands_there(venue):
    assert [name for name in (*API_METHODS[venue], *PUBLIC_METHODS[venue]) if f"`{name}`" not in PAGE] == []
