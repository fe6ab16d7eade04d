"""Processes of a machine spend from one budget, and none can spoil it by dying."""

import os
import signal
import stat
import subprocess
import sys
import textwrap

import pytest

from streaming.errors import BadDataError
from streaming.shell.private_rest import PrivateRest
from streaming.shell.shared_budget import FILE_BYTES, SharedBudget, SharedWeightBudget, budget_path
from streaming.venues.bybit_orders import BybitOrders
from streaming.venues.client_ids import ClientIds
from streaming.venues.gateway import Action, Call, CallKind, Outcome, Way
from streaming.venues.instruments import Instruments
from streaming.venues.limits import LIMITS
from streaming.venues.rate_budget import MINUTE_NS, NS_PER_S, Cost, Shares, Use
from streaming.venues.replies import Reply
from streaming.venues.signing import HmacSigner

NOW_NS = 1_790_000_000 * NS_PER_S
WHOLE = Shares(ours=1.0, cancel_reserve=0.0, order_reserve=0.0)
ORDER = Cost(use=Use.order, weight=0, orders=1)
SPENDER = textwrap.dedent(
    """
    import sys
    from pathlib import Path
    from streaming.shell.shared_budget import SharedBudget
    from streaming.venues.limits import LIMITS
    from streaming.venues.rate_budget import Cost, Shares, Use
    budget = SharedBudget(Path(sys.argv[1]), LIMITS["binance_spot"], shares=Shares(ours=1.0, cancel_reserve=0.0))
    cost, now_ns = Cost(use=Use.order, weight=1, orders=0), int(sys.argv[2])
    print("ready", flush=True)
    sys.stdin.readline()
    taken = 0
    while budget.try_take(cost, now_ns) == 0:
        taken += 1
        if taken % 50 == 0:
            print(taken, flush=True)
    print("end", taken, flush=True)
    """
)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "run" / "budget.words"


@pytest.fixture
def opened():
    """Open budgets that are closed at the end."""
    budgets = []

    def open_one(path, account="", shares=WHOLE):
        budgets.append(SharedBudget(path, LIMITS["binance_spot"], account=account, shares=shares))
        return budgets[-1]

    yield open_one
    for each in budgets:
        each.close()


def spend(budget, cost, times):
    return sum(budget.try_take(cost, NOW_NS) == 0 for _ in range(times))


def spender(path):
    return subprocess.Popen(
        [sys.executable, "-c", SPENDER, str(path), str(NOW_NS)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def test_what_one_spends_is_spent_for_the_other(path, opened):
    one, other = opened(path), opened(path)
    assert spend(one, ORDER, 60) == 60
    assert spend(other, ORDER, 60) == 40
    assert one.wait_ns(ORDER, NOW_NS) > 0


def test_processes_that_spend_at_once_never_spend_more_than_there_is(path):
    spenders = [spender(path) for _ in range(3)]
    for each in spenders:
        assert each.stdout.readline() == "ready\n"
    taken = []
    for each in spenders:
        each.stdin.write("\n")
        each.stdin.flush()
    for each in spenders:
        out, _ = each.communicate(timeout=60)
        taken.append(int(out.split()[-1]))
    assert sum(taken) == 6_000


def test_process_that_is_killed_while_it_spends_spoils_nothing(path, opened):
    dying = spender(path)
    assert dying.stdout.readline() == "ready\n"
    dying.stdin.write("\n")
    dying.stdin.flush()
    said = dying.stdout.readline()
    dying.kill()
    rest, _ = dying.communicate(timeout=60)
    told = [int(line.split()[-1]) for line in [said, *rest.splitlines()] if line.strip() and line.split()[-1].isdigit()]
    budget = opened(path)
    used = next(use.used for use in budget.left(NOW_NS) if use.name == "weight_1m")
    assert max(told) <= used <= 6_000
    left = spend(budget, Cost(use=Use.order, weight=1), 7_000)
    assert used + left == 6_000


def test_process_that_is_stopped_with_the_lock_holds_up_nobody(path, opened):
    budget = opened(path)
    holder = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import fcntl, os, sys, time\n"
            "file = os.open(sys.argv[1], os.O_RDWR)\n"
            "fcntl.flock(file, fcntl.LOCK_EX)\n"
            "print('held', flush=True)\n"
            "time.sleep(600)",
            str(path),
        ],
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert holder.stdout.readline() == "held\n"
        os.kill(holder.pid, signal.SIGSTOP)
        assert budget.try_take(ORDER, NOW_NS) == 0
    finally:
        holder.kill()
        holder.communicate()


def test_state_outlives_every_process(path, opened):
    first = SharedBudget(path, LIMITS["binance_spot"], shares=WHOLE)
    spend(first, ORDER, 100)
    first.close()
    assert spend(opened(path), ORDER, 1) == 0


def test_closed_budget_has_no_limits_to_tell(path):
    budget = SharedBudget(path, LIMITS["binance_spot"])
    assert [use.name for use in budget.left(NOW_NS)] == ["weight_1m", "orders_10s", "orders_1d"]
    budget.close()
    assert budget.left(NOW_NS) == ()


def test_ban_that_one_process_hears_stops_the_others(path, opened):
    one, other = opened(path), opened(path)
    call = Call(number=1, kind=CallKind.place, way=Way.rest, ts_ns=NOW_NS)
    one.on_outcome(Outcome(call=call, action=Action.wait, code=418, retry_at_ns=NOW_NS + NS_PER_S), NOW_NS)
    assert other.wait_ns(Cost(use=Use.cancel), NOW_NS) == NS_PER_S


def test_recorder_leaves_what_orders_and_cancels_need(path, opened):
    shares = Shares(ours=1.0, cancel_reserve=0.2, order_reserve=0.3)
    recorder = SharedWeightBudget(6_000, 1.0, NOW_NS, opened(path, shares=shares))
    weight = 0
    while recorder.wait_ns(100, NOW_NS) == 0:
        recorder.take(100, NOW_NS)
        weight += 100
    assert weight == 3_000
    assert spend(opened(path, shares=shares), Cost(use=Use.cancel, weight=100), 100) == 30


def test_ban_of_the_recorder_stops_orders_too(path, opened):
    shared = opened(path)
    recorder = SharedWeightBudget(6_000, 1.0, NOW_NS, shared)
    recorder.on_reply(Reply(200, b"", used_weight=5_900), NOW_NS)
    assert shared.wait_ns(Cost(use=Use.order, weight=200), NOW_NS) > 0
    recorder.on_reply(Reply(429, b"", retry_after_s=5), NOW_NS)
    assert shared.wait_ns(Cost(use=Use.order, weight=1), NOW_NS) == 5 * NS_PER_S
    assert shared.wait_ns(Cost(use=Use.order, weight=1), NOW_NS + MINUTE_NS) == 0


def test_recorder_that_is_served_between_bans_never_lengthens_them(path, opened):
    shared, now_ns = opened(path), NOW_NS
    recorder = SharedWeightBudget(6_000, 1.0, now_ns, shared)
    for _ in range(3):
        recorder.on_reply(Reply(403, b""), now_ns)
        assert shared.wait_ns(Cost(use=Use.cancel), now_ns) == 2 * MINUTE_NS
        now_ns += 3 * MINUTE_NS
        recorder.on_reply(Reply(200, b""), now_ns)


def test_limit_of_the_recorder_that_names_no_time_lasts_a_minute(path, opened):
    shared = opened(path)
    SharedWeightBudget(6_000, 1.0, NOW_NS, shared).on_reply(Reply(429, b""), NOW_NS)
    assert shared.wait_ns(Cost(use=Use.cancel), NOW_NS) == MINUTE_NS


def test_file_is_this_users_own_and_holds_numbers_alone(path, opened):
    opened(path, account="main")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert b"main" not in path.read_bytes()


def test_another_file_in_its_place_is_an_error_that_names_it(path):
    path.parent.mkdir()
    path.write_bytes(b"x" * 100)
    with pytest.raises(BadDataError, match=r"budget\.words: expected a budget of .* found 100"):
        SharedBudget(path, LIMITS["binance_spot"])


def test_file_whose_maker_died_half_way_is_gone_on_with(path, opened):
    path.parent.mkdir()
    path.write_bytes(bytes(FILE_BYTES))
    assert spend(opened(path), ORDER, 1) == 1


def test_addresses_of_a_venue_have_budgets_of_their_own(tmp_path):
    production = budget_path(tmp_path, "binance_spot", "https://api.binance.com")
    testnet = budget_path(tmp_path, "binance_spot", "https://testnet.binance.vision/api")
    emulator = budget_path(tmp_path, "binance_spot", "http://127.0.0.1:8080")
    assert len({production, testnet, emulator}) == 3
    assert emulator.name == "budget-binance_spot-127.0.0.1-8080.words"


def test_hand_of_the_watchdog_spends_the_reserve_and_asks_nothing_of_a_venue_that_bans_us(path, opened):
    budget, pauses = opened(path), []
    gateway = BybitOrders("key", HmacSigner("secret"), Instruments([]), ClientIds("lob"))
    rest = PrivateRest(gateway, "http://127.0.0.1:9", lambda: NOW_NS, pauses.append, budget=budget)
    budget.on_banned(NOW_NS + 60 * NS_PER_S, NOW_NS)
    outcome = rest.ask(CallKind.time)
    assert outcome.text.startswith("never sent")
    assert pauses, "it asked whether it may a few times"
    assert rest.ask(CallKind.time).action is Action.retry
