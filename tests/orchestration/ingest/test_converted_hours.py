"""Jobs without partitions begin with the conversion of whatever waits, and record it as partitions."""

import dagster as dg

from orchestration.conduct import BAD_DATA, learn
from orchestration.defs.ingest.sensors import run_requests
from orchestration.settings import Settings

VENUES = ("binance_spot", "binance_usdm", "bybit_spot")


def convert(definitions: dg.Definitions, instance: dg.DagsterInstance) -> dict[str, object]:
    result = definitions.resolve_implicit_global_asset_job_def().execute_in_process(
        instance=instance, asset_selection=[dg.AssetKey("converted_hours")]
    )
    (event,) = [event for event in result.get_asset_materialization_events() if event.partition is None]
    return {name: value.value for name, value in event.materialization.metadata.items()}


def test_everything_that_waits_is_converted_once_and_stands_as_partitions(
    house: Settings, definitions: dg.Definitions, instance: dg.DagsterInstance
) -> None:
    first, again = convert(definitions, instance), convert(definitions, instance)

    assert first == {"venue_hours_converted": 6, "grid_hours_converted": 2}
    assert again == {"venue_hours_converted": 0, "grid_hours_converted": 0}
    assert run_requests(house) == []
    books = instance.get_materialized_partitions(dg.AssetKey("captured_books"))
    assert books == {f"2026-01-05-0{hour}:00|{venue}" for hour in (0, 1) for venue in VENUES}
    assert instance.get_materialized_partitions(dg.AssetKey("grid")) == {"2026-01-05-00:00", "2026-01-05-01:00"}


def test_a_damaged_segment_is_bad_data_named_by_file_and_nothing_is_learned(
    house: Settings, definitions: dg.Definitions, instance: dg.DagsterInstance
) -> None:
    segment = house.lake.segments("bybit_spot", house.lake.hours("bybit_spot")[0])[0]
    segment.write_bytes(segment.read_bytes()[:-20])

    learned = learn(house, instance)

    assert learned.exit_code == BAD_DATA
    (reason,) = learned.reasons
    assert reason.startswith("converted_hours: ") and segment.name in reason
    assert not house.folders.datasets_dir.exists()
