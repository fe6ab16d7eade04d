"""Takes the rules out of the core one at a time and shows that a test then fails.

`rule_removals/<table>_<rule>.patch` puts a rule's row of its table to a predicate that never objects, and
`call_<name>.patch` takes out a call by which the trader asks the rules, feeds them or obeys them. Run without arguments
it applies each in a temporary copy, compiles what it touches, and ends with 1 unless every removal fails a test;
`--rules risk_lot call_check` takes those alone, `--write` makes the patches anew.
Needs a C++20 compiler (`CXX`, else `c++`) and doctest's header.
"""

import argparse
import difflib
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

NATIVE = Path(__file__).resolve().parents[1]
PATCHES = Path(__file__).resolve().with_name("rule_removals")
FAILURE = "Status: FAILURE!"


@dataclass(frozen=True, slots=True)
class Suite:
    """Tests that stand for something, and what has to be compiled and linked with them."""

    name: str
    test: str
    sources: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Removal:
    """One thing taken out: `old` stands once in `source`, and becomes `new`."""

    suite: Suite
    source: str
    old: str
    new: str


@dataclass(frozen=True, slots=True)
class Table:
    """One table of rules, and what stands in for a predicate."""

    suite: Suite
    entry: str
    """Finds the name of each row."""
    predicate: str
    replacement: str

    @property
    def source(self) -> str:
        """Where the table stands."""
        return self.suite.sources[0]


TABLES = (
    Table(
        suite=Suite("risk", "tests/risk_rules_test.cpp", ("src/risk.cpp",)),
        entry=r'RiskRuleEntry\{\s*RiskRule::\w+,\s*"(\w+)"',
        predicate="passes_",
        replacement="[](const Order&, const Context&, const Limits&) noexcept { return true; }",
    ),
    Table(
        suite=Suite("watch", "tests/watch_rules_test.cpp", ("src/watch.cpp",)),
        entry=r'WatchRuleEntry\{\s*WatchRule::\w+,\s*"(\w+)"',
        predicate="find_",
        replacement="[](const WatchMoment&, std::vector<WatchFinding>&) {}",
    ),
)

TRADER_PARTS = (
    "trader trader_execution trader_orders trader_records trader_risk trader_state trader_strategies trader_unknown "
    "execution venue_reply orders positions order_history risk watch trading_state strategies forecast_strategy "
    "market_making arbitrage basis external_strategy legs sizing cross_market signal"
)
TRADER = Suite("call", "tests/trader_rules_test.cpp", tuple(f"src/{part}.cpp" for part in TRADER_PARTS.split()))
"""Where the trader calls the rules."""

_NOTE_ERROR = "    history_.note_error(terms_[change.order.slot].venue, cause.ts_ns);\n"
_WATCH_CHECK = """\
  watch_.check({.ts_ns = cause.ts_ns,
                .state = state(),
                .slots = watch_slots_,
                .groups = watch_groups_,
                .pairs = watch_pairs_,
                .health = process_health()},
               trips_);
"""
CALLS: dict[str, tuple[str, str, str]] = {
    "check": (
        "src/trader_orders.cpp",
        "return check(intent, risk_context(order, ahead, market, ts_ns), config_.risk);",
        "return RiskRule::none;",
    ),
    "note_sent": (
        "src/trader_orders.cpp",
        "  history_.note_sent(order.slot, terms.venue, order.side, order.price, order.size, cause.ts_ns);\n",
        "",
    ),
    "note_unanswered": (
        "src/trader_orders.cpp",
        "OrderTrigger::no_answer);\n" + _NOTE_ERROR,
        "OrderTrigger::no_answer);\n",
    ),
    "note_rejected": ("src/trader_orders.cpp", "!is_expected(reply)) {\n" + _NOTE_ERROR, "!is_expected(reply)) {\n"),
    "note_gaps": (
        "src/trader.cpp",
        "    history_.note_gaps(static_cast<std::uint32_t>(slot), market.slots[slot].gap_count, ts_ns);\n",
        "",
    ),
    "weigh_equity": ("src/trader.cpp", "  weigh_equity(cause, market.ts_ns, out);\n", ""),
    "watch": ("src/trader.cpp", "  watch(cause, market, out);\n", ""),
    "close_positions": ("src/trader.cpp", "  close_positions(cause, market, out);\n", ""),
    "watch_check": ("src/trader_risk.cpp", _WATCH_CHECK, ""),
    "apply_trip": (
        "src/trader_risk.cpp",
        "  for (const WatchTrip& trip : trips_) apply_trip(cause, trip, out);\n",
        "",
    ),
}
"""By name: source, what stands there once, and what is left of it."""


class RemovalError(Exception):
    """A patch that does not fit, a build that fails, or tests that fail before anything was removed."""


def rules_of(table: Table, native: Path = NATIVE) -> list[str]:
    """Return the names of the rules that the table's source lists."""
    return re.findall(table.entry, (native / table.source).read_text())


def removals(native: Path = NATIVE) -> dict[str, Removal]:
    """Return every removal there has to be: `risk_lot` and the like of the tables, `call_check` and the like."""
    found = {
        f"{table.suite.name}_{rule}": Removal(
            table.suite, table.source, f"{table.predicate}{rule}}},", f"{table.replacement}}},"
        )
        for table in TABLES
        for rule in rules_of(table, native)
    }
    return found | {f"{TRADER.name}_{name}": Removal(TRADER, *call) for name, call in CALLS.items()}


def removal_patch(removal: Removal, native: Path = NATIVE) -> str:
    """Return the patch that makes the removal; raise RemovalError where its place is not found once."""
    text = (native / removal.source).read_text()
    if text.count(removal.old) != 1:
        raise RemovalError(f"{removal.source}: expected {removal.old!r} once, found it {text.count(removal.old)} times")
    removed = text.replace(removal.old, removal.new)
    path = f"native/{removal.source}"
    diff = difflib.unified_diff(
        text.splitlines(keepends=True), removed.splitlines(keepends=True), f"a/{path}", f"b/{path}", n=1
    )
    return "".join(diff)


def apply_patch(patch: str, native: Path) -> None:
    """Change the one file that `patch` names; raise RemovalError unless every hunk fits at exactly one place.

    Hunks are found by their lines, not by line numbers, so code above may grow.
    """
    target = native / re.findall(r"^\+\+\+ b/native/(\S+)", patch, re.MULTILINE)[0]
    text = target.read_text()
    for hunk in re.split(r"^@@.*\n", patch, flags=re.MULTILINE)[1:]:
        lines = hunk.splitlines(keepends=True)
        old = "".join(line[1:] for line in lines if line[0] in " -")
        new = "".join(line[1:] for line in lines if line[0] in " +")
        if text.count(old) != 1:
            raise RemovalError(f"{target.name}: expected the patch's lines once, found them {text.count(old)} times")
        text = text.replace(old, new)
    target.write_text(text)


class Workshop:
    """A copy of the core's sources in which rules are removed; what no patch touches is compiled once."""

    def __init__(self, folder: Path) -> None:
        """Copy what is compiled; `folder` is the caller's to delete."""
        self.native = folder / "native"
        self.objects = folder / "objects"
        self.objects.mkdir()
        for part in ("include", "src", "tests"):
            shutil.copytree(NATIVE / part, self.native / part, ignore=shutil.ignore_patterns("*.py", "*.patch"))
        self._kept: set[str] = set()

    def test_output(self, suite: Suite) -> str:
        """Return what the suite's tests print, with the sources as they now stand."""
        sources = ("tests/main.cpp", suite.test, *suite.sources)
        missing = [source for source in sources if source not in self._kept]
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            list(pool.map(self._compile, missing))
        self._kept.update(missing)
        program = self.objects / f"{suite.name}_tests"
        self._run([compiler(), *(str(self._object(source)) for source in sources), "-o", str(program)])
        done = subprocess.run([program], capture_output=True, text=True, timeout=120)
        return done.stdout

    def remove(self, name: str, removal: Removal, patch: str) -> str:
        """Return what the tests print with the patch applied; the source is put back."""
        source = self.native / removal.source
        text = source.read_text()
        try:
            apply_patch(patch, self.native)
            self._kept.discard(removal.source)
            return self.test_output(removal.suite)
        except RemovalError as error:
            raise RemovalError(f"{name}: {error}") from error
        finally:
            source.write_text(text)
            self._kept.discard(removal.source)

    def _object(self, source: str) -> Path:
        return self.objects / (source.replace("/", "_") + ".o")

    def _compile(self, source: str) -> None:
        include = str(self.native / "include")
        options = ["-std=c++20", "-O0", "-ffp-contract=off", "-I", include]
        self._run([compiler(), *options, "-c", str(self.native / source), "-o", str(self._object(source))])

    def _run(self, command: Sequence[str]) -> None:
        done = subprocess.run(command, capture_output=True, text=True, timeout=300)
        if done.returncode != 0:
            raise RemovalError(f"{' '.join(command)}: expected success, found {done.returncode}\n{done.stderr[:2000]}")


def compiler() -> str:
    """Return the C++ compiler."""
    return os.environ.get("CXX", "c++")


def unnoticed(names: Sequence[str]) -> list[str]:
    """Return those of the removals that no test notices; raise RemovalError where nothing can be said."""
    wanted = removals()
    with tempfile.TemporaryDirectory(prefix="rule_removals_") as folder:
        workshop = Workshop(Path(folder))
        for suite in {wanted[name].suite for name in names}:
            if FAILURE in workshop.test_output(suite):
                raise RemovalError(f"{suite.test}: expected tests that pass before a rule is removed, found failures")
        silent = []
        for name in names:
            patch = (PATCHES / f"{name}.patch").read_text()
            is_noticed = FAILURE in workshop.remove(name, wanted[name], patch)
            print(f"{name}: {'a test fails' if is_noticed else 'NO TEST FAILS'}", flush=True)
            if not is_noticed:
                silent.append(name)
    return silent


def write_patches() -> None:
    """Make every patch anew, and delete those of rules that are no more."""
    PATCHES.mkdir(exist_ok=True)
    wanted = removals()
    for stale in PATCHES.glob("*.patch"):
        if stale.stem not in wanted:
            stale.unlink()
    for name, removal in wanted.items():
        (PATCHES / f"{name}.patch").write_text(removal_patch(removal))


def main() -> int:
    """Run from the command line; return the exit status."""
    parser = argparse.ArgumentParser(description="Take rules out of the core and show that a test fails.")
    parser.add_argument("--rules", nargs="+", metavar="NAME", choices=sorted(removals()))
    parser.add_argument("--write", action="store_true", help="make the patches anew from the tables")
    arguments = parser.parse_args()
    if arguments.write:
        write_patches()
        return 0
    return 1 if unnoticed(arguments.rules or sorted(removals())) else 0


if __name__ == "__main__":
    sys.exit(main())
