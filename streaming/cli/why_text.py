"""A chain as a tree on the terminal; every link with its state in words, broken ones told again at the end."""

from collections.abc import Sequence

from rich.console import Console
from rich.text import Text
from rich.tree import Tree

from native.config import JsonObject
from streaming.cli.grammar import time_text
from streaming.tables import PIPE_WIDTH
from streaming.why.links import OK, BookLink, Chain, FileLink, ForecastLink, PartitionLink, RecordsLink

NS_PER_MS = 1_000_000
PARTITIONS_SHOWN = 6
"""Grid files told one by one; of more, those that are not ok and a count."""
DECISION_KEYS = (
    "strategy",
    "action_name",
    "expected_bps",
    "cost_bps",
    "position_units",
    "target_units",
    "rule_name",
    "trading_state_name",
)
METRICS_SHOWN = 4
STYLES = {"ok": "green", "missing": "yellow", "altered": "bold red", "not checked": "dim"}


def show_chain(chain: Chain) -> None:
    """Print the tree, then one line for each link that is missing or altered."""
    console = Console()
    if not console.is_terminal:
        console = Console(width=PIPE_WIDTH)
    console.print(chain_tree(chain))
    for link in chain.broken():
        console.print(
            Text.assemble(("  " + link.state, STYLES[link.state]), f"  {link.path or 'raw frame'}: {link.words}")
        )


def chain_tree(chain: Chain) -> Tree:
    """Return the tree."""
    records = chain.records
    tree = Tree(Text(f"order {chain.client_order_id} (0x{chain.client_order_id:x})  run {records.run}"))
    _add_order(tree, records)
    _add_decision(tree, records)
    _add_forecast(tree, chain.forecast)
    books = tree.add(_line("books at the decision", chain.journal, f"journal {chain.journal.path}"))
    for book in chain.books:
        _add_book(books, book)
    _add_bundle(tree, chain)
    return tree


def _add_order(tree: Tree, records: RecordsLink) -> None:
    first = records.events[0]
    branch = tree.add(
        Text(f"order  {first['side_name']} {first['venue']}:{first['instrument']}, as the {records.place} has it")
    )
    for event in records.events:
        filled = f", filled {event['filled_units']} of {event['size_units']} units at {event['price_ticks']} ticks"
        branch.add(Text(f"{_at(event)}  {event['state_from_name']} -> {event['state_to_name']}{filled}"))
    for fill in records.fills:
        side = "maker" if fill["is_maker"] else "taker"
        words = f"fill {fill['size_units']} units at {fill['price_ticks']} ticks, fee {fill['fee_quote_units']}, {side}"
        branch.add(Text(f"{_at(fill)}  {words}"))
    if records.words:
        branch.add(_state(FileLink(records.run, records.state, records.words)))


def _add_decision(tree: Tree, records: RecordsLink) -> None:
    decision = records.decision
    if decision is None:
        tree.add(Text("decision  none: the order closes a position for the operator or a limit"))
        return
    words = [f"{key.removesuffix('_name')} {_shown(decision[key])}" for key in DECISION_KEYS if key in decision]
    tree.add(Text(f"decision  {_at(decision)}, input {decision['seq']}: {', '.join(words)}"))


def _add_forecast(tree: Tree, forecast: ForecastLink | None) -> None:
    if forecast is None:
        tree.add(Text("forecast  none: the order rests on no model's forecast"))
        return
    branch = tree.add(
        Text(
            f"forecast  of step {time_text(forecast.ts_step_ns)}, {forecast.delay_ns / NS_PER_MS:.1f} ms later, "
            f"input {forecast.seq}, model {forecast.model_id:08x}, {forecast.horizon_steps} steps ahead"
        )
    )
    for row in forecast.values:
        own = row.get("signal_horizon_steps")
        mids = [f"{key.removeprefix('mid_bps_')}: {_shown(row[key])}" for key in row if key.startswith("mid_bps_")]
        decided = "" if own is None else f", decided by step {own}"
        branch.add(Text(f"{row['instrument']}  mid in bps at step {', '.join(mids)}{decided}"))


def _add_book(tree: Tree, book: BookLink) -> None:
    touch = f"bid {book.bid} x {book.bid_size}, ask {book.ask} x {book.ask_size}"
    if not book.seq:
        tree.add(Text(f"{book.instrument}  nothing heard before the order"))
        return
    branch = tree.add(
        Text(
            f"{book.instrument}  {touch}; frame {book.run}/{book.seq}, venue's update {book.update_id}, "
            f"{time_text(book.ts_recv_ns)}, {book.age_ns / NS_PER_MS:.1f} ms before"
        )
    )
    place = f"raw frame {book.raw_run}/{book.raw_seq}  {book.raw.path}" if book.raw.state == OK else "raw frame"
    branch.add(_line(place, book.raw))


def _add_bundle(tree: Tree, chain: Chain) -> None:
    bundle = chain.bundle
    if bundle is None:
        tree.add(Text("bundle  none: the session traded without a model"))
        return
    branch = tree.add(_line(f"bundle  {bundle['hash']}", FileLink("", str(bundle["state"]), str(bundle["problem"]))))
    for move in _objects(bundle["generations"]):
        branch.add(Text(f"{move['role']}, generation {move['generation']}, by {move['by']}: {move['reason']}"))
    gate = {True: "passed", False: "refused", None: "unknown"}[bundle["gate_passed"]]  # type: ignore[index]
    branch.add(Text(f"gate {gate}{_metrics(bundle)}"))
    run = chain.training_run
    if run is not None:
        training = branch.add(
            _line(f"training run  {run.path or 'not logged'}", run, run.words if run.state == OK else "")
        )
        code = bundle["code"]
        words = (
            ", ".join(f"{key} {value}" for key, value in code.items()) if isinstance(code, dict) else "not sealed in"
        )
        training.add(Text(f"code {words}; config {str(bundle['config_hash'])[:12]}"))
    if chain.partitions:
        span = f"{time_text(int(str(bundle['first_step_ns'])))} to {time_text(int(str(bundle['last_step_ns'])))}"
        data = branch.add(Text(f"data set  {str(bundle['dataset'])[:12]}, grid {bundle['grid']}, {span}"))
        _add_partitions(data, chain.partitions)


def _add_partitions(tree: Tree, parts: Sequence[PartitionLink]) -> None:
    shown = [part for part in parts if _is_broken(part)]
    shown += [part for part in parts if not _is_broken(part)][: max(0, PARTITIONS_SHOWN - len(shown))]
    for part in sorted(shown, key=lambda part: part.file.path):
        branch = tree.add(_line(f"{part.file.path}  sha256 {part.file.sha256[:12]}", part.file))
        for segment in part.segments:
            branch.add(_line(segment.path, segment))
        if not part.segments:
            branch.add(
                Text("no raw segment of this hour stands: it cannot be converted again", style=STYLES["missing"])
            )
    if len(shown) < len(parts):
        tree.add(Text(f"and {len(parts) - len(shown)} more grid files, all ok; --json names them"))


def _is_broken(part: PartitionLink) -> bool:
    return any(link.state in ("missing", "altered") for link in (part.file, *part.segments))


def _line(words: str, link: FileLink, more: str = "") -> Text:
    return Text.assemble(f"{words}  ", (link.state, STYLES[link.state]), f"  {more}" if more else "")


def _state(link: FileLink) -> Text:
    return Text.assemble((link.state, STYLES[link.state]), f"  {link.words}")


def _metrics(bundle: JsonObject) -> str:
    metrics = bundle["metrics"]
    if not isinstance(metrics, dict) or not metrics:
        return ""
    shown = [f"{key} {_shown(value)}" for key, value in sorted(metrics.items())[:METRICS_SHOWN]]
    return f"; {', '.join(shown)}"


def _objects(value: object) -> list[JsonObject]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _shown(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _at(row: JsonObject) -> str:
    return time_text(int(str(row["ts_ns"])))
