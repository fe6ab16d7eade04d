"""Every measurement that trader and recorder write. docs/metrics.md is made from it: `python -m streaming.metrics`."""

from typing import Final

from streaming.metrics.measurement import Field, Measurement, flag, number, text, whole

ALL: Final = "all"
"""Value of a tag where a point is of all of them together."""
US: Final = "us"

TRADER = Measurement(
    "trader",
    "A trading session as a whole, once a status.",
    ("mode", "run"),
    (
        text("state", "trading state: starting, active, reducing, flattening, halted"),
        flag("is_active", "state is active"),
        text("trigger", "of the last change of state"),
        text("model", "beginning of the hash of the model that trades"),
        number("pnl", "of all instruments, after fees and funding", "quote"),
        whole("open_orders", "orders that have not ended"),
        whole("frames", "frames taken since the session began"),
        whole("steps", "grid steps closed"),
        whole("forecasts", "forecasts taken"),
        whole("forecasts_late", "forecasts that came too late to be used"),
        whole("windows", "windows given to the model"),
        whole("windows_skipped", "windows that the model was too busy for"),
        whole("forecast_failures", "windows that the model failed on"),
        whole("strategy_failures", "failures of strategies outside of the core"),
        whole("orders", "orders sent"),
        whole("fills", "fills"),
        whole("refused", "orders that risk refused"),
        whole("order_errors", "orders that a venue rejected or left unanswered"),
        whole("replies", "replies of venues"),
        whole("rejects", "inputs that the engine refused"),
        whole("gaps_opened", "breaks of a book"),
        whole("gaps_closed", "breaks that were repaired"),
        number("clock_speed", "market seconds a second; 1 but on emulated venues"),
    ),
)

MONEY = Measurement(
    "money",
    "Of each group of instruments with one quote currency.",
    ("group", "mode", "run"),
    (
        number("equity", "pnl with what is held at the mid", "quote"),
        number("net_exposure", "sum of positions at the mid", "quote"),
        number("gross_exposure", "sum of their sizes", "quote"),
    ),
)

INSTRUMENT = Measurement(
    "instrument",
    "An instrument as the trader sees it: its book's top, and what is ours.",
    ("instrument", "mode", "run", "venue"),
    (
        text("feed", "state of the feed machine: unsynced, buffering, synced, gap"),
        flag("is_synced", "feed is synced"),
        number("bid", "best bid", "quote"),
        number("ask", "best ask", "quote"),
        number("mid", "between them", "quote"),
        number("spread_bps", "ask less bid", "bps of the mid"),
        number("position", "ours", "base"),
        number("average_price", "of the position; nothing while flat", "quote"),
        number("realised", "pnl of what was closed, before fees and funding", "quote"),
        number("unrealised", "pnl of what is held, at the mid", "quote"),
        number("fees", "paid", "quote"),
        number("funding", "paid; negative received", "quote"),
        number("pnl", "after fees and funding", "quote"),
        whole("open_orders", "orders that have not ended"),
    ),
)

FEED = Measurement(
    "feed",
    "A venue's connections, as `process` (trader or recorder) has them.",
    ("process", "run", "venue"),
    (
        flag("is_connected", "every connection is open"),
        flag("is_synced", "every book is whole"),
        number("lag_ms", "receive time less the venue's, of the newest book frame", "ms"),
        whole("waiting", "instruments without a whole book"),
        whole("resting", "instruments that the venue does not trade now"),
        whole("connections_lost", "connections lost"),
        whole("stalls", "connections given up for their silence"),
        whole("snapshots", "snapshots taken"),
        whole("rest_failures", "REST requests that failed"),
        whole("frames", "frames received (recorder)"),
        whole("payload_bytes", "of these frames (recorder)", "bytes"),
        whole("written_bytes", "on disk, compressed (recorder)", "bytes"),
        whole("written_records", "records that the operating system has (recorder)"),
        whole("gaps_opened", "breaks of a book (recorder)"),
        whole("gaps_closed", "breaks that were repaired (recorder)"),
        whole("duplicates", "frames heard twice and written once (recorder)"),
        whole("rejects", "frames that were not understood (recorder)"),
        whole("renewals", "subscriptions made again for one silent book (recorder)"),
        whole("rotations", "connections replaced before the venue cuts them (recorder)"),
    ),
)


def _latency_fields(prefix: str, words: str) -> tuple[Field, ...]:
    return (
        whole(f"{prefix}count", f"durations {words}"),
        number(f"{prefix}p50_us", f"median {words}", US),
        number(f"{prefix}p90_us", f"of 90 % {words}", US),
        number(f"{prefix}p99_us", f"of 99 % {words}", US),
        number(f"{prefix}p999_us", f"of 99.9 % {words}", US),
        number(f"{prefix}max_us", f"longest {words}", US),
    )


LATENCY = Measurement(
    "latency",
    "How long a stage takes, in real time. Percentiles are upper edges of buckets an eighth of their size wide.",
    ("mode", "run", "stage", "venue"),
    (
        *_latency_fields("", "since the process began"),
        *_latency_fields("recent_", "in the last minute"),
    ),
)

PERFORMANCE = Measurement(
    "performance",
    "Key figures by venue and strategy; `all` in a tag: of all of them. Formulas: docs/kpis.md.",
    ("mode", "run", "strategy", "venue"),
    (
        number("pnl", "inventory less spread, fees and funding", "quote"),
        number("spread", "paid at fills against the mid; negative earned", "quote"),
        number("fees", "paid; negative rebates", "quote"),
        number("funding", "paid; negative received", "quote"),
        number("inventory", "moves of the mid while positions were held", "quote"),
        number("profit", "of closing fills that gained", "quote"),
        number("loss", "of closing fills that lost, as a positive number", "quote"),
        whole("submitted", "orders sent"),
        whole("filled", "orders that were filled, wholly or in part"),
        whole("fills", "fills"),
        whole("maker_fills", "fills of orders that rested"),
        number("submitted_lots", "sent in all", "lots"),
        number("filled_lots", "filled in all", "lots"),
        number("fill_rate", "filled by submitted lots", "share"),
        whole("trades", "fills that closed something"),
        number("sharpe", "ratio of Sharpe, of a year"),
        number("max_drawdown", "largest fall of the equity from its peak", "quote"),
        number("profit_factor", "profit by loss"),
        number("hit_rate", "closing fills that gained", "share"),
        whole("samples", "changes of equity that the ratio of Sharpe is taken of"),
        whole("forecasts_scored", "forecasts held against what came; of venues and of all"),
        number("mse_bps2", "their mean squared error at the horizon that is traded on", "bps^2"),
        number("mae_bps", "their mean absolute error there", "bps"),
        number("persistence_mse_bps2", "of a forecast of no move", "bps^2"),
        number("persistence_mae_bps", "of a forecast of no move", "bps"),
    ),
)

SCORE = Measurement(
    "score",
    "How well a model forecasts live, by role (champion, challenger, previous) and horizon in grid steps.",
    ("horizon", "mode", "model", "role", "run"),
    (
        whole("scored", "forecasts held against what the mid did"),
        number("mse", "mean squared error", "bps^2"),
        number("mae", "mean absolute error", "bps"),
        number("skill", "1 less squared error by that of no move; above 0 is better than persistence"),
        number("slope", "of moves on forecasts; 1 is calibrated"),
        number("intercept_bps", "mean move less slope times mean forecast", "bps"),
    ),
)

MODEL = Measurement(
    "model",
    "What became of a model's windows, by role.",
    ("mode", "model", "role", "run"),
    (
        whole("windows", "windows given to it"),
        whole("forecasts", "forecasts made"),
        whole("late", "forecasts that came too late"),
        whole("skipped", "windows that it was too busy for"),
        whole("failed", "windows that it failed on"),
        number("outside_share", "of rows: the feature that is outside of its training's range most often", "share"),
        number("p50_us", "median from a closed step to its forecast", US),
        number("p99_us", "of 99 % from a closed step to its forecast", US),
    ),
)

LIFE = Measurement(
    "life",
    "Which model trades, and how far the data have drifted from what it learned.",
    ("mode", "run"),
    (
        text("model", "beginning of the hash of the champion"),
        text("phase", "of its probation"),
        whole("probation_steps", "steps of it that are over"),
        whole("generation", "of the champion pointer"),
        whole("swaps", "changes of the model that trades"),
        whole("refused", "bundles that were not taken"),
        whole("drift_level", "0 none, 1 halve sizes, 2 reduce, 3 halt"),
        number("expires_s", "until the champion may not trade any more; negative: it expired", "s"),
    ),
)

RISK = Measurement(
    "risk",
    "A rule of risk, asked of every order (`when` order) or once a step (`when` step). docs/risk.md has them all.",
    ("mode", "rule", "run", "when"),
    (
        whole("count", "orders refused, or trips, since the session began"),
        flag("is_on", "the rule is asked"),
    ),
)

LIMIT = Measurement(
    "limit",
    "What is in use of a rule's limit, where records tell it; `of`: the instrument or venue, none for the whole.",
    ("mode", "of", "rule", "run", "when"),
    (
        number("used", "in the rule's unit"),
        number("cap", "the limit, in the rule's unit"),
        number("used_share", "used by cap; above 1 beyond the limit", "share"),
    ),
)

RECORDER = Measurement(
    "recorder",
    "A recorder as a whole.",
    ("process",),
    (
        text("state", "starting, recording, stopping"),
        flag("is_recording", "state is recording"),
        flag("is_paused", "sockets wait because the disk is behind"),
        whole("pauses", "how often they did"),
        whole("waiting_bytes", "frames on their way to the disk", "bytes"),
        whole("runs_ended", "runs ended by a change of rules"),
    ),
)

BUS = Measurement(
    "bus",
    "A process's end of Redis.",
    ("process",),
    (
        flag("is_connected", "Redis is there"),
        whole("published", "messages sent"),
        whole("dropped", "messages given up"),
        whole("reconnects", "connections made again"),
    ),
)

PROCESS = Measurement(
    "process",
    "What a process takes of its machine.",
    ("process",),
    (
        number("cpu_s", "processor time since its start", "s"),
        whole("rss_bytes", "memory, at its highest", "bytes"),
        whole("threads", "threads of Python"),
        whole("disk_free_bytes", "left where its data folder is", "bytes"),
    ),
)

WRITER = Measurement(
    "writer",
    "The writer of these points, of each process.",
    ("process",),
    (
        whole("written", "points that the server took"),
        whole("spilled", "points that wait on the disk"),
        whole("spill_bytes", "that they take there", "bytes"),
        whole("refused", "points of batches that the server refused, at most"),
        whole("dropped", "points given up: the disk's share was full, or it failed"),
        whole("documents_dropped", "status documents and events given up: queue full, or not understood"),
        whole("failures", "tries that found the server down, hanging or unwilling"),
    ),
)

EVENT = Measurement(
    "event",
    "What happened, for annotations: state, trip, model_swap, probation, promotion, drift, gap.",
    ("instrument", "kind", "run", "venue"),
    (
        text("title", "in a few words"),
        text("words", "why"),
        text("subject", "state, rule, model or instrument that it is about"),
    ),
)

MEASUREMENTS: Final = (
    TRADER,
    MONEY,
    INSTRUMENT,
    PERFORMANCE,
    RISK,
    LIMIT,
    LATENCY,
    SCORE,
    MODEL,
    LIFE,
    FEED,
    RECORDER,
    EVENT,
    BUS,
    PROCESS,
    WRITER,
)
