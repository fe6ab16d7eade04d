"""The bytes of wishes, and how a strategy named in settings is found or refused."""

import struct

import pytest

from streaming.errors import UsageError
from streaming.strategies.interface import Action, PythonStrategy, Quote, Wish, encode_wishes, load_strategy
from streaming.strategies.mean_reversion import MeanReversion
from warehouse.schema import SIGNAL_ACTIONS

MODULE = "streaming.strategies.mean_reversion"


def test_wishes_are_written_as_a_prefix_and_one_row_each():
    first = Wish(0, Action.ENTER, target_units=-40, limit_ticks=9_990, expected_bps=1.5, cost_bps=0.5)
    second = Wish(2, Action.QUOTE, bid=Quote(10, 20), ask=Quote(30, 40))

    payload = encode_wishes(123, 7, [first, second])

    assert payload[:16] == struct.pack("<qII", 123, 7, 2)
    assert list(struct.iter_unpack("<IIqqqqqqdd", payload[16:])) == [
        (0, 1, -40, 9_990, 0, 0, 0, 0, 1.5, 0.5),
        (2, 6, 0, 0, 10, 20, 30, 40, 0.0, 0.0),
    ]


def test_no_wishes_are_a_prefix_alone():
    assert encode_wishes(-1, 0, []) == struct.pack("<qII", -1, 0, 0)


@pytest.mark.parametrize("slots", [(1, 0), (2, 2)])
def test_wishes_whose_slots_do_not_ascend_are_refused(slots: tuple[int, int]):
    with pytest.raises(ValueError, match="expected slots ascending, one wish each"):
        encode_wishes(1, 0, [Wish(slot) for slot in slots])


def test_actions_have_the_codes_of_the_core():
    assert tuple(action.name.lower() for action in Action) == SIGNAL_ACTIONS
    assert [int(action) for action in Action] == list(range(len(SIGNAL_ACTIONS)))


def test_a_strategy_is_made_with_its_settings():
    strategy = load_strategy(f"{MODULE}:MeanReversion", {"entry_z": 2.0})

    assert isinstance(strategy, MeanReversion)
    assert isinstance(strategy, PythonStrategy)


@pytest.mark.parametrize(
    ("path", "settings", "problem"),
    [
        ("MeanReversion", {}, "expected 'package.module:Class', found 'MeanReversion'"),
        ("streaming.strategies.missing:Any", {}, "expected a module that imports, found: No module named"),
        (f"{MODULE}:Missing", {}, "expected a class Missing"),
        (f"{MODULE}:math", {}, "expected a class math"),
        (f"{MODULE}:SlotView", {}, "expected the keys slot, instrument"),
        (
            f"{MODULE}:MeanReversion",
            {"entry": 1.0},
            "expected the keys window_steps, entry_z, exit_z, found: .*'entry'",
        ),
        (f"{MODULE}:MeanReversion", {"window_steps": 1}, "settings refused: window_steps: expected 2 or more, found 1"),
        (f"{MODULE}:MeanReversion", {"window_steps": "many"}, "settings refused"),
        ("streaming.strategies.interface:Quote", {}, r"expected a method decide\(view\), found none in Quote"),
    ],
)
def test_what_is_wrong_with_a_strategy_is_told_in_one_line(path: str, settings: dict[str, object], problem: str):
    with pytest.raises(UsageError, match=problem) as refusal:
        load_strategy(path, settings)
    assert "\n" not in str(refusal.value)
