"""How a validation and a promotion read: markdown for people, MLflow and Dagster alike. `ml.plots` draws them."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from ml.gate import E8, MoneyOutcome, MoneyVerdict
from ml.metrics import Interval

if TYPE_CHECKING:
    from ml.validate import MidSkill, ValidationReport


def skill_table(report: "ValidationReport") -> str:
    """Return the tables as markdown; intervals are 95 % moving-block bootstrap unless settings say otherwise."""

    def at(step: int) -> str:
        return f"{step} ({step * report.step_ms:g} ms)"

    lines = [
        f"**Gate: {'passed' if report.gate.passed else 'refused'}** (its rules stand below). "
        f"Test part: {report.test_anchors:,} windows, longest stretch {report.contiguous_test_steps:,} steps, "
        f"{report.blocks} blocks of {report.block_steps} steps.",
        "",
        "**Mid, pooled over venues** (R2 is skill against zero return; intervals by block bootstrap)",
        "",
        "| step | R2 | ridge R2 | skill vs ridge | p vs ridge | rank IC | minute IC | direction on moves | move rate "
        "| majority |",
        "|---|---|---|---|---|---|---|---|---|---|",
        *(_mid_row(row, at) for row in report.mid),
        "",
        *_planted_table(report.mid, at),
        "**Gaps and volumes** (skill against each baseline)",
        "",
        "| target | step | vs AR(1)-shrink | vs persistence | vs climatology |",
        "|---|---|---|---|---|",
        *(
            f"| {row.target} | {at(row.horizon_step)} | {row.vs_ar!s} | {row.vs_persistence.value:+.3f} | "
            f"{row.vs_climatology.value:+.3f} |"
            for row in report.shape
        ),
        "",
        f"**Venues at step {at(report.horizon_step)}**",
        "",
        "| instrument | R2 | ridge R2 |",
        "|---|---|---|",
        *(f"| {row.instrument} | {row.r2!s} | {row.ridge_r2!s} |" for row in report.venues),
        "",
        "Books out of order after rounding to ticks: "
        + ", ".join(f"{name} {count}" for name, count in report.violations.items())
        + ".",
        f"Blend at step {at(report.horizon_step)}: {report.blend_ridge[report.horizon_step - 1]:.2f} ridge + "
        f"{report.blend_net[report.horizon_step - 1]:.2f} network.",
        "",
        "**Rules of the gate** (a person may override those of kind skill, with a reason)",
        "",
        "| rule | kind | verdict | reason |",
        "|---|---|---|---|",
        *(f"| {r.name} | {r.kind} | {'pass' if r.passed else 'FAIL'} | {r.reason} |" for r in report.gate.rules),
        "",
    ]
    return "\n".join(lines)


def money_table(verdict: MoneyVerdict) -> str:
    """Return what challenger and champion made after fees, as markdown; intervals are moving-block bootstrap."""
    challenger, champion = verdict.challenger, verdict.champion
    seconds = len(challenger.ts_ns) - 1
    head = f"**Money after fees and funding** ({seconds:,} s out of sample, {verdict.blocks} blocks; in quote units)"
    lines = [
        head,
        "",
        "| model | earned | largest drawdown | largest gross exposure |",
        "|---|---|---|---|",
        _money_row("challenger", challenger, verdict.earned),
    ]
    if champion is not None and verdict.champion_earned is not None:
        lines.append(_money_row("champion", champion, verdict.champion_earned))
        lines.append(f"| challenger less champion | {_money(verdict.difference)} | | |")
        lines += ["", "| rule | verdict | reason |", "|---|---|---|"]
        lines += [f"| {r.name} | {'pass' if r.passed else 'FAIL'} | {r.reason} |" for r in verdict.rules]
    else:
        lines += ["", "No champion to compare with: money decides nothing here, it is told."]
    return "\n".join([*lines, ""])


def _money_row(role: str, outcome: MoneyOutcome, earned: Interval) -> str:
    drawdown, exposure = outcome.max_drawdown_e8 / E8, outcome.gross_exposure_max_e8 / E8
    return f"| {role} {outcome.bundle[:12]} | {_money(earned)} | {drawdown:,.4f} | {exposure:,.2f} |"


def _money(interval: Interval | None) -> str:
    if interval is None:
        return "-"
    return f"{interval.value:+,.4f} [{interval.lower:+,.4f}, {interval.upper:+,.4f}]"


def _mid_row(row: "MidSkill", at: Callable[[int], str]) -> str:
    return (
        f"| {at(row.horizon_step)} | {row.vs_persistence!s} | {row.ridge_vs_persistence.value:+.4f} | "
        f"{row.vs_ridge!s} | {row.p_vs_ridge:.3f} | {row.rank_ic:+.3f} | {row.minute_rank_ic:+.3f} | "
        f"{row.direction.accuracy:.3f} | {row.direction.move_rate:.3f} | {row.direction.majority_rate:.3f} |"
    )


def _planted_table(rows: "tuple[MidSkill, ...]", at: Callable[[int], str]) -> list[str]:
    known = [row for row in rows if row.oracle_r2 is not None]
    if not known:
        return []
    return [
        "**Planted signal** (generated market; share = 1 - sum (f - m)^2 / sum m^2)",
        "",
        "| step | oracle R2 | share found | ridge's share |",
        "|---|---|---|---|",
        *(
            f"| {at(row.horizon_step)} | {row.oracle_r2} | {_share(row.share)} | {_share(row.ridge_share)} |"
            for row in known
        ),
        "",
    ]


def _share(share: float | None) -> str:
    return "nothing planted" if share is None else f"{share:.2f}"
