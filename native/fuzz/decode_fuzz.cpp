// Fuzzes every decoder and the market behind them with whole streams of frames.
//
// An input is a list of frames parted by newlines; the first byte of each picks its source. What must hold:
//   - nothing crashes (build with ASan and UBSan);
//   - only documented error codes come out, and a refused frame leaves every book and feed as it was;
//   - a frame that is accepted is JSON to simdjson's DOM parser as well;
//   - a synced book is not crossed and shows only positive prices and sizes.
//
// With clang: -fsanitize=fuzzer,address,undefined. With g++: -DLOB_FUZZ_MAIN adds a seeded mutating main:
//   decode_fuzz [ITERATIONS [SEED [FILE]]]     FILE: seed frames, one a line; without it the built-in ones
#include <simdjson.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "lob/market.hpp"

namespace {

using namespace lob;

const std::vector<InstrumentSpec>& instruments() {
  static const std::vector<InstrumentSpec> specs{
      {Venue::binance_spot, "ETHUSDT", MarketType::spot, "0.01", "0.00000001", "0.0001", 0, 0},
      {Venue::binance_usdm, "ETHUSDT", MarketType::perpetual, "0.01", "0.001", "0.001", 0, 0},
      {Venue::bybit_spot, "ETHUSDT", MarketType::spot, "0.01", "0.00001", "0.00001", 0, 0}};
  return specs;
}

const std::vector<SourceSpec>& sources() {
  static const std::vector<SourceSpec> specs{{Venue::binance_spot, no_instrument, SourceKind::websocket},
                                             {Venue::binance_spot, 0, SourceKind::rest_depth},
                                             {Venue::binance_usdm, no_instrument, SourceKind::websocket},
                                             {Venue::binance_usdm, 1, SourceKind::rest_depth},
                                             {Venue::bybit_spot, no_instrument, SourceKind::websocket},
                                             {Venue::bybit_spot, 2, SourceKind::rest_exchange_info}};
  return specs;
}

void require(bool holds, const char* law, std::string_view frame) {
  if (holds) return;
  std::fprintf(stderr, "broken: %s\nframe: %.*s\n", law, static_cast<int>(frame.size()), frame.data());
  std::abort();
}

/// All that a refused frame must leave as it was, bit for bit, counters left out.
std::string state_of(const Market& market) {
  ByteWriter writer;
  for (InstrumentId id = 0; id < market.instrument_count(); ++id) {
    writer.put(market.state(id));
    writer.put(market.last_update_id(id));
    writer.put(market.ts_last_update_ns(id));
    market.book(id).save(writer);
  }
  return writer.take();
}

void check_books(const Market& market, std::string_view frame) {
  for (InstrumentId id = 0; id < market.instrument_count(); ++id) {
    if (market.state(id) != FeedState::synced) {
      require(market.book(id).level_count(Side::bid) == 0, "an unsynced feed shows no book", frame);
      continue;
    }
    require(!market.book(id).is_crossed(), "a synced book is not crossed", frame);
    for (const Side side : {Side::bid, Side::ask}) {
      std::array<Level, 5> top{};
      const std::size_t count = market.book(id).top(side, top);
      for (std::size_t i = 0; i < count; ++i) {
        require(top[i].price.value > 0 && top[i].size.value > 0, "levels are positive", frame);
      }
    }
  }
}

/// False only for what the DOM parser refuses for other reasons than the number's magnitude.
bool is_json(std::string_view frame) {
  static simdjson::dom::parser parser;
  const auto error = parser.parse(frame.data(), frame.size(), true).error();
  return error == simdjson::SUCCESS || error == simdjson::NUMBER_ERROR;
}

void feed(Market& market, std::uint64_t seq, ConnectionId connection, std::string_view frame) {
  MarketOutputs out;
  std::string arena;
  out.arena = &arena;
  const std::string before = state_of(market);
  market.on_frame(seq, connection, static_cast<TsNs>(seq),
                  std::as_bytes(std::span(frame.data(), frame.size())), out);
  if (!out.rejects.empty()) {
    const RejectRecord& reject = out.rejects.front();
    require(out.rejects.size() == 1 && reject.code > 0 && reject.code < decode_error_count,
            "the code is documented", frame);
    require(reject.text_offset + reject.text_length == arena.size(), "the text stands in the arena", frame);
    require(state_of(market) == before, "a refused frame changes nothing", frame);
    require(out.book_updates.empty() && out.trades.empty() && out.quotes.empty() && out.feed_events.empty(),
            "a refused frame gives no records", frame);
  } else if (sources()[connection].kind != SourceKind::rest_exchange_info) {
    require(is_json(frame), "an accepted frame is JSON", frame);
  }
  check_books(market, frame);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Market market(instruments(), sources(), {.buffer_frames_max = 4, .requests_max = 3});
  std::string_view rest(reinterpret_cast<const char*>(data), size);
  for (std::uint64_t seq = 1; !rest.empty(); ++seq) {
    const std::string_view line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(rest.size(), line.size() + 1));
    if (line.empty()) continue;
    const auto connection = static_cast<ConnectionId>(static_cast<unsigned char>(line[0]) % sources().size());
    feed(market, seq, connection, line.substr(1));
  }
  return 0;
}

#ifdef LOB_FUZZ_MAIN

#include <fstream>
#include <random>

namespace {

using Random = std::mt19937_64;

/// First byte: the source ('0' + k picks source k, as '0' is a multiple of 6).
static_assert('0' % 6 == 0);
const std::vector<std::string>& built_in_frames() {
  static const std::vector<std::string> frames{
      R"(0{"stream":"ethusdt@depth@100ms","data":{"e":"depthUpdate","E":1723161255308,"s":"ETHUSDT","U":1,"u":5,"b":[["2683.80000000","3.02920000"],["2500.00000000","0.00000000"]],"a":[["2733.70000000","0.00000000"]]}})",
      R"(1{"lastUpdateId":4,"bids":[["2683.80000000","3.02920000"],["2683.78000000","0.00200000"]],"asks":[["2683.81000000","1.00000000"]]})",
      R"(0{"e":"depthUpdate","E":1723161255408,"s":"ETHUSDT","U":6,"u":9,"b":[["2683.79000000","1"]],"a":[]})",
      R"(0{"stream":"ethusdt@trade","data":{"e":"trade","E":1,"s":"ETHUSDT","t":3,"p":"2683.47000000","q":"0.00056000","b":2,"a":1,"T":1,"m":true,"M":true}})",
      R"(0{"stream":"ethusdt@bookTicker","data":{"u":9,"s":"ETHUSDT","b":"2683.80","B":"3.1","a":"2683.81","A":"1.0"}})",
      R"(2{"e":"depthUpdate","E":3,"T":2,"s":"ETHUSDT","ps":"ETHUSDT","U":1,"u":10,"pu":0,"b":[["200.00","10.229"]],"a":[["2681.63","0.000"]],"st":1})",
      R"(2{"stream":"ethusdt@markPrice@1s","data":{"e":"markPriceUpdate","E":3,"s":"ETHUSDT","p":"2681.12345678","ap":"2681.1","i":"2681.0","P":"2680.9","r":"-0.00010000","T":5,"st":1}})",
      R"(3{"lastUpdateId":8,"E":3,"T":2,"bids":[["2681.62","1.165"],["200.00","9"]],"asks":[["2681.63","73.077"]]})",
      R"(2{"e":"depthUpdate","E":4,"T":3,"s":"ETHUSDT","U":15,"u":20,"pu":10,"b":[["2681.62","0"]],"a":[["2681.64","5.5"]]})",
      R"(2{"e":"aggTrade","E":6,"s":"ETHUSDT","a":30,"p":"2681.20","q":"0.504","nq":"0.5","f":50,"l":53,"T":5,"m":false})",
      R"(4{"topic":"orderbook.50.ETHUSDT","ts":5,"type":"snapshot","data":{"s":"ETHUSDT","b":[["1923.2","7.448"]],"a":[["1923.3","1"]],"u":7,"seq":9},"cts":4})",
      R"(4{"topic":"orderbook.50.ETHUSDT","ts":6,"type":"delta","data":{"s":"ETHUSDT","b":[["1923.2","0"],["1923.1","2"]],"a":[],"u":8,"seq":10},"cts":5})",
      R"(4{"topic":"publicTrade.ETHUSDT","ts":6,"type":"snapshot","data":[{"i":"22","T":5,"p":"1923.2","v":"0.004","S":"Buy","s":"ETHUSDT","BT":false,"RPI":false,"seq":7}]})",
      R"(4{"topic":"tickers.ETHUSDT","ts":1,"type":"snapshot","cs":3,"data":{"symbol":"ETHUSDT","lastPrice":"1923.27"}})",
      R"(0{"result":null,"id":1})"};
  return frames;
}

constexpr std::array<std::string_view, 26> dictionary{"{",
                                                      "}",
                                                      "[",
                                                      "]",
                                                      ",",
                                                      ":",
                                                      "\"",
                                                      "\\",
                                                      "\\u0041",
                                                      "null",
                                                      "true",
                                                      "-1",
                                                      "0",
                                                      "1e9",
                                                      "9223372036854775807",
                                                      "99999999999999999999",
                                                      "\"b\"",
                                                      "\"a\"",
                                                      "\"u\"",
                                                      "\"U\"",
                                                      "\"data\"",
                                                      "\"s\"",
                                                      "[\"1\",\"2\"]",
                                                      "0.000000001",
                                                      " ",
                                                      "\xff"};

std::size_t draw(Random& random, std::size_t below) {
  return below == 0 ? 0 : static_cast<std::size_t>(random() % below);
}

void mutate_once(Random& random, std::string& frame) {
  const std::size_t at = draw(random, frame.size());
  const std::size_t length = 1 + draw(random, 1 + draw(random, 24));
  switch (random() % 7) {
    case 0:
      frame[at] = static_cast<char>(random());
      return;
    case 1:
      frame[at] = static_cast<char>(frame[at] ^ (1 << draw(random, 8)));
      return;
    case 2:
      frame.erase(at, length);
      return;
    case 3:
      frame.insert(at, frame.substr(draw(random, frame.size()), length));
      return;
    case 4:
      frame.insert(at, dictionary[draw(random, dictionary.size())]);
      return;
    case 5:
      frame.resize(at);
      return;
    default:
      break;
  }
  const std::size_t digit = frame.find_first_of("0123456789", at);
  if (digit != std::string::npos) frame[digit] = static_cast<char>('0' + draw(random, 10));
}

/// A stream of frames in their order, some dropped, repeated or mutated.
std::string make_input(Random& random, const std::vector<std::string>& frames) {
  std::string input;
  const std::size_t begin = draw(random, frames.size());
  const std::size_t count = 1 + draw(random, 10);
  for (std::size_t i = 0; i < count; ++i) {
    const bool is_in_order = random() % 4 != 0;
    std::string frame = frames[is_in_order ? (begin + i) % frames.size() : draw(random, frames.size())];
    const std::size_t mutations = random() % 3 == 0 ? 1 + draw(random, 4) : 0;
    for (std::size_t k = 0; k < mutations && frame.size() > 1; ++k) mutate_once(random, frame);
    input += frame;
    input += '\n';
  }
  return input;
}

std::vector<std::string> read_lines(const char* path) {
  std::ifstream file(path);
  std::vector<std::string> lines;
  for (std::string line; std::getline(file, line);) {
    if (!line.empty()) lines.push_back(line);
  }
  return lines;
}

}  // namespace

int main(int count, char** words) {
  const std::uint64_t iterations = count > 1 ? std::strtoull(words[1], nullptr, 10) : 150000;
  const std::uint64_t seed = count > 2 ? std::strtoull(words[2], nullptr, 10) : 1;
  const std::vector<std::string> frames = count > 3 ? read_lines(words[3]) : built_in_frames();
  if (frames.empty()) {
    std::fprintf(stderr, "decode_fuzz: %s: no seed frames, expected one a line\n", words[3]);
    return 2;
  }
  Random random(seed);
  for (std::uint64_t i = 0; i < iterations; ++i) {
    const std::string input = make_input(random, frames);
    LLVMFuzzerTestOneInput(reinterpret_cast<const std::uint8_t*>(input.data()), input.size());
  }
  std::printf("decode_fuzz: %llu streams, seed %llu, nothing broken\n",
              static_cast<unsigned long long>(iterations), static_cast<unsigned long long>(seed));
  return 0;
}

#endif
