"""The extension is what its stub says, and its layouts are what Python reads."""

import ast
from pathlib import Path

import numpy as np
import pytest

import native
from native import _native

STUB = Path(native.__file__).with_name("_native.pyi")


def declared_names() -> set[str]:
    names: set[str] = set()
    for node in ast.parse(STUB.read_text()).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            names.add(node.target.id)
    return names


def methods_of(stub_class: str) -> set[str]:
    for node in ast.parse(STUB.read_text()).body:
        if isinstance(node, ast.ClassDef) and node.name == stub_class:
            return {item.name for item in node.body if isinstance(item, ast.FunctionDef)} - {"__init__"}
    raise AssertionError(f"{stub_class} is not declared")


def test_stub_declares_exactly_what_the_extension_holds() -> None:
    held = {name for name in dir(_native) if not name.startswith("_")}

    assert declared_names() == held
    assert set(native.__all__) == held


@pytest.mark.parametrize("name", ["Engine", "SimVenue"])
def test_stub_declares_exactly_the_methods_of_a_class(name: str) -> None:
    held = {method for method in dir(getattr(native, name)) if not method.startswith("_")}

    assert methods_of(name) == held


def test_every_output_of_the_engine_has_its_declared_layout() -> None:
    outputs = native.Engine('{"instruments": [], "sources": []}').drain()

    assert outputs.pop("arena") == b""
    assert {name: array.dtype for name, array in outputs.items()} == native.dtypes


def test_layouts_hold_no_object_and_name_the_causing_input() -> None:
    for name, dtype in native.dtypes.items():
        assert not dtype.hasobject, name
        assert dtype["seq"] == np.dtype("uint64"), name


def test_frame_takes_any_buffer_and_counts_waiting_outputs() -> None:
    engine = native.Engine('{"instruments": [], "sources": []}')

    assert engine.frame(1, 0, 10, b"{}") == 1
    assert engine.frame(2, 0, 20, bytearray(b"{}")) == 2
    assert engine.frame(3, 0, 30, memoryview(b"{}")) == 3
    assert engine.drain()["rejects"]["seq"].tolist() == [1, 2, 3]


def test_frame_with_wrong_arguments_is_a_type_error() -> None:
    engine = native.Engine('{"instruments": [], "sources": []}')

    with pytest.raises(TypeError, match="4 arguments"):
        engine.frame(1, 0, 10)  # type: ignore[call-arg]
    with pytest.raises(TypeError):
        engine.frame(1, 0, 10, 5)  # type: ignore[arg-type]


def test_feature_schema_hash_changes_with_step_venues_and_levels() -> None:
    venues = ["binance_usdm", "binance_spot"]
    hashes = {
        native.feature_schema_hash(venues, 100_000_000, 5),
        native.feature_schema_hash(venues, 250_000_000, 5),
        native.feature_schema_hash(venues[::-1], 100_000_000, 5),
        native.feature_schema_hash(venues, 100_000_000, 10),
    }

    assert len(hashes) == 4


def test_records_survive_scanning_and_damage_is_named() -> None:
    block = native.encode_record(1, 2, 3, 4, b"frame") + native.encode_record(4, 0, 5, 6, b"{}")

    rows = native.scan_records(block)

    assert rows["seq"].tolist() == [3, 5]
    assert block[rows[0]["offset"] :][: rows[0]["length"]] == b"frame"
    with pytest.raises(ValueError, match="record 1 at byte 33: the block ends inside the record"):
        native.scan_records(block[:-1])


def test_prices_off_the_tick_are_refused_not_rounded() -> None:
    assert native.parse_decimal("2683.80000000", "0.01") == 268380
    with pytest.raises(ValueError, match=r"no whole count of 0\.5"):
        native.parse_decimal("2683.7", "0.5")
