"""The closing summary: what was measured, in words for people and in JSON for programs."""

from collections.abc import Iterator
from dataclasses import asdict
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

from native.config import JsonObject
from streaming.cli.grammar import time_text
from streaming.demo.findings import Findings, Gap, Recording, drift_flag, number_of, planted_shares, section_of
from streaming.report import report_document

FEATURES_NAMED = 3
SKILL_STEP = "5"
"""The horizon that orders are decided by, in steps."""


def summary_lines(findings: Findings, data_dir: Path) -> list[tuple[str, str]]:
    """Return the summary as lines of a word and a text; a line without a word goes on from the one before."""
    return [
        *_model(findings),
        *_recording(findings),
        *_session(findings),
        *_outcome(findings),
        ("times", _times(findings.seconds)),
        *_next(findings, data_dir),
    ]


def summary_document(findings: Findings) -> JsonObject:
    """Return everything that was found as one JSON object."""
    recording, session = findings.recording, findings.session
    return {
        "is_clean": findings.is_clean,
        "problems": [*findings.problems()],
        "seconds": {name: round(value, 1) for name, value in findings.seconds.items()},
        "learned": findings.learned,
        "bundle": findings.bundle,
        "recording": None if recording is None else {**asdict(recording)},
        "extended": findings.extended,
        "session": None
        if session is None
        else {
            "report": report_document(session.report),
            "status": session.status,
            "review": session.review,
            "regime_ts_ns": session.regime_ts_ns,
            "regime": session.regime,
            "picture": str(session.picture),
        },
    }


def _model(findings: Findings) -> Iterator[tuple[str, str]]:
    learned = findings.learned
    if learned is None:
        return
    verdict = f"champion {findings.bundle[:12]}" if findings.bundle else f"none, the gate refused: {findings.refusal}"
    yield "model", verdict
    shares = planted_shares(str(learned.get("skill_table", "")), SKILL_STEP)
    if shares is not None:
        yield "skill", f"{shares[0]:.0%} of the planted signal found at {SKILL_STEP} steps ahead; ridge {shares[1]:.0%}"
    yield "drift", f"before promotion: {_drift_text(section_of(learned, 'drift'))}"


def _recording(findings: Findings) -> Iterator[tuple[str, str]]:
    recording = findings.recording
    if recording is None:
        return
    frames = ", ".join(f"{venue} {count}" for venue, count in recording.frames.items())
    yield "recorded", f"{recording.minutes:.1f} market minutes; frames: {frames}"
    yield "", f"the emulator at most {recording.emulator_lag_ms_max:.0f} ms of market time behind its clock"
    shares = ", ".join(f"{name.partition(':')[0]} {share:.1%}" for name, share in recording.valid_shares.items())
    yield "", f"books valid at the grid's steps: {shares}"
    yield from _gap_lines(recording)
    if findings.extended is not None:
        checks = ", ".join(f"{count} {word}" for word, count in section_of(findings.extended, "checks").items())
        steps = number_of(findings.extended.get("steps"))
        yield "extended", f"{steps} grid steps in the hours converted; checks: {checks or 'none told'}"


def _gap_lines(recording: Recording) -> Iterator[tuple[str, str]]:
    holes = recording.holes_between_runs
    apart = f"; apart from that {_count(holes, 'stretch', 'stretches')} that nobody recorded" if holes else ""
    if not recording.gaps:
        yield "gaps", f"no feed gap{apart}"
        return
    for loss in recording.losses:
        yield (
            "lost",
            f"{_count(loss.frames, 'depth frame')} of {loss.instrument} at {time_text(loss.ts_ns)}, on purpose",
        )
    for gap in recording.gaps:
        yield "found", f"{gap.instrument} {gap.cause.replace('_', ' ')} {gap.sequence_from} to {gap.sequence_to}"
        yield "", _ending(gap)
    words = "exactly what was lost" if recording.are_gaps_the_losses else "NOT what was lost"
    yield "", f"{_count(len(recording.gaps), 'feed gap')} in the ledger, {words}{apart}"


def _ending(gap: Gap) -> str:
    length_ms = (gap.ts_to_ns - gap.ts_from_ns) / 1e6
    ending = f"repaired by {gap.repaired_by.replace('_', ' ')} after {length_ms:.0f} ms" if gap.is_closed else "OPEN"
    return f"{ending}; {_count(gap.masked_steps, 'grid step')} masked"


def _session(findings: Findings) -> Iterator[tuple[str, str]]:
    session = findings.session
    if session is None:
        return
    report, counts = session.report, section_of(session.status, "counts")
    fills = sum(item.fills for item in report.instruments)
    begin, end = report.summary.counts.ts_first_ns, report.summary.counts.ts_last_ns
    yield "traded", f"{report.summary.run}: {(end - begin) / 60e9:.1f} market minutes from {time_text(begin)}, paper"
    yield "", f"{number_of(counts.get('forecasts'))} forecasts, {_late(counts)}"
    yield "orders", f"{report.summary.counts.orders} ordered, {fills} fills, pnl {_money(report.pnl)} USDT without fees"
    for item in report.instruments:
        yield "", f"{item.instrument}: {item.fills} fills, position {_money(item.position)}, pnl {_money(item.pnl)}"
    yield "latency", _latency_text(section_of(session.status, "latency"))
    replays = "identical" if session.review.get("identical") is True else "DIFFERENT"
    skew = section_of(session.review, "skew")
    rows = f"{skew.get('rows', '?')} feature rows, {skew.get('missing', '?')} missing"
    yield "proof", f"replay {replays}; skew {skew.get('different', '?')} of {rows}"
    if session.regime_ts_ns is not None:
        yield "regime", f"changed on purpose at {time_text(session.regime_ts_ns)}:"
        yield "", session.regime
    drift = section_of(session.review, "drift")
    yield "drift", f"on the session: {_drift_text(drift)}"
    if named := _features(drift):
        yield "", named
    yield "picture", str(session.picture)


def _late(counts: JsonObject) -> str:
    late, skipped = number_of(counts.get("forecasts_late")), number_of(counts.get("windows_skipped"))
    return f"{late} too late to use, {skipped} windows skipped because the model was busy"


def _latency_text(latency: JsonObject) -> str:
    parts = []
    for name, words in (("socket_to_engine", "frame to engine"), ("socket_to_order", "grid step to order")):
        stage = section_of(latency, name)
        if stage.get("count"):
            parts.append(f"{words} p50 {_ms(stage, 'p50_us')}, p99 {_ms(stage, 'p99_us')}")
    return "; ".join(parts) or "not measured"


def _ms(stage: JsonObject, name: str) -> str:
    value = stage.get(name)
    return f"{value / 1e3:.2f} ms" if isinstance(value, int | float) else "?"


def _drift_text(drift: JsonObject) -> str:
    if (flagged := drift_flag(drift)) is None:
        return f"not judged: {drift.get('not_judged') or 'no verdict was made'}"
    features = drift.get("features")
    beyond = features if isinstance(features, list) else []
    compared = f"{len(beyond)} of {number_of(drift.get('compared'))} features beyond their threshold"
    if isinstance(missing := drift.get("missing"), list) and missing:
        compared += f"; {len(missing)} more could not be compared"
    return f"{'FLAGGED' if flagged else 'silent'}, {compared}"


def _features(drift: JsonObject) -> str:
    """Return the features furthest beyond their threshold."""
    features = drift.get("features")
    beyond = [str(item["name"]) for item in features if isinstance(item, dict)] if isinstance(features, list) else []
    return f"{', '.join(beyond[:FEATURES_NAMED])}{' ...' if len(beyond) > FEATURES_NAMED else ''}"


def _outcome(findings: Findings) -> Iterator[tuple[str, str]]:
    problems = findings.problems()
    for problem in problems:
        yield "NOT AS MEANT", problem
    if not problems and findings.is_clean:
        yield "clean", "no feed gap and no drift, as meant"


def _times(seconds: dict[str, float]) -> str:
    parts = ", ".join(f"{name} {value:.0f}" for name, value in seconds.items())
    return f"{sum(seconds.values()):.0f} s: {parts}"


def _next(findings: Findings, data_dir: Path) -> Iterator[tuple[str, str]]:
    yield "next", f"export LOB_SETTINGS={data_dir / 'settings.toml'}   then:"
    if findings.session is not None:
        summary = findings.session.report.summary
        drift = section_of(findings.session.review, "reports").get("html")
        yield "", f"trader report {summary.run}"
        yield "", f"trader replay {summary.journal}"
        if drift:
            yield "", f"open {drift}   (the drift report, in a browser)"
    yield "", "trader gaps"
    yield "", 'trader sql "select venue, instrument, count(*) from book_updates group by all"'
    if findings.learned is not None:
        yield "", "trader models show champion"
        yield "", "make dagster                    (the graph, checks and reports in the browser)"


def _money(number: Decimal) -> str:
    return format(number.normalize() + 0, "f")


def _count(number: int, one: str, more: str = "") -> str:
    return f"{number} {one if number == 1 else more or one + 's'}"


def clock_text(ts_ns: int) -> str:
    """Return the UTC time of day of a time in ns."""
    return datetime.fromtimestamp(ts_ns / 1e9, tz=UTC).strftime("%H:%M:%S")
