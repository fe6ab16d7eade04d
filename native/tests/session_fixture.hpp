// A live session as the trader's shell runs it, without sockets: engine, simulated venue and the journal of
// what they heard, over a generated market of one instrument.
#pragma once

#include <cstring>
#include <optional>
#include <string>
#include <vector>

#include "engine_fixture.hpp"
#include "lob/backtest.hpp"
#include "lob/engine.hpp"
#include "lob/matching.hpp"
#include "lob/record.hpp"
#include "trading_fixture.hpp"

namespace lob::session_test {

inline Bytes text_bytes(const std::string& text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}

inline void append(std::vector<std::byte>& block, RecordKind kind, std::uint16_t source, std::uint64_t seq,
                   TsNs ts_ns, Bytes payload) {
  append_record({0, static_cast<std::uint8_t>(kind), record_version, source, seq, ts_ns}, payload, block);
}

/// `values` is [H][V][20].
inline std::vector<std::byte> forecast_payload(TsNs ts_step_ns, std::uint32_t model_id,
                                               std::uint32_t horizon_steps,
                                               const std::vector<float>& values) {
  const ForecastPrefix prefix{ts_step_ns, model_id, horizon_steps};
  std::vector<std::byte> out(sizeof prefix + values.size() * sizeof(float));
  std::memcpy(out.data(), &prefix, sizeof prefix);
  std::memcpy(out.data() + sizeof prefix, values.data(), values.size() * sizeof(float));
  return out;
}

inline constexpr std::uint16_t market_source = 0;
inline constexpr std::uint16_t sim_source = 1;  // in every document of these tests

/// Feeds engine and venue in the order of a live session and keeps the journal of it.
class LiveSession {
 public:
  explicit LiveSession(const std::string& settings)
      : engine(settings),
        venue(engine.config().instruments, engine.config().sources, engine.config().feed,
              engine.config().matching) {}

  void frame(TsNs ts_ns, const std::string& text, std::uint16_t source = market_source) {
    deliver(ts_ns);
    append(journal, RecordKind::frame, source, ++seq_, ts_ns, text_bytes(text));
    venue.on_frame(seq_, source, ts_ns, text_bytes(text));
    engine.frame(seq_, source, ts_ns, text_bytes(text));
    settle(ts_ns);
  }
  void input(RecordKind kind, std::uint16_t source, TsNs ts_ns, Bytes payload) {
    std::vector<std::byte> record;
    append(record, kind, source, ++seq_, ts_ns, payload);
    journal.insert(journal.end(), record.begin(), record.end());
    engine.process(record);
    settle(ts_ns);
  }
  void timer(TsNs ts_ns) {
    deliver(ts_ns);
    input(RecordKind::timer, 0, ts_ns, {});
  }
  void forecast(TsNs ts_ns, TsNs ts_step_ns, float mid_bps) {
    deliver(ts_ns);
    input(RecordKind::forecast, 0, ts_ns,
          forecast_payload(ts_step_ns, 1, 2, engine_test::forecast_of(mid_bps)));
  }
  void forecast(TsNs ts_ns, const std::vector<std::byte>& payload) {
    deliver(ts_ns);
    input(RecordKind::forecast, 0, ts_ns, payload);
  }
  void command(TsNs ts_ns, const std::string& json) {
    deliver(ts_ns);
    input(RecordKind::command, 0, ts_ns, text_bytes(json));
  }

  /// Lets go of the journal and the outputs so far.
  void forget() {
    journal.clear();
    engine.outputs().clear();
    orders_sent_ = 0;
  }

  Engine engine;
  SimVenue venue;
  std::vector<std::byte> journal;
  TsNs ts_last_ns = 0;

 private:
  /// The venue's clock moves from one of its events to the next; each reply is an input of its own.
  void deliver(TsNs until_ns) {
    while (true) {
      const std::optional<TsNs> next_ns = venue.next_ts_ns();
      if (!next_ns || *next_ns > until_ns) return;
      std::vector<TimedReply> replies;
      venue.due(*next_ns, replies);
      for (const TimedReply& due : replies) {
        const SimReplyBytes bytes = encode(due.reply);
        input(RecordKind::frame, sim_source, std::max(due.ts_ns, ts_last_ns), bytes);
      }
    }
  }
  void settle(TsNs ts_ns) {
    ts_last_ns = ts_ns;
    // A journal holds hashes of the outputs too: they take a seq and are no input.
    if (engine.steps_closed() != steps_) append(journal, RecordKind::output_hash, 0, ++seq_, ts_ns, {});
    steps_ = engine.steps_closed();
    std::vector<OrderRequestRecord>& orders = engine.outputs().trading.orders;
    for (; orders_sent_ < orders.size(); ++orders_sent_) venue.submit(orders[orders_sent_], ts_ns);
  }

  std::uint64_t seq_ = 0;
  std::uint64_t steps_ = 0;
  std::size_t orders_sent_ = 0;
};

inline std::string trade_frame(int price, const std::string& size, bool is_buy, int id) {
  return R"({"topic":"publicTrade.ABC","ts":1,"type":"snapshot","data":[{"i":")" + std::to_string(id) +
         R"(","T":1,"p":")" + std::to_string(price) + R"(.0","v":")" + size + R"(","S":")" +
         (is_buy ? "Buy" : "Sell") + R"(","s":"ABC","BT":false,"RPI":false}]})";
}

/// One generated market and what a trader heard beside it: frames, forecasts, commands, holes and gaps.
inline void run_market(LiveSession& session, std::uint64_t seed, int events) {
  test::Dice dice(seed);
  TsNs ts_ns = 1'050;
  int update_id = 10;
  int mid = 100;
  session.frame(ts_ns, engine_test::book_frame(true, update_id, mid, mid + 1));
  for (int event = 0; event < events; ++event) {
    ts_ns += dice.roll(0, 40);
    const std::int64_t kind = dice.roll(0, 99);
    if (kind < 55) {
      if (dice.roll(0, 3) == 0)
        mid = static_cast<int>(std::clamp<std::int64_t>(mid + dice.roll(-1, 1), 90, 110));
      session.frame(ts_ns, engine_test::book_frame(true, ++update_id, mid, mid + 1));
    } else if (kind < 70) {
      session.frame(ts_ns, trade_frame(mid + static_cast<int>(dice.roll(0, 1)), "0.02", dice.roll(0, 1) == 0,
                                       event + 1));
    } else if (kind < 80) {
      session.timer(ts_ns);
    } else if (kind < 98) {
      session.forecast(ts_ns, ts_ns / 100 * 100 - (ts_ns % 100 == 0 ? 100 : 0),
                       static_cast<float>(dice.roll(-300, 300)));
    } else if (kind == 98) {
      ts_ns += dice.roll(0, 2) == 0 ? 2'000 : 150;
    } else {
      const char* ops[] = {R"({"op":"reduce","reason":"t"})", R"({"op":"flatten","reason":"t"})",
                           R"({"op":"resume","reason":"t"})", R"({"op":"dance"})"};
      session.command(ts_ns, ops[dice.roll(0, 3)]);
      session.command(ts_ns, ops[2]);
    }
  }
}

inline std::string settings_with_latency(TsNs latency_ns) {
  return engine_test::with(
      engine_test::settings, "\"run_tag\": 7",
      "\"matching\": {\"order_latency_ns\": " + std::to_string(latency_ns) + "}, \"run_tag\": 7");
}

/// The trader's part of `settings`, as a lane takes it.
inline std::string lane_of(const std::string& settings, const std::string& more = "") {
  return "{" +
         settings.substr(settings.find("\"signal\""), settings.rfind('}') - settings.find("\"signal\"")) +
         more + "}";
}

}  // namespace lob::session_test
