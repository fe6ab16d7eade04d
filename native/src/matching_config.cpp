// Section "matching" of the engine's document: how the simulated venue answers.
//
//   {"order_latency_ns": 5000000,
//    "latency": {"kind": "constant"} | {"kind": "lognormal", "median_ns": 5000000, "sigma": 0.4, "seed": 1},
//    "reply_latency": the same, of replies alone; what "latency" says where it is not given,
//    "queue": "pessimistic" | "proportional" | "front",
//    "funding": {"binance_usdm:BTCUSDT": {"rate_bps": "1.0", "every_h": 8}}}
//
// `median_ns` is `order_latency_ns` where it is not given.
#include "config_section.hpp"

namespace lob {
namespace {

constexpr double sigma_max = 5.0;
constexpr TsNs hour_ns = 3'600'000'000'000;

LatencyModel parse_latency(const Section& section, TsNs usual_ns) {
  LatencyModel model;
  const std::string kind = section.text("kind");
  if (kind != "constant" && kind != "lognormal")
    refuse(section.path("kind"), "constant or lognormal", section.found("kind"));
  model.median_ns = section.within_or("median_ns", 0, latency_max_ns, usual_ns);
  if (kind == "constant") return model;
  model.kind = LatencyKind::lognormal;
  model.sigma = section.number("sigma");
  if (model.sigma < 0.0 || model.sigma > sigma_max)
    refuse(section.path("sigma"), "0 to 5", section.found("sigma"));
  model.seed = static_cast<std::uint64_t>(section.at_least("seed", 0));
  return model;
}

QueueModel parse_queue(const Section& section) {
  const std::string word = section.has("queue") ? section.text("queue") : "pessimistic";
  if (word == "pessimistic") return QueueModel::pessimistic;
  if (word == "proportional") return QueueModel::proportional;
  if (word == "front") return QueueModel::front;
  refuse(section.path("queue"), "pessimistic, proportional or front", section.found("queue"));
}

FundingFallback parse_funding(const Section& section) {
  FundingFallback fallback;
  constexpr std::int64_t rate_e8_max = 100'000'000;
  fallback.rate_e8 = scaled(section, "rate_bps", "0.0001");
  if (fallback.rate_e8 < -rate_e8_max || fallback.rate_e8 > rate_e8_max)
    refuse(section.path("rate_bps"), "-10000 to 10000", section.found("rate_bps"));
  fallback.every_ns = section.within("every_h", 1, 24 * 7) * hour_ns;
  return fallback;
}

/// Keys that name no instrument of the table are of another grid and are passed over.
std::vector<FundingFallback> parse_fundings(const Section& section, const EngineConfig& config) {
  std::vector<FundingFallback> out;
  for (InstrumentId id = 0; id < config.instruments.size(); ++id) {
    const InstrumentSpec& spec = config.instruments[id];
    const std::string name = std::string(text_of(spec.venue)) + ":" + spec.symbol;
    if (!section.has(name)) continue;
    out.push_back(parse_funding(section.section(name)));
    out.back().instrument = id;
    if (spec.market_type != MarketType::perpetual)
      refuse(section.path(name), "a perpetual, since spot has no funding",
             std::string(text_of(spec.market_type)));
  }
  return out;
}

}  // namespace

MatchingConfig parse_matching(const Section& root, const EngineConfig& config) {
  MatchingConfig matching;
  if (!root.has("matching")) return matching;
  const Section section = root.section("matching");
  const TsNs usual_ns = section.within("order_latency_ns", 0, latency_max_ns);
  matching.request_latency.median_ns = usual_ns;
  if (section.has("latency")) matching.request_latency = parse_latency(section.section("latency"), usual_ns);
  matching.reply_latency = section.has("reply_latency")
                               ? parse_latency(section.section("reply_latency"), usual_ns)
                               : matching.request_latency;
  matching.queue = parse_queue(section);
  if (section.has("funding")) matching.funding = parse_fundings(section.section("funding"), config);
  return matching;
}

}  // namespace lob
