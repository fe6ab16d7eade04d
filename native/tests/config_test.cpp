// The engine's document: what it says becomes settings, and what is wrong in it is refused by key.
#include "lob/config.hpp"

#include <doctest/doctest.h>

#include <stdexcept>
#include <string>

#include "engine_fixture.hpp"

using namespace lob;
using namespace lob::engine_test;

namespace {

/// The refusal of the settings with one piece replaced.
std::string refusal(const std::string& from, const std::string& to) {
  try {
    const Engine engine(with(settings, from, to));
  } catch (const std::invalid_argument& error) {
    return error.what();
  }
  return "accepted";
}

bool refuses(const std::string& from, const std::string& to, const std::string& key) {
  const std::string text = refusal(from, to);
  INFO(text);
  CAPTURE(to);
  const bool names_key = text.find(key + ": expected ") != std::string::npos;
  CHECK(names_key);
  return names_key;
}

std::string three_instruments(const std::string& first, const std::string& second, const std::string& third) {
  std::string table;
  int id = 0;
  for (const std::string& quote : {first, second, third}) {
    const std::string number = std::to_string(id++);
    table.append(table.empty() ? "" : ",").append(R"({"id": )").append(number);
    table.append(R"(, "venue": "bybit_spot", "symbol": "S)")
        .append(number)
        .append(R"(", "market_type": "spot",
      "tick": "0.1", "size_unit": "0.01", "lot": "0.01", "maker_fee_bps": "-0.5", "taker_fee_bps": "1.0")");
    table.append(quote).append("}");
  }
  return R"({"instruments": [)" + table +
         R"(], "sources": [], "grid": {"step_ns": 8, "slots": [0, null, 1, 2],
    "reference": 0, "stale_ns": 1000, "window_steps": 4, "max_catchup_steps": 10},
    "signal": {"horizon_step": 1, "cost_multiple": 0.0, "edge_bps": 0.0, "order_size": ["1", "0", "1", "1"]},
    "risk": {"max_position": ["1", "0", "1", "1"], "max_order_size": ["1", "0", "1", "1"],
             "price_deviation_bps": 500, "max_exposure_quote": "100000", "forecast_age_max_ns": 1000},
    "run_tag": 7})";
}

}  // namespace

TEST_CASE("a document becomes settings in exact integers") {
  const EngineConfig config = parse_config(settings);
  REQUIRE(config.trader);
  const TraderSlot& slot = config.trader->slots[0];
  CHECK(slot.terms.order_size == SizeUnits{5});
  CHECK(slot.terms.max_position == SizeUnits{200});
  CHECK(slot.max_order_size == SizeUnits{100});
  CHECK(slot.terms.lot == SizeUnits{1});
  CHECK(slot.terms.taker_fee_e8 == 10'000);
  CHECK(slot.terms.quote_unit_e18 == 1'000'000'000'000'000);
  CHECK(slot.flatten_cap_ticks == 10);
  CHECK(config.trader->slots[1].terms.instrument == no_instrument);
  CHECK(config.trader->risk.price_deviation_e8 == 5'000'000);
  CHECK(config.trader->risk.net_exposure_e8 == 10'000'000'000'000);
  CHECK(config.trader->risk.gross_exposure_e8 == config.trader->risk.net_exposure_e8);
  CHECK(config.emit.book_snapshot_every_ns == 500);
  REQUIRE(config.grid);
  CHECK(config.grid->slots[0].tick == 0.1);
  CHECK(config.grid->slots[0].size_unit == 0.01);
  CHECK(config.sources[1].instrument == 0);
  CHECK(parse_config(three_instruments("", "", "")).instruments[0].maker_fee_e8 == -5000);
}

TEST_CASE("what may be left out takes its stated default, and what is given is taken") {
  const EngineConfig plain = parse_config(settings);
  CHECK(plain.feed.buffer_frames_max == 10000);
  CHECK(plain.matching.request_latency.median_ns == 0);
  CHECK(plain.trader->slots[0].slippage_cap_ticks == 0);
  CHECK(plain.trader->slots[0].terms.short_max == SizeUnits{200});

  const EngineConfig given = parse_config(
      with(with(with(settings, R"("run_tag": 7)", R"("feed": {"buffer_frames_max": 3},
                "matching": {"order_latency_ns": 5}, "run_tag": 9)"),
                R"("horizon_step": 1)", R"("horizon_step": 2, "exit_bps": 0.5, "slippage_cap_ticks": 3,
                "flatten_cap_ticks": 4, "is_spot_short_allowed": false)"),
           R"("max_exposure_quote": "100000")",
           R"("max_exposure_quote": "7", "max_gross_exposure_quote": "8.5")"));
  CHECK(given.feed.buffer_frames_max == 3);
  CHECK(given.matching.reply_latency.median_ns == 5);
  CHECK(given.trader->run_tag == 9);
  REQUIRE(given.trader->strategies.size() == 1);
  const auto& forecast = std::get<ForecastSettings>(given.trader->strategies[0].settings);
  CHECK(forecast.signal.horizon_step == 2);
  CHECK(forecast.signal.exit_bps == 0.5);
  CHECK(given.trader->slots[0].slippage_cap_ticks == 3);
  CHECK(given.trader->slots[0].flatten_cap_ticks == 4);
  CHECK(given.trader->slots[0].terms.short_max == SizeUnits{0});
  CHECK(given.trader->risk.net_exposure_e8 == 700'000'000);
  CHECK(given.trader->risk.gross_exposure_e8 == 850'000'000);

  const std::string no_short = R"("horizon_step": 1, "is_spot_short_allowed": false)";
  const std::string perpetual = with(with(settings, R"("horizon_step": 1)", no_short),
                                     R"("market_type": "spot")", R"("market_type": "perpetual")");
  CHECK(parse_config(perpetual).trader->slots[0].terms.short_max == SizeUnits{200});
}

TEST_CASE("slots of one quote currency share an exposure limit, those without one share another") {
  const auto groups = [](const std::string& document) {
    const EngineConfig config = parse_config(document);
    const std::vector<TraderSlot>& slots = config.trader->slots;
    return std::vector<std::uint32_t>{slots[0].terms.quote_group, slots[2].terms.quote_group,
                                      slots[3].terms.quote_group};
  };
  const std::string usdt = R"(, "quote": "USDT")";
  const std::string usdc = R"(, "quote": "USDC")";
  using Groups = std::vector<std::uint32_t>;
  CHECK(groups(three_instruments("", "", "")) == Groups{0, 0, 0});
  CHECK(groups(three_instruments(usdt, usdt, usdt)) == Groups{0, 0, 0});
  CHECK(groups(three_instruments(usdt, usdc, usdt)) == Groups{0, 1, 0});
  CHECK(groups(three_instruments(usdc, usdt, usdt)) == Groups{0, 1, 1});
  CHECK(groups(three_instruments("", usdt, R"(, "quote": null)")) == Groups{0, 1, 0});
}

TEST_CASE("a wrong setting is refused by the name of its key") {
  CHECK(refuses("\"bybit_spot\", \"symbol\"", "\"mars\", \"symbol\"", "instruments[0].venue"));
  CHECK(refuses(R"("symbol": "ABC",)", R"("symbol": "ABC", "quote": 7,)", "instruments[0].quote"));
  CHECK(refuses(R"("market_type": "spot")", R"("market_type": "swap")", "instruments[0].market_type"));
  CHECK(
      refuses(R"("taker_fee_bps": "1.0")", R"("taker_fee_bps": "1.00001")", "instruments[0].taker_fee_bps"));
  CHECK(refuses(R"({"id": 0, "venue": "bybit_spot", "symbol")",
                R"({"id": 1, "venue": "bybit_spot", "symbol")", "instruments[0].id"));
  CHECK(refuses("[\"0.05\", \"0\"]", "[\"0.055\", \"0\"]", "signal.order_size[0]"));
  CHECK(refuses("[\"0.05\", \"0\"]", "[\"0.05\"]", "signal.order_size"));
  CHECK(refuses("[\"0.05\", \"0\"]", "[0.05, \"0\"]", "signal.order_size[0]"));
  CHECK(refuses("\"horizon_step\": 1", "\"horizon_step\": 0", "signal.horizon_step"));
  CHECK(refuses("\"max_exposure_quote\": \"100000\",", "", "risk.max_exposure_quote"));
  CHECK(
      refuses("\"price_deviation_bps\": 500", "\"price_deviation_bps\": 1e300", "risk.price_deviation_bps"));
  CHECK(refuses("\"run_tag\": 7", "\"run_tag\": 4294967296", "run_tag"));
  CHECK(refuses("\"book_snapshot_every_steps\": 5", "\"book_snapshot_every_steps\": -1",
                "emit.book_snapshot_every_steps"));
  CHECK(refuses("\"book_updates\": true", "\"book_updates\": 1", "emit.book_updates"));
  CHECK(refusal("\"tick\": \"0.1\"", "\"tick\": \"0\"").find("instrument bybit_spot:ABC: tick is") !=
        std::string::npos);
}

TEST_CASE("a grid that cannot be sampled is refused by the name of its key") {
  CHECK(refuses("\"step_ns\": 100", "\"step_ns\": 0", "grid.step_ns"));
  CHECK(refuses("\"step_ns\": 100", "\"step_ns\": 7", "grid.step_ns"));
  CHECK(refuses("\"step_ns\": 100", "\"step_ns\": 9000000000000000000", "grid.step_ns"));
  CHECK(refuses("\"stale_ns\": 1000", "\"stale_ns\": 0", "grid.stale_ns"));
  CHECK(refuses("\"window_steps\": 4", "\"window_steps\": 1000000000000", "grid.window_steps"));
  CHECK(refuses("\"max_catchup_steps\": 10", "\"max_catchup_steps\": 0", "grid.max_catchup_steps"));
  CHECK(refuses("[0, null]", "[1, null]", "grid.slots[0]"));
  CHECK(refuses("[0, null]", "[0, 0]", "grid"));
  CHECK(refuses("\"reference\": 0", "\"reference\": 2", "grid"));
  CHECK(refuses("\"grid\": {", "\"other\": {", "grid"));
}

TEST_CASE("a table that names something twice, or what is not there, is refused") {
  CHECK(refuses(R"({"id": 1,)", R"({"id": 0,)", "sources[1].id"));
  CHECK(refuses(R"({"id": 1,)", R"({"id": 65536,)", "sources[1].id"));
  CHECK(refuses(R"("instrument": "ABC")", R"("instrument": "XYZ")", "sources[1].instrument"));
  CHECK(refuses(R"("kind": "sim_private")", R"("kind": "pigeon")", "sources[1].kind"));
  std::string twice = three_instruments("", "", "");
  twice = with(twice, "\"S1\"", "\"S0\"");
  CHECK_THROWS_WITH_AS(parse_config(twice), doctest::Contains("instruments[1].symbol"),
                       std::invalid_argument);
  CHECK_THROWS_WITH_AS(parse_config("[]"), doctest::Contains("a JSON object"), std::invalid_argument);
  CHECK_THROWS_WITH_AS(parse_config("{}"), doctest::Contains("instruments"), std::invalid_argument);
}

TEST_CASE("the simulated venue's section is read whole, and every wrong key is named") {
  const auto matching = [](const std::string& section) {
    return parse_config(with(with(settings, R"("market_type": "spot")", R"("market_type": "perpetual")"),
                             R"("run_tag": 7)",
                             R"("matching": {"order_latency_ns": 5, )" + section + R"(}, "run_tag": 7)"))
        .matching;
  };
  const MatchingConfig given = matching(
      R"("latency": {"kind": "lognormal", "sigma": 0.4, "seed": 3}, "queue": "proportional",
         "reply_latency": {"kind": "constant", "median_ns": 9},
         "funding": {"bybit_spot:ABC": {"rate_bps": "-1.5", "every_h": 4}, "other:ELSE": {}})");
  CHECK(given.request_latency.kind == LatencyKind::lognormal);
  CHECK(given.request_latency.median_ns == 5);
  CHECK(given.request_latency.sigma == 0.4);
  CHECK(given.request_latency.seed == 3);
  CHECK(given.reply_latency.kind == LatencyKind::constant);
  CHECK(given.reply_latency.median_ns == 9);
  CHECK(given.queue == QueueModel::proportional);
  REQUIRE(given.funding.size() == 1);
  CHECK(given.funding[0].rate_e8 == -15'000);
  CHECK(given.funding[0].every_ns == 4 * 3'600'000'000'000);
  CHECK(matching(R"("latency": {"kind": "lognormal", "sigma": 0.4, "seed": 3})").reply_latency.kind ==
        LatencyKind::lognormal);

  const auto refused = [&](const std::string& section, const char* words) {
    CHECK_THROWS_WITH(matching(section), doctest::Contains(words));
  };
  refused(R"("queue": "last")", "matching.queue: expected pessimistic, proportional or front");
  refused(R"("latency": {"kind": "gamma"})", "matching.latency.kind: expected constant or lognormal");
  refused(R"("latency": {"kind": "lognormal", "seed": 1})", "matching.latency.sigma: expected a value");
  refused(R"("latency": {"kind": "lognormal", "sigma": 6, "seed": 1})",
          "matching.latency.sigma: expected 0 to 5");
  refused(R"("reply_latency": {"kind": "constant", "median_ns": -1})", "matching.reply_latency.median_ns");
  refused(R"("funding": {"bybit_spot:ABC": {"rate_bps": "20000", "every_h": 8}})",
          "matching.funding.bybit_spot:ABC.rate_bps: expected -10000 to 10000");
  refused(R"("funding": {"bybit_spot:ABC": {"rate_bps": "1", "every_h": 0}})", "bybit_spot:ABC.every_h");
  CHECK_THROWS_WITH(parse_config(with(settings, R"("run_tag": 7)",
                                      R"("matching": {"order_latency_ns": 5, "funding": {"bybit_spot:ABC":
                                         {"rate_bps": "1", "every_h": 8}}}, "run_tag": 7)")),
                    doctest::Contains("bybit_spot:ABC: expected a perpetual"));
}
