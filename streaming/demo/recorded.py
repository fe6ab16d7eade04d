"""The demo on recordings of one's own: imported, learned from, replayed trading where the model was not fitted.

The grid is derived: the symbol whose recordings of different venues overlap longest. Nothing outside the demo's folder
is touched.
"""

from dataclasses import dataclass, field
from pathlib import Path

import orjson

from native.config import JsonObject
from streaming.cli.grammar import ProgressLine, time_text
from streaming.demo.commands import conduct
from streaming.demo.market import derive_grid, import_all, imported_limits
from streaming.demo.request import DemoRequest
from streaming.demo.telling import Teller
from streaming.demo.windows import ask_windows, open_windows, stay, tell_windows
from streaming.errors import RefusedError
from streaming.overlay import write_overlay
from streaming.report import RunReport, build_report, report_document, show_report
from streaming.settings import Settings, load_settings, overriding
from streaming.supervisor import Supervisor
from streaming.trading_run import RunSummary, StartRequest, start_replay
from warehouse.lake import Lake


@dataclass(slots=True)
class RecordedDemo:
    """One demo; `run` does it, `answer` tells what came out."""

    request: DemoRequest
    teller: Teller
    answer: JsonObject = field(default_factory=dict)

    def run(self) -> int:
        """Do the whole job and return the exit code."""
        settings = self._prepare_market()
        learned = self._learn()
        report = self._replay(settings, learned)
        self._close(report)
        if self.request.has_windows:
            self._show(settings, report)
        return 0

    @property
    def settings_file(self) -> Path:
        """The settings that every stage of the demo reads."""
        return self.request.data_dir / "settings.toml"

    def _prepare_market(self) -> Settings:
        """Fill the demo's lake and write its settings; return them."""
        own, say = load_settings(), self.teller.say
        lake_root = self.request.data_dir / "lake"
        say("data folder", str(self.request.data_dir))
        assert self.request.recordings is not None
        results = import_all(lake_root, self.request.recordings, say)
        self.answer["imported"] = [result.run for result in results]
        grid = derive_grid(results)
        say("grid", f"{', '.join(grid.instruments)}; reference {grid.reference}; {grid.step_ms} ms")
        write_overlay(self.settings_file, own, self.request.data_dir, grid, imported_limits(lake_root, results, grid))
        return load_settings(self.settings_file, reads_environment=False)  # the overlay has its words already

    def _learn(self) -> JsonObject:
        """Run the conductor over the lake."""
        text = "lake, checks, marts, dataset, training, validation, gate (some minutes)"
        with (
            Supervisor(self.request.data_dir / "logs") as supervisor,
            self.teller.stage("learn", text),
        ):
            learned = conduct(
                supervisor, self.settings_file, ["learn"], self.teller.progress, (RefusedError.exit_code,)
            )
        if not self.teller.is_quiet:
            print(learned.get("skill_table", ""))
        self.answer["learned"] = learned
        return learned

    def _replay(self, settings: Settings, learned: JsonObject) -> RunReport:
        say, (bundle, reasons) = self.teller.say, verdict_of(learned)
        after_ns = None if bundle is None else unseen_from_ns(settings.warehouse.models_dir, bundle)
        if bundle is None:
            say("gate", f"refused: {reasons}")
            say("trader", "replaying without a model: the market is heard, no order is sent")
        else:
            say("gate", f"passed: champion {bundle[:12]}")
            say("trader", f"replaying the part that the model was not fitted on, from {time_text(after_ns or 0)}")
        progress = ProgressLine()
        try:
            request = StartRequest(grid=settings.streaming.grid, model=bundle, ts_from_ns=after_ns)
            summary = start_replay(settings, request, progress)
        finally:
            progress.close()
        report = build_report(Lake(settings.warehouse.lake_dir), summary)
        self.answer |= {"gate_passed": bundle is not None, "reasons": reasons, "report": report_document(report)}
        if not self.teller.is_quiet:
            show_report(report)
        return report

    def _close(self, report: RunReport) -> None:
        summary: RunSummary = report.summary
        say = self.teller.say
        say("done", f"journal {summary.journal}")
        if overriding():
            say("note", f"these override the demo's settings, unset them first: {', '.join(overriding())}")
        say("next", f"export LOB_SETTINGS={self.settings_file}   then:")
        for command in (
            "trader report",
            f"trader replay {summary.journal}",
            "trader models list",
            "trader gaps",
            'trader sql "select venue, instrument, count(*) from book_updates group by all"',
            "make dagster                    (the graph, checks and reports in the browser)",
        ):
            say("", command)

    def _show(self, settings: Settings, report: RunReport) -> None:
        """Open the windows over what was replayed: until Ctrl-C on a terminal, else they are asked and closed again."""
        journal = Path(report.summary.journal)
        with Supervisor(self.request.data_dir / "logs") as supervisor:
            with self.teller.stage("windows", "dashboard over the journal, Dagster and reports"):
                windows = open_windows(supervisor, settings, self.settings_file, self.teller.progress, journal)
            tell_windows(windows, self.teller)
            self.answer["windows"] = windows.to_json()
            if self.request.is_kept:
                stay(supervisor, self.teller)
                return
            ask_windows(windows)
        self.teller.say("closed", "they answered, and are closed again: nobody is at a terminal; the same by hand:")
        self.teller.say("", f"trader dashboard --replay {journal}   |   make dagster")


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
