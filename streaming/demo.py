"""`trader demo`: the whole job in its own data folder: market, tables, model, gate, replay, report.

With a folder of recordings the grid is derived: the symbol whose recordings of different venues overlap longest.
Without, a small market with a known answer is generated. Nothing outside the demo's folder is touched.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from itertools import combinations
from pathlib import Path

import orjson

from native.config import GridConfig, InstrumentLimits, JsonObject
from streaming.cli.children import read_module
from streaming.cli.grammar import ProgressLine, time_text
from streaming.emulator.generator import run_name, segment_header
from streaming.errors import BadDataError, RefusedError, TraderError
from streaming.importer import ImportResult, import_recording
from streaming.overlay import write_overlay
from streaming.recordings import read_recordings
from streaming.report import RunReport, build_report, report_document, show_report
from streaming.runs import all_manifests, read_manifest
from streaming.segments import InstrumentEntry, read_header
from streaming.settings import Settings, load_settings, overriding
from streaming.trading_run import RunSummary, StartRequest, start_replay
from warehouse.lake import Lake

GENERATED_START = datetime(2026, 1, 5, tzinfo=UTC)
REFERENCE_ORDER = ("binance_usdm", "binance_spot", "bybit_spot")
ORDER_LOTS, LIMIT_LOTS = 100, 500
"""The demo's orders and limits in lots of each instrument; real ones are set by a person."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoRequest:
    """Where the market comes from and where everything is written."""

    recordings: Path | None
    hours: float
    seed: int
    data_dir: Path


@dataclass(slots=True)
class Demo:
    """One demo; `run` does it, `document` tells what came out."""

    request: DemoRequest
    is_quiet: bool = False
    answer: JsonObject = field(default_factory=dict)

    def run(self) -> int:
        """Do the whole job and return the exit code."""
        settings = self._prepare_market()
        learned = self._learn(settings)
        report = self._replay(settings, learned)
        self._close(settings, report)
        return 0

    @property
    def settings_file(self) -> Path:
        """The settings that every stage of the demo reads."""
        return self.request.data_dir / "settings.toml"

    def _prepare_market(self) -> Settings:
        """Fill the demo's lake and write its settings; return them."""
        own = load_settings()
        lake_root = self.request.data_dir / "lake"
        self._say("data folder", str(self.request.data_dir))
        if self.request.recordings is None:
            self._generate(own, lake_root)
            grid = generated_grid(own)
            entries = segment_header("", 0).instruments
            limits = {entry.name: own.native.limits.get(entry.name) or limits_in_lots(entry) for entry in entries}
        else:
            results = self._import(lake_root, self.request.recordings)
            grid = derive_grid(results)
            limits = {entry.name: limits_in_lots(entry) for entry in _entries(lake_root, results, grid)}
        self._say("grid", f"{', '.join(grid.instruments)}; reference {grid.reference}; {grid.step_ms} ms")
        write_overlay(self.settings_file, own, self.request.data_dir, grid, limits)
        return load_settings(self.settings_file, reads_environment=False)  # the overlay has its words already

    def _generate(self, own: Settings, lake_root: Path) -> None:
        from streaming.cli.generated import generate_market

        hours, seed = self.request.hours, self.request.seed
        run = run_name(hours, seed, 1.0, GENERATED_START, False)
        other = next((item.run for item in all_manifests(lake_root) if item.run != run), None)
        if other is not None:
            raise RefusedError(f"{lake_root}: holds run {other}, which would mix with {run}; give another --data-dir")
        if read_manifest(lake_root, run) is not None:
            self._say("market", f"generated already: run {run}")
            return
        self._say("market", f"generating {hours:g} h of three venues, seed {seed}")
        document = generate_market(lake_root, hours, seed, 1.0, GENERATED_START, new_fields=False)
        self.answer["generated"] = document

    def _import(self, lake_root: Path, folder: Path) -> list[ImportResult]:
        progress = ProgressLine()
        results = []
        for request in read_recordings(folder):
            try:
                result = import_recording(lake_root, request, progress)
            finally:
                progress.close()
            results.append(result)
            words = "in the lake already" if result.already_there else "imported"
            self._say("import", f"{result.instrument}: {result.frames} frames {words}")
        self.answer["imported"] = [result.run for result in results]
        return results

    def _learn(self, settings: Settings) -> JsonObject:
        """Run the conductor over the lake; its progress goes to stderr, its answer is returned."""
        self._say("learn", "lake, checks, marts, dataset, training, validation, gate (some minutes)")
        code, text = read_module("orchestration", ["learn", "--json"], self.settings_file)
        if code not in (0, 3):
            raise _failed(code)
        answer = learn_answer(text)
        if not self.is_quiet:
            print(answer.get("skill_table", ""))
        self.answer["learned"] = answer
        return answer

    def _replay(self, settings: Settings, learned: JsonObject) -> RunReport:
        bundle, reasons = verdict_of(learned)
        after_ns = None if bundle is None else unseen_from_ns(settings.warehouse.models_dir, bundle)
        if bundle is None:
            self._say("gate", f"refused: {reasons}")
            self._say("trader", "replaying without a model: the market is heard, no order is sent")
        else:
            self._say("gate", f"passed: champion {bundle[:12]}")
            self._say("trader", f"replaying the part that the model was not fitted on, from {time_text(after_ns or 0)}")
        progress = ProgressLine()
        try:
            request = StartRequest(grid=settings.streaming.grid, model=bundle, ts_from_ns=after_ns)
            summary = start_replay(settings, request, progress)
        finally:
            progress.close()
        report = build_report(Lake(settings.warehouse.lake_dir), summary)
        self.answer |= {"gate_passed": bundle is not None, "reasons": reasons, "report": report_document(report)}
        if not self.is_quiet:
            show_report(report)
        return report

    def _close(self, settings: Settings, report: RunReport) -> None:
        summary: RunSummary = report.summary
        self._say("done", f"journal {summary.journal}")
        if overriding():
            self._say("note", f"these override the demo's settings, unset them first: {', '.join(overriding())}")
        self._say("next", f"export LOB_SETTINGS={self.settings_file}   then:")
        for command in (
            "trader report",
            f"trader replay {summary.journal}",
            "trader models list",
            "trader gaps",
            'trader sql "select venue, instrument, count(*) from book_updates group by all"',
            "make dagster                    (the graph, checks and reports in the browser)",
        ):
            self._say("", command)

    def _say(self, what: str, text: str) -> None:
        if not self.is_quiet:
            print(f"  {what:<12} {text}", flush=True)


def generated_grid(settings: Settings) -> GridConfig:
    """Return the grid that the settings trade on where the generated market lists all of it, else one of its own."""
    names = tuple(entry.name for entry in segment_header("", 0).instruments)
    own = settings.grid_named(settings.streaming.grid)
    if set(own.instruments) <= set(names):
        return own
    return GridConfig(name="demo", instruments=names, reference=names[0])


def derive_grid(results: Sequence[ImportResult]) -> GridConfig:
    """Return the grid of the symbol whose venues' recordings overlap longest; the longest recording where none do."""
    by_symbol: dict[str, list[ImportResult]] = defaultdict(list)
    for result in results:
        by_symbol[result.instrument.partition(":")[2]].append(result)
    symbol = max(sorted(by_symbol), key=lambda name: (_overlap_ns(by_symbol[name]), _length_ns(by_symbol[name])))
    own = by_symbol[symbol]
    longest = max(own, key=_span_ns)
    names = {result.instrument for result in own if _shared_ns(result, longest) > 0}
    ordered = sorted(names, key=lambda name: REFERENCE_ORDER.index(name.partition(":")[0]))
    return GridConfig(name="demo", instruments=tuple(ordered), reference=ordered[0])


def limits_in_lots(entry: InstrumentEntry) -> InstrumentLimits:
    """Return the demo's order size and limits of one instrument."""
    lot = Decimal(entry.lot)
    order, limit = format(lot * ORDER_LOTS, "f"), format(lot * LIMIT_LOTS, "f")
    return InstrumentLimits(order_size=order, max_order_size=limit, max_position=limit)


def _entries(lake_root: Path, results: Sequence[ImportResult], grid: GridConfig) -> list[InstrumentEntry]:
    headers = [read_header(lake_root / result.files[0]) for result in results if result.instrument in grid.instruments]
    return [entry for header in headers for entry in header.instruments]


def _span_ns(result: ImportResult) -> int:
    return result.ts_to_ns - result.ts_from_ns


def _shared_ns(one: ImportResult, other: ImportResult) -> int:
    return max(0, min(one.ts_to_ns, other.ts_to_ns) - max(one.ts_from_ns, other.ts_from_ns))


def _overlap_ns(results: Sequence[ImportResult]) -> int:
    pairs = combinations(results, 2)
    return sum(_shared_ns(one, other) for one, other in pairs if one.instrument != other.instrument)


def _length_ns(results: Sequence[ImportResult]) -> int:
    return max(_span_ns(result) for result in results)


def learn_answer(text: str) -> JsonObject:
    """Return the conductor's JSON answer, its last line (tools that it runs may print before); TraderError without."""
    last = text.strip().rpartition("\n")[2]
    try:
        answer = orjson.loads(last)
    except orjson.JSONDecodeError as error:
        raise TraderError(f"python -m orchestration learn --json: expected JSON, found {last[:80]!r}") from error
    assert isinstance(answer, dict)
    return answer


def verdict_of(learned: JsonObject) -> tuple[str | None, str]:
    """Return the promoted bundle's hash, or None and the gate's reasons."""
    if learned.get("promoted"):
        return str(learned["bundle"]), ""
    reasons = learned.get("reasons") or ["no reason given; see: trader models list"]
    assert isinstance(reasons, list)
    return None, "; ".join(str(reason) for reason in reasons)


def unseen_from_ns(models_dir: Path, bundle: str) -> int:
    """Return where the bundle's test part begins: nothing of the model was fitted on what came from there on."""
    manifest = orjson.loads((models_dir / bundle / "manifest.json").read_bytes())
    split = manifest["config"]["split"]
    first_ns, last_ns = int(manifest["lineage"]["first_step_ns"]), int(manifest["trained_until_ns"])
    unseen = 1.0 - split["train"] - split["validation"]
    return last_ns - int(unseen * (last_ns - first_ns))


def _failed(code: int) -> TraderError:
    message = f"python -m orchestration learn ended with exit code {code}; its lines above say why"
    return BadDataError(message) if code == BadDataError.exit_code else TraderError(message)
