"""Promote: the sealed challenger, and the champion that the trader runs."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import dagster as dg

from orchestration.defs.backtest.assets import backtest
from orchestration.defs.resources import House
from orchestration.defs.validate.assets import images, sealed_hash, validation
from orchestration.settings import Settings

if TYPE_CHECKING:
    from orchestration.defs.promote.money import Money

BY = "dagster"


@dg.asset(group_name="promote", kinds={"mlflow"}, deps=[validation])
def challenger(house: House) -> dg.MaterializeResult[None]:
    """The bundle last sealed; the trader may run it in shadow beside the champion, whatever the gate said."""
    from orchestration.defs.promote.promotion import put_up

    settings = house.settings()
    pointer = put_up(settings, sealed_hash(settings), BY)
    return dg.MaterializeResult(metadata={"bundle": pointer.hash, "generation": pointer.generation})


def money_metadata(settings: Settings, bundle: str, money: "Money | None") -> dict[str, dg.MetadataValue[Any]]:
    """Keep what was found about money in the reports, and return what people read of it."""
    from orchestration.defs.promote.money import write_money

    if money is None:
        return {}
    picture = write_money(settings, bundle, money)
    shown = [images([picture])] if picture is not None else []
    return {
        "money": dg.MetadataValue.md("\n\n".join([money.table, *shown])),
        "money_in_words": dg.MetadataValue.text(money.words),
    }


@dg.multi_asset(
    group_name="promote",
    specs=[dg.AssetSpec("champion", deps=[challenger, backtest], skippable=True, kinds={"mlflow"})],
)
def champion(context: dg.AssetExecutionContext, house: House) -> Iterator[dg.MaterializeResult[None]]:
    """The bundle that the trader runs: moved when its data's recorded checks, the gate and money all passed."""
    from orchestration.defs.promote.promotion import crown, decide

    settings = house.settings()
    decision = decide(settings, context.instance, sealed_hash(settings))
    metadata: dict[str, dg.MetadataValue[Any]] = {
        "bundle": dg.MetadataValue.text(decision.bundle),
        "recorded_verdicts": dg.MetadataValue.int(decision.verdicts),
        "reasons": dg.MetadataValue.json([*decision.objections, *decision.weaknesses]),
        **money_metadata(settings, decision.bundle, decision.money),
    }
    if decision.is_granted:
        pointer = crown(settings, decision, BY)
        metadata["generation"] = dg.MetadataValue.int(pointer.generation)
        yield dg.MaterializeResult(metadata={**metadata, "reason": pointer.reason})
    else:  # an expected end, so no failure: the old champion stays, and the asset says why
        context.log_event(dg.AssetObservation("champion", metadata=metadata))
