"""Shadow and live trading refuse to begin: each reason by its name, with what to do."""

import copy
import functools
import tomllib
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from decimal import Decimal

import pytest
from pydantic import ValidationError

from native.config import EngineSettings
from streaming.live.config import LiveConfig
from streaming.live.start_checks import (
    AccountFacts,
    StartSettings,
    account_lines,
    check_account,
    check_name,
    check_settings,
)
from streaming.settings import PROJECT_ROOT
from streaming.trader.modes import Mode
from streaming.venues.gateway import AccountInfo, Balance, Fees, Permissions

VENUES = ("binance_usdm", "binance_spot", "bybit_spot")
MARKETS = {
    "binance_usdm": ("https://fapi.binance.com", "wss://fstream.binance.com"),
    "binance_spot": ("https://api.binance.com", "wss://stream.binance.com:9443"),
    "bybit_spot": ("https://api.bybit.com", "wss://stream.bybit.com"),
}
KEYS = {name: f"env:{name.upper()}" for name in ("api_key", "secret", "watchdog_api_key", "watchdog_secret")}
TRADES = Permissions(may_trade=True, may_withdraw=False, is_bound_to_address=True)


def live_of(words: Mapping[str, object] | None = None, **accounts: Mapping[str, object]) -> LiveConfig:
    own = {venue: {**KEYS, "account_id": "1", **accounts.get(venue, {})} for venue in VENUES}
    return LiveConfig.model_validate({"account": "main", "accounts": own, **(words or {})})


def start_of(live: LiveConfig, mode: Mode = Mode.shadow) -> StartSettings:
    return StartSettings(
        mode=mode,
        engine=EngineSettings(),
        live=live,
        venues=VENUES,
        instruments=(),
        market_addresses=MARKETS,
        clock_speed=1.0,
        is_watched=True,
    )


def names(start: StartSettings) -> list[str]:
    return [refusal.name for refusal in check_settings(start)]


def test_settings_that_say_everything_are_taken() -> None:
    assert names(start_of(live_of())) == []


def test_without_a_name_and_without_keys_nothing_begins() -> None:
    assert names(start_of(LiveConfig())) == ["account name", "keys", "keys", "keys"]


def test_live_wants_every_limit_and_a_watchdog_with_keys_of_its_own() -> None:
    bare = {"api_key": "env:A", "secret": "env:B"}
    live = LiveConfig.model_validate({"account": "main", "accounts": dict.fromkeys(VENUES, bare)})

    found = check_settings(replace(start_of(live, Mode.live), is_watched=False))

    assert [refusal.name for refusal in found] == ["watchdog", *["watchdog keys"] * 3, "limits"]
    assert "max_capital" in found[-1].found
    assert all(refusal.fix for refusal in found)


GUIDE = (PROJECT_ROOT / "docs" / "live.md").read_text(encoding="utf-8")
SHOWN = tomllib.loads(GUIDE.partition("```toml\n")[2].partition("```")[0])
SPANS = {"order_rate_window_ms", "data_quality_window_ms", "error_window_ms"}
"""What limits are counted over; these have defaults."""


def paths_of(section: Mapping[str, object], above: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    below = [paths_of(value, (*above, name)) for name, value in section.items() if isinstance(value, dict)]
    return [*((*above, name) for name in section if name not in SPANS), *(path for found in below for path in found)]


@pytest.mark.parametrize(
    "path", [path for path in paths_of(SHOWN["native"]) if path[0] in {"risk", "limits"}], ids=".".join
)
def test_live_never_begins_with_one_limit_of_the_guide_missing(path: tuple[str, ...]) -> None:
    native = copy.deepcopy(SHOWN["native"])
    whole = EngineSettings.model_validate(native)
    section = functools.reduce(lambda inner, name: inner[name], path[:-1], native)
    del section[path[-1]]
    live = replace(start_of(live_of(), Mode.live), engine=whole, instruments=SHOWN["grid"][0]["instruments"])
    assert names(live) == []

    with suppress(ValidationError):  # the settings themselves are refused
        assert names(replace(live, engine=EngineSettings.model_validate(native))) == ["limits"]


def test_a_watchdog_that_shares_the_traders_key_is_refused() -> None:
    live = live_of(bybit_spot={"watchdog_api_key": KEYS["api_key"]})

    assert names(start_of(live, Mode.live)) == ["watchdog keys", "limits"]


def test_another_clock_speed_is_for_emulators_alone() -> None:
    local = {"rest": "http://127.0.0.1:1", "order_socket": "ws://127.0.0.1:1", "user_socket": "ws://127.0.0.1:1"}
    emulated = live_of(**dict.fromkeys(VENUES, local))
    markets = dict.fromkeys(VENUES, ("http://127.0.0.1:1", "ws://127.0.0.1:1"))
    one_real = {**markets, "bybit_spot": MARKETS["bybit_spot"]}

    fast = replace(start_of(emulated), clock_speed=10.0, market_addresses=markets)

    assert names(fast) == []
    assert names(replace(fast, market_addresses=one_real)) == ["clock speed", "addresses"]
    assert names(replace(fast, clock_speed=1.0)) == []
    assert names(replace(start_of(live_of()), clock_speed=10.0)) == ["clock speed"]


def test_a_market_of_one_environment_and_orders_to_another_are_refused() -> None:
    testnet = {"rest": "https://testnet.binance.vision", "order_socket": "wss://ws-api.testnet.binance.vision"}
    found = check_settings(start_of(live_of(binance_spot=testnet)))

    assert [refusal.name for refusal in found] == ["addresses", "addresses"]
    assert "market from production, orders to testnet" in found[0].found
    assert found[1].found == "orders go to binance_usdm, bybit_spot at production; binance_spot at test systems"


def test_an_emulator_of_some_venues_never_trades_against_the_real_ones_of_the_others() -> None:
    local = {"rest": "http://127.0.0.1:1", "order_socket": "ws://127.0.0.1:1", "user_socket": "ws://127.0.0.1:1"}
    markets = {**MARKETS, "binance_usdm": ("http://127.0.0.1:1", "ws://127.0.0.1:1")}
    start = replace(start_of(live_of(binance_usdm=local), Mode.live), market_addresses=markets)

    found = [refusal for refusal in check_settings(start) if refusal.name == "addresses"]

    assert [refusal.found for refusal in found] == [
        "orders go to binance_usdm at loopback; binance_spot, bybit_spot at production"
    ]


def test_orders_of_one_venue_to_two_environments_are_refused() -> None:
    mixed = {"rest": "https://api-testnet.bybit.com"}

    assert names(start_of(live_of(bybit_spot=mixed))) == ["addresses"]


def test_bybits_demo_hears_the_production_market() -> None:
    demo = {"rest": "https://api-demo.bybit.com", "order_socket": "off", "user_socket": "wss://stream-demo.bybit.com"}

    assert names(replace(start_of(live_of(bybit_spot=demo)), venues=("bybit_spot",))) == []


def test_an_address_without_encryption_is_for_this_machine_alone() -> None:
    plain = {"rest": "http://api.bybit.com"}

    assert names(start_of(live_of(bybit_spot=plain))) == ["addresses"]


FACTS = AccountFacts(
    venue="binance_spot", which="api_key", offset_ns=0, permissions=TRADES, info=AccountInfo(account="1")
)


def test_an_account_in_order_is_taken() -> None:
    assert check_account(FACTS, live_of(), Mode.live) == []


@pytest.mark.parametrize(
    ("facts", "name", "words"),
    [
        (replace(FACTS, permissions=replace(TRADES, may_withdraw=True)), "withdrawal", "the key may withdraw"),
        (replace(FACTS, permissions=replace(TRADES, may_trade=False)), "permission", "may not trade"),
        (replace(FACTS, info=AccountInfo(account="2")), "identity", "account 2"),
        (
            replace(FACTS, info=AccountInfo(account="1", problems=("hedge mode",))),
            "account setup",
            "hedge mode",
        ),
        (replace(FACTS, offset_ns=-1_500_000_000), "clock", "-1500 ms"),
        (replace(FACTS, permissions=None), "withdrawal", "did not say what the key may do"),
        (replace(FACTS, info=None), "identity", "did not say whose key it is"),
        (AccountFacts(venue="binance_spot", which="api_key", problem="401 no such key"), "account", "no such key"),
    ],
)
def test_an_account_that_does_not_fit_is_refused(facts: AccountFacts, name: str, words: str) -> None:
    found = check_account(facts, live_of(), Mode.live)

    assert [refusal.name for refusal in found] == [name]
    assert words in found[0].found


def test_a_key_that_only_looks_is_enough_for_shadow_but_never_one_that_withdraws() -> None:
    looks = replace(FACTS, permissions=replace(TRADES, may_trade=False))
    withdraws = replace(FACTS, permissions=replace(TRADES, may_withdraw=True))

    assert check_account(looks, live_of(), Mode.shadow) == []
    assert [refusal.name for refusal in check_account(withdraws, live_of(), Mode.shadow)] == ["withdrawal"]


def test_on_a_test_system_alone_nobody_needs_to_say_what_a_key_may_do() -> None:
    silent = replace(FACTS, permissions=None)
    testnet = live_of(binance_spot={"rest": "https://testnet.binance.vision"})
    own_host = live_of(binance_spot={"rest": "https://proxy.example.org"})

    assert check_account(silent, testnet, Mode.live) == []
    assert [refusal.name for refusal in check_account(silent, own_host, Mode.live)] == ["withdrawal"]


def test_an_account_without_an_id_is_never_the_one_that_no_id_names() -> None:
    nobody = replace(FACTS, info=AccountInfo(account=""))

    assert [one.name for one in check_account(nobody, live_of(binance_spot={"account_id": ""}), Mode.live)] == [
        "identity"
    ]


def test_an_unnamed_account_is_refused_and_the_found_one_is_told() -> None:
    found = check_account(FACTS, live_of(binance_spot={"account_id": ""}), Mode.live)

    assert found[0].fix.endswith('streaming.live.accounts.binance_spot.account_id = "1"')


@pytest.mark.parametrize("typed", ["", "Main", "main ", "yes"])
def test_only_the_name_itself_confirms(typed: str) -> None:
    assert [refusal.name for refusal in check_name(typed, live_of())] == ["confirmation"]
    assert check_name("main", live_of()) == []


def test_a_person_sees_whose_account_it_is_and_what_it_holds() -> None:
    facts = replace(
        FACTS,
        permissions=replace(TRADES, is_bound_to_address=False),
        balances=(Balance(asset="USDT", free=Decimal("10.50"), locked=Decimal("1")),),
        fees=(Fees(symbol="BTCUSDT", maker=Decimal("0.0002"), taker=Decimal("0.0005")),),
        strangers=("web_1", "web_2"),
    )

    assert account_lines(facts) == [
        "binance_spot: account 1",
        "binance_spot: holds 11.5 USDT",
        "binance_spot:BTCUSDT: maker 2 bps, taker 5 bps",
        "binance_spot: 2 open orders of others on our symbols: they are left alone",
        "binance_spot api_key: the key is not bound to an address; bind it at the venue",
    ]
    assert "the countdown cancels them with ours" in account_lines(replace(facts, venue="binance_usdm"))[-2]
