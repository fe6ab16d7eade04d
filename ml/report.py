"""How a validation reads: markdown tables and two plots, for people, MLflow and Dagster alike."""

from pathlib import Path
from typing import TYPE_CHECKING

from ml.metrics import Interval

if TYPE_CHECKING:
    from ml.validate import MidSkill, ValidationReport


def skill_table(report: "ValidationReport") -> str:
    """Return the tables as markdown; intervals are 95 % moving-block bootstrap unless settings say otherwise."""
    lines = [
        f"Test part: {report.test_anchors:,} windows, longest stretch {report.contiguous_test_steps:,} steps, "
        f"{report.blocks} blocks of {report.block_steps} steps.",
        "",
        "**Mid, pooled over venues** (R2 is skill against zero return; steps of the grid)",
        "",
        "| step | R2 | ridge R2 | skill vs ridge | p vs ridge | rank IC | minute IC | direction on moves | move rate "
        "| majority |",
        "|---|---|---|---|---|---|---|---|---|---|",
        *(_mid_row(row) for row in report.mid),
        "",
        *_planted_table(report.mid),
        "**Gaps and volumes** (skill against each baseline)",
        "",
        "| target | step | vs AR(1)-shrink | vs persistence | vs climatology |",
        "|---|---|---|---|---|",
        *(
            f"| {row.target} | {row.horizon_step} | {_short(row.vs_ar)} | {row.vs_persistence.value:+.3f} | "
            f"{row.vs_climatology.value:+.3f} |"
            for row in report.shape
        ),
        "",
        f"**Venues at step {report.horizon_step}**",
        "",
        "| instrument | R2 | ridge R2 |",
        "|---|---|---|",
        *(f"| {row.instrument} | {_short(row.r2)} | {_short(row.ridge_r2)} |" for row in report.venues),
        "",
        "Books out of order after rounding to ticks: "
        + ", ".join(f"{name} {count}" for name, count in report.violations.items())
        + ".",
        f"Blend at step {report.horizon_step}: {report.blend_ridge[report.horizon_step - 1]:.2f} ridge + "
        f"{report.blend_net[report.horizon_step - 1]:.2f} network.",
        "",
        f"**Gate: {'passed' if report.gate.passed else 'refused'}**",
        "",
        "| rule | kind | verdict | reason |",
        "|---|---|---|---|",
        *(f"| {r.name} | {r.kind} | {'pass' if r.passed else 'FAIL'} | {r.reason} |" for r in report.gate.rules),
        "",
    ]
    return "\n".join(lines)


def draw_plots(report: "ValidationReport", directory: Path) -> tuple[Path, ...]:
    """Draw R2 by horizon (network and ridge, with intervals) and the blend, as two PNG files in `directory`."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    skill = Figure(figsize=(7, 4), layout="constrained")
    FigureCanvasAgg(skill)
    axes = skill.subplots()
    steps = [row.horizon_step for row in report.mid]
    for label, rows, offset in (
        ("model", [row.vs_persistence for row in report.mid], 0.15),
        ("ridge-flow", [row.ridge_vs_persistence for row in report.mid], -0.15),
    ):
        values = [row.value for row in rows]
        below = [max(0.0, min(row.value - row.lower, 1.0)) for row in rows]
        above = [max(0.0, min(row.upper - row.value, 1.0)) for row in rows]
        axes.errorbar([step + offset for step in steps], values, yerr=[below, above], fmt="o", capsize=3, label=label)
    oracle = [(row.horizon_step, row.oracle_r2.value) for row in report.mid if row.oracle_r2 is not None]
    if oracle:
        axes.plot(*zip(*oracle, strict=True), "k--", label="planted (oracle)")
    axes.axhline(0.0, color="grey", linewidth=0.8)
    axes.set(xlabel="horizon (grid steps)", ylabel="R2 of the mid against zero return", title="Skill on the test part")
    axes.legend()
    blend = Figure(figsize=(7, 3), layout="constrained")
    FigureCanvasAgg(blend)
    axes = blend.subplots()
    ahead = range(1, len(report.blend_ridge) + 1)
    axes.step(ahead, report.blend_ridge, where="mid", label="ridge")
    axes.step(ahead, report.blend_net, where="mid", label="network")
    axes.set(xlabel="horizon (grid steps)", ylabel="weight", ylim=(-0.05, 1.05), title="Blend fitted on validation")
    axes.legend()
    paths = (directory / "skill.png", directory / "blend.png")
    for figure, path in zip((skill, blend), paths, strict=True):
        figure.savefig(path, dpi=110)
    return paths


def _mid_row(row: "MidSkill") -> str:
    return (
        f"| {row.horizon_step} | {_short(row.vs_persistence)} | {row.ridge_vs_persistence.value:+.4f} | "
        f"{_short(row.vs_ridge)} | {row.p_vs_ridge:.3f} | {row.rank_ic:+.3f} | {row.minute_rank_ic:+.3f} | "
        f"{row.direction.accuracy:.3f} | {row.direction.move_rate:.3f} | {row.direction.majority_rate:.3f} |"
    )


def _planted_table(rows: "tuple[MidSkill, ...]") -> list[str]:
    known = [row for row in rows if row.oracle_r2 is not None]
    if not known:
        return []
    return [
        "**Planted signal** (generated market; share = 1 - sum (f - m)^2 / sum m^2)",
        "",
        "| step | oracle R2 | share found | ridge's share |",
        "|---|---|---|---|",
        *(
            f"| {row.horizon_step} | {row.oracle_r2 and _short(row.oracle_r2)} | {_share(row.share)} | "
            f"{_share(row.ridge_share)} |"
            for row in known
        ),
        "",
    ]


def _share(share: float | None) -> str:
    return "nothing planted" if share is None else f"{share:.2f}"


def _short(interval: Interval) -> str:
    return f"{interval.value:+.4f} [{interval.lower:+.4f}, {interval.upper:+.4f}]"
