"""Section `[native.execution]`: what it writes into the engine's document, and that the core takes it."""

import json

import pytest
from one_market import document
from pydantic import ValidationError

import native
from native.config import ExecutionSettings
from native.execution_settings import SlicingSettings, execution_section
from native.risk_tables import order_cells


def test_without_settings_the_document_says_nothing_of_execution():
    assert "execution" not in document(ExecutionSettings())


def test_times_are_told_in_ns_and_only_what_was_said():
    settings = ExecutionSettings(
        style="twap",
        interval_ms=250,
        amend=True,
        own_size_in_book=False,
        strategies={"forecast": SlicingSettings(style="take")},
    )

    assert execution_section(settings) == {
        "execution": {
            "style": "twap",
            "interval_ns": 250_000_000,
            "amend": True,
            "own_size_in_book": False,
            "strategies": {"forecast": {"style": "take"}},
        }
    }


def test_the_core_takes_every_key():
    every = ExecutionSettings(
        style="passive_then_aggressive",
        patience_ms=1_500,
        interval_ms=700,
        slices=3,
        fill_or_kill=True,
        amend=True,
        own_size_in_book=True,
        self_trade="refuse",
        reduce_only=True,
        close_at_market=True,
        strategies={"forecast": SlicingSettings(style="twap", patience_ms=900)},
    )

    native.Engine(json.dumps(document(every)))


@pytest.mark.parametrize(
    ("change", "key"),
    [
        ({"style": "slowly"}, "execution.style"),
        ({"slices": 0}, "execution.slices"),
        ({"patience_ns": 0}, "execution.patience_ns"),
        ({"self_trade": "perhaps"}, "execution.self_trade"),
        ({"strategies": {"nobody": {}}}, "execution.strategies.nobody"),
    ],
)
def test_the_core_refuses_what_cannot_be_and_names_the_key(change, key):
    with pytest.raises(ValueError, match=key):
        native.Engine(json.dumps({**document(ExecutionSettings()), "execution": change}))


def test_a_key_that_nobody_knows_is_refused():
    with pytest.raises(ValidationError):
        ExecutionSettings.model_validate({"stile": "take"})


def test_the_table_of_orders_never_leaves_an_ended_state():
    ended = {"filled", "cancelled", "rejected", "refused", "expired"}
    cells = order_cells()

    assert len(cells) == len(native.enums["OrderState"]) * len(native.enums["OrderTrigger"])
    assert all(cell.to in (cell.state, None) for cell in cells if cell.state in ended)
