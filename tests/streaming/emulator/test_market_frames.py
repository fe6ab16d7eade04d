"""The frames tell the model's book: rebuilt from them alone, it is the model's at each step."""

import hashlib
import itertools
from dataclasses import dataclass, field
from decimal import Decimal

import orjson
import pytest

from streaming.emulator import feeds
from streaming.emulator import parameters as p
from streaming.emulator.book import near_keys
from streaming.emulator.instruments import INSTRUMENTS, SOURCES
from streaming.emulator.market_frames import MarketFrames
from streaming.emulator.market_model import MarketModel

START_NS = 1_767_571_200_000_000_000
STEPS = 900
BLOCK = 450


@dataclass
class DictBook:
    bids: dict = field(default_factory=dict)
    asks: dict = field(default_factory=dict)

    def replace(self, bids, asks):
        self.bids.clear()
        self.asks.clear()
        self.apply(bids, asks)

    def apply(self, bids, asks):
        for side, levels in ((self.bids, bids), (self.asks, asks)):
            for price, size in levels:
                if Decimal(size):
                    side[Decimal(price)] = Decimal(size)
                else:
                    del side[Decimal(price)]  # a frame never removes what is not there

    def top(self, count):
        return sorted(self.bids.items(), reverse=True)[:count], sorted(self.asks.items())[:count]


@pytest.fixture(scope="module")
def run():
    """Blocks of a short run and all its frames."""
    market, frames = MarketModel(11, 1.0), MarketFrames(11, START_NS, new_fields=False)
    blocks = [market.advance(BLOCK) for _ in range(STEPS // BLOCK)]
    return blocks, [frame for block in blocks for frame in frames.frames(block)]


def messages(frames, slot):
    """Decoded frames of a slot as (frame, kind, data)."""
    for frame in frames:
        if frame.slot != slot or frame.is_request:
            continue
        message = orjson.loads(frame.payload)
        kind = SOURCES[frame.source].kind
        if "stream" in message:
            yield frame, message["stream"].partition("@")[2], message["data"]
        elif "topic" in message:
            topic = message["topic"].partition(".")[0]
            yield frame, f"{topic}:{message['type']}", message["data"]
        else:
            yield frame, kind, message


def apply(book, kind, data):
    """Apply one message to a book whose stream began before it; Binance's deltas wait for the snapshot."""
    if kind == "rest_depth":
        book.replace(data["bids"], data["asks"])
    elif kind == "orderbook:snapshot":
        book.replace(data["b"], data["a"])
    elif kind in ("depth@100ms", "orderbook:delta") and book.bids:
        book.apply(data["b"], data["a"])


def model_top(blocks, slot, step):
    block, row = blocks[step // BLOCK], step % BLOCK
    instrument = INSTRUMENTS[slot]
    keys = near_keys(instrument, block)[row].tolist()
    sizes = block.size_lots[row, slot].tolist()
    tick, lot = Decimal(instrument.tick), Decimal(instrument.lot)
    levels = [(abs(key) * tick, size * lot) for key, size in zip(keys, sizes, strict=True)]
    return levels[:5], levels[5:]


@pytest.mark.parametrize("slot", [0, 1, 2])
def test_a_book_rebuilt_from_the_frames_is_the_models_at_every_step(run, slot):
    blocks, frames = run
    book, step = DictBook(), 0

    def close_steps_before(ts_ns):
        nonlocal step
        while START_NS + (step + 1) * p.STEP_NS < ts_ns:
            if step > 0 or slot == 2:  # Binance's snapshots arrive in the second step
                assert book.top(5) == model_top(blocks, slot, step)
            step += 1

    for frame, kind, data in messages(frames, slot):
        close_steps_before(frame.ts_recv_ns)
        apply(book, kind, data)
        if book.bids:
            assert max(book.bids) < min(book.asks)
            assert kind != "orderbook:delta" or len(book.bids) == len(book.asks) == 50
    close_steps_before(START_NS + (STEPS + 1) * p.STEP_NS)
    assert step == STEPS


@pytest.mark.parametrize("slot", [0, 1, 2])
def test_no_frame_names_a_level_that_did_not_change(run, slot):
    book, unchanged = DictBook(), 0
    for _, kind, data in messages(run[1], slot):
        if kind in ("depth@100ms", "orderbook:delta") and book.bids:
            for side, levels in ((book.bids, data["b"]), (book.asks, data["a"])):
                unchanged += sum(side.get(Decimal(price)) == Decimal(size) for price, size in levels)
        apply(book, kind, data)

    assert unchanged == 0


def test_usdm_depth_frames_chain_by_previous_id_and_leave_holes(run):
    depths = [data for _, kind, data in messages(run[1], 0) if kind == "depth@100ms"]

    assert all(after["pu"] == before["u"] for before, after in itertools.pairwise(depths))
    assert all(each["pu"] < each["U"] <= each["u"] and each["T"] <= each["E"] for each in depths)
    assert any(each["U"] > each["pu"] + 1 for each in depths)


def test_spot_depth_frames_follow_without_a_hole(run):
    depths = [data for _, kind, data in messages(run[1], 1) if kind == "depth@100ms"]

    assert all(after["U"] == before["u"] + 1 for before, after in itertools.pairwise(depths))


def test_bybit_ids_are_dense_and_its_sequence_grows(run):
    books = [data for _, kind, data in messages(run[1], 2) if kind.startswith("orderbook")]

    assert [each["u"] - books[0]["u"] for each in books] == list(range(len(books)))
    assert all(before["seq"] < after["seq"] for before, after in itertools.pairwise(books))


@pytest.mark.parametrize("slot", [0, 1])
def test_binance_snapshot_is_bridged_by_a_frame_received_before_it(run, slot):
    kinds = [(kind, data) for _, kind, data in messages(run[1], slot) if kind in ("depth@100ms", "rest_depth")]
    (snapshot,) = [data for kind, data in kinds if kind == "rest_depth"]

    assert [kind for kind, _ in kinds[:3]] == ["depth@100ms", "rest_depth", "depth@100ms"]
    assert kinds[0][1]["U"] <= snapshot["lastUpdateId"] == kinds[0][1]["u"]
    assert len(snapshot["bids"]) == len(snapshot["asks"]) == 1000


@pytest.mark.parametrize("slot", [0, 1])
def test_a_market_that_walked_far_gets_a_snapshot_that_holds_the_next_frame(monkeypatch, slot):
    monkeypatch.setattr(feeds, "SNAPSHOT_DRIFT_MODEL_TICKS", 20)
    market, frames = MarketModel(11, 1.0), MarketFrames(11, START_NS, new_fields=False)
    book, last_id, snapshots = DictBook(), 0, 0

    for _, kind, data in messages(frames.frames(market.advance(BLOCK)), slot):
        if kind == "rest_depth":
            snapshots += 1
            assert data["lastUpdateId"] > last_id or snapshots == 1
            book.replace(data["bids"], data["asks"])
            last_id = data["lastUpdateId"]
        elif kind == "depth@100ms" and data["u"] == last_id:
            levels = book.top(1000)
            assert {(Decimal(p), Decimal(q)) for p, q in data["b"] if Decimal(q)} <= set(levels[0])
            assert {(Decimal(p), Decimal(q)) for p, q in data["a"] if Decimal(q)} <= set(levels[1])
        else:
            apply(book, kind, data)
            last_id = data["u"] if kind == "depth@100ms" else last_id

    assert snapshots > 3


@pytest.mark.parametrize("slot", [0, 1])
def test_book_ticker_agrees_with_the_book_at_the_same_update_id(run, slot):
    book, update_id, agreed = DictBook(), 0, 0
    for _, kind, data in messages(run[1], slot):
        apply(book, kind, data)
        update_id = data["u"] if kind == "depth@100ms" else update_id
        if kind == "bookTicker" and book.bids:
            assert data["u"] == update_id
            assert (Decimal(data["b"]), Decimal(data["B"])) == book.top(1)[0][0]
            assert (Decimal(data["a"]), Decimal(data["A"])) == book.top(1)[1][0]
            agreed += 1

    assert agreed == STEPS - 1


def test_receive_times_never_go_back_and_sequence_numbers_are_dense(run):
    frames = run[1]

    assert [frame.seq for frame in frames] == list(range(1, len(frames) + 1))
    assert all(a.ts_recv_ns < b.ts_recv_ns for a, b in itertools.pairwise(frames))


def test_event_times_precede_receipt_and_grow_along_each_stream(run):
    for slot in (0, 1, 2):
        last = {}
        for frame, kind, data in messages(run[1], slot):
            event_ms = data.get("E") if isinstance(data, dict) else data[0]["T"]
            if event_ms is not None:
                assert last.get(kind, 0) <= event_ms <= frame.ts_recv_ns // 1_000_000
                last[kind] = event_ms


def test_a_trade_takes_the_best_level_of_the_book_before_it(run):
    book, trades = DictBook(), 0
    for _, kind, data in messages(run[1], 1):
        apply(book, kind, data)
        if kind == "trade" and book.bids:
            price, size = book.top(1)[0 if data["m"] else 1][0]
            assert Decimal(data["p"]) == price
            assert 0 < Decimal(data["q"]) <= size
            trades += 1

    assert trades > 0.2 * STEPS


def test_activity_is_that_of_a_busy_market(run):
    frames = run[1]
    seconds = STEPS / 10
    books = dict.fromkeys(range(3), 0)
    rows = 0
    for slot in books:
        for _, kind, data in messages(frames, slot):
            if kind in ("depth@100ms", "orderbook:delta"):
                books[slot] += 1
                rows += len(data["b"]) + len(data["a"])

    assert books[0] / seconds == pytest.approx(10, rel=0.01)
    assert books[2] / seconds == pytest.approx(15, rel=0.1)
    assert 100 < rows / seconds / 3 < 200


def test_equal_arguments_give_equal_frames_and_another_seed_does_not():
    def digest(seed, effect):
        market, frames = MarketModel(seed, effect), MarketFrames(seed, START_NS, new_fields=False)
        return hashlib.sha256(repr(list(frames.frames(market.advance(100)))).encode()).hexdigest()

    assert digest(3, 1.0) == digest(3, 1.0)
    assert len({digest(3, 1.0), digest(4, 1.0), digest(3, 0.5)}) == 3


def test_a_market_that_begins_later_counts_on_above_an_earlier_one() -> None:
    hour_ns = 3_600_000_000_000
    highest = max(_depth_ids(START_NS, steps=600))
    assert highest - min(_depth_ids(START_NS, steps=600)) < 60 * feeds.IDS_A_SECOND_MAX
    assert min(_depth_ids(START_NS + hour_ns, steps=10)) > highest


def _depth_ids(start_ns: int, steps: int) -> list[int]:
    """Return the last update ids of USD-M's depth frames."""
    frames = MarketFrames(11, start_ns, new_fields=False).frames(MarketModel(11, 1.0).advance(steps))
    payloads = [frame.payload for frame in frames if frame.slot == 0 and b"depthUpdate" in frame.payload]
    return [orjson.loads(payload)["data"]["u"] for payload in payloads]
