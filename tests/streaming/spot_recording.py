"""A small recording of Binance spot as its recorders write it: for tests that bend it."""

from pathlib import Path

T0_NS = 1_723_161_254_000_000_000
STEP_NS = 100_000_000
VENUE = ["--venue", "binance_spot", "--instrument", "ETHUSDT"]
STEPS = ["--tick", "0.01", "--size-unit", "0.0001"]


def side(best_cents: int, step: int, count: int = 20) -> str:
    levels = (f'["{(best_cents + step * k) / 100:.2f}","1.5000"]' for k in range(count))
    return f"[{','.join(levels)}]"


def snapshot(update: int) -> str:
    return f'{{"lastUpdateId":{update},"bids":{side(268000, -1)},"asks":{side(268001, 1)}}}'


def depth(update: int, symbol: str = "ETHUSDT") -> str:
    return (
        f'{{"stream":"{symbol.lower()}@depth@100ms","data":{{"e":"depthUpdate","E":{T0_NS // 1_000_000},"s":"{symbol}",'
        f'"U":{update},"u":{update},"b":[["2679.99","{update % 9 + 1}.0000"]],"a":[]}}}}'
    )


def trade(number: int) -> str:
    return (
        f'{{"stream":"ethusdt@trade","data":{{"e":"trade","E":{T0_NS // 1_000_000},"s":"ETHUSDT","t":{number},'
        f'"p":"2680.00","q":"0.1000","T":{T0_NS // 1_000_000},"m":true}}}}'
    )


def messages(count: int = 40, snapshot_at: int = 2, first: int = 100) -> list[str]:
    """Return `count` updates, a trade, and the snapshot before update number `snapshot_at`."""
    found = [depth(first + number) for number in range(count)]
    found.insert(snapshot_at, snapshot(first + snapshot_at - 1))
    return [*found, trade(7)]


def lines(texts: list[str], begin_ns: int = T0_NS, unit_ns: int = 1) -> list[str]:
    """Return `<receive time> <json>` lines, 100 ms apart, times counted in `unit_ns`."""
    return [f"{(begin_ns + number * STEP_NS) // unit_ns} {text}" for number, text in enumerate(texts)]


def write(path: Path, texts: list[str], end: str = "\n") -> Path:
    path.write_bytes("".join(text + end for text in texts).encode())
    return path
