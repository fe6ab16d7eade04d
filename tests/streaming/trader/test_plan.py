"""The plan of a session: venues behind one another in one engine, and what it refuses to begin with."""

import pytest
from paper_market import GRID, NAMES, START_NS, plan_of, settings_of, venue_plans

from streaming.errors import RefusedError, SettingsError
from streaming.trader.plan import trader_plan


def test_instruments_and_sources_of_all_venues_stand_behind_one_another() -> None:
    plan = plan_of()

    header = plan.header
    assert [entry.name for entry in header.instruments] == list(NAMES)
    assert [entry.id for entry in header.instruments] == [0, 1, 2]
    assert [source.id for source in header.sources] == list(range(len(header.sources)))
    assert header.sources[-1].kind == "sim_private"
    for venue, own in plan.venue_plans.items():
        offset = plan.source_offsets[venue]
        ours = header.sources[offset : offset + len(own.header.sources)]
        assert [(item.venue, item.kind) for item in ours] == [(item.venue, item.kind) for item in own.header.sources]


def test_run_is_named_after_its_start_and_tags_its_orders() -> None:
    plan, later = plan_of(), plan_of(START_NS + 1_000_000)

    assert plan.header.run == "paper-20260105T000000.000"
    assert plan.header.bundle == "b" * 64
    assert plan.document["run_tag"] != later.document["run_tag"]


def test_engine_emits_the_grid_and_no_market_rows() -> None:
    emit = plan_of().document["emit"]

    assert emit == {"book_updates": False, "trades": False, "quotes": False, "grid": True}


def test_instrument_whose_venue_is_not_heard_is_masked() -> None:
    grid = plan_of(names=NAMES[:2]).document["grid"]

    assert isinstance(grid, dict)
    assert grid["slots"] == [0, 1, None]
    assert grid["instruments"] == list(NAMES)


def test_missing_limit_is_refused_by_the_name_of_its_key() -> None:
    with pytest.raises(RefusedError, match=r"native\.risk: expected limits"):
        plan_of(risk=None)


def test_value_that_the_engine_refuses_is_a_settings_error() -> None:
    settings = settings_of()
    limits = settings.native.limits[NAMES[0]].model_copy(update={"order_size": "0.0000001"})

    with pytest.raises(SettingsError, match="order_size"):
        trader_plan(
            settings_of(limits={**settings.native.limits, NAMES[0]: limits}), GRID, venue_plans(), None, START_NS
        )
