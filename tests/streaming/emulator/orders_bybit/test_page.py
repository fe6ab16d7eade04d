import re
from pathlib import Path

import pytest

from streaming.emulator.exchange.words import Refusal
from streaming.emulator.orders_bybit.errors import REFUSALS
from streaming.emulator.orders_bybit.front import ROUTES
from streaming.emulator.orders_bybit.limits import REQUESTS_PER_S
from streaming.emulator.orders_bybit.sockets import TOPICS, TRADE_OPS

PAGE = (Path(__file__).resolve().parents[4] / "docs" / "emulated_bybit.md").read_text()


def test_the_page_lists_every_path_with_its_limit() -> None:
    listed = re.findall(r"^\| (GET|POST) \| `(\S+)` \| (\d+)", PAGE, re.MULTILINE)

    served = [(method, path, str(REQUESTS_PER_S[name])) for (method, path), name in ROUTES.items()]
    assert sorted(listed) == sorted(served)


@pytest.mark.parametrize("word", sorted(TOPICS | TRADE_OPS))
def test_the_page_names_every_topic_and_operation(word: str) -> None:
    assert f"`{word}`" in PAGE


def test_every_refusal_of_the_exchange_has_a_code() -> None:
    assert set(REFUSALS) == set(Refusal)
