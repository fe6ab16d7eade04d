// What leaves the engine: fixed-layout records, each naming the input (`seq`) that caused it.
//
// The bindings hand each kind to Python as one numpy structured array of exactly these fields, so the
// order and width of members are a contract: 8-byte aligned, no hidden padding, pinned by static_assert.
#pragma once

#include "lob/types.hpp"

namespace lob {

inline constexpr std::size_t book_depth = 5;  ///< levels a side that the grid and the model read

/// One changed level, as applied to the book. Lake table `book_updates`.
struct BookUpdateRecord {
  std::uint64_t seq;
  TsNs ts_recv_ns;
  TsNs ts_event_ns;        ///< venue's message time, 0 when not sent
  TsNs ts_engine_ns;       ///< matching-engine time (`T`, `cts`), 0 when not sent
  std::int64_t update_id;  ///< last update id of the message
  std::int64_t price_ticks;
  std::int64_t size_units;  ///< absolute; 0 removes the level
  std::uint32_t instrument;
  std::uint8_t side;
  std::uint8_t is_snapshot;  ///< 1: part of a snapshot, which replaced the whole book
  std::uint16_t reserved;
};
static_assert(sizeof(BookUpdateRecord) == 64);

/// One level of the periodic snapshot. Lake table `book_snapshots`.
struct BookSnapshotRecord {
  std::uint64_t seq;
  TsNs ts_recv_ns;
  std::int64_t update_id;
  std::int64_t price_ticks;
  std::int64_t size_units;
  std::uint32_t instrument;
  std::uint16_t level;  ///< 0 = best
  std::uint8_t side;
  std::uint8_t reserved;
};
static_assert(sizeof(BookSnapshotRecord) == 48);

/// One public trade. Lake table `trades`.
struct TradeRecord {
  std::uint64_t seq;
  TsNs ts_recv_ns;
  TsNs ts_event_ns;
  TsNs ts_engine_ns;
  std::int64_t trade_id;
  std::int64_t price_ticks;
  std::int64_t size_units;
  std::uint32_t instrument;
  std::uint8_t aggressor_side;  ///< 0 buyer took, 1 seller took
  std::uint8_t is_aggregate;    ///< 1: `aggTrade`, one taker's fills at one price merged
  std::uint16_t reserved;
};
static_assert(sizeof(TradeRecord) == 64);

/// Best bid and ask as the venue itself states them. Lake table `quotes`.
struct QuoteRecord {
  std::uint64_t seq;
  TsNs ts_recv_ns;
  TsNs ts_event_ns;
  std::int64_t update_id;
  std::int64_t bid_price_ticks;
  std::int64_t bid_size_units;
  std::int64_t ask_price_ticks;
  std::int64_t ask_size_units;
  std::uint32_t instrument;
  std::uint32_t reserved;
};
static_assert(sizeof(QuoteRecord) == 72);

/// A transition of one instrument's feed machine. Lake table `feed_events`.
struct FeedEventRecord {
  std::uint64_t seq;
  TsNs ts_recv_ns;
  std::int64_t update_id;
  std::uint32_t instrument;
  std::uint8_t state_from;  ///< FeedState
  std::uint8_t state_to;
  std::uint8_t trigger;  ///< FeedTrigger
  std::uint8_t reserved;
};
static_assert(sizeof(FeedEventRecord) == 32);

/// One discontinuity, written when it opens (`is_closed` 0) and again when repaired. Lake table `gaps`.
struct GapRecord {
  std::uint64_t seq;
  std::uint64_t gap_id;        ///< seq of the input that opened it; equal in both rows
  TsNs ts_from_ns;             ///< receive time of the last good frame
  TsNs ts_to_ns;               ///< receive time of the repair; 0 while open
  std::int64_t sequence_from;  ///< last update id applied
  std::int64_t sequence_to;    ///< first update id seen after the hole
  std::uint32_t instrument;
  std::uint32_t levels_touched;  ///< levels whose size was in doubt when repaired
  std::uint8_t cause;            ///< GapCause
  std::uint8_t repaired_by;      ///< GapRepair
  std::uint8_t is_closed;
  std::uint8_t reserved[5];
};
static_assert(sizeof(GapRecord) == 64);

/// The core asks its shell for something over REST or the socket.
struct FeedRequestRecord {
  std::uint64_t seq;
  TsNs ts_recv_ns;
  std::uint32_t instrument;
  std::uint8_t kind;  ///< 0 snapshot over REST, 1 subscribe anew
  std::uint8_t reserved[3];
};
static_assert(sizeof(FeedRequestRecord) == 24);

/// An input that was refused, and why; the text stands in the arena.
struct RejectRecord {
  std::uint64_t seq;
  TsNs ts_ns;
  std::uint32_t connection_id;
  std::uint32_t code;  ///< DecodeError, or 1000 + InputError
  std::uint32_t text_offset;
  std::uint32_t text_length;
};
static_assert(sizeof(RejectRecord) == 32);

/// What a strategy wanted of one slot at one step, and what became of it. Lake table `decisions`.
struct DecisionRecord {
  std::uint64_t seq;
  TsNs ts_ns;
  TsNs ts_step_ns;
  double expected_bps;  ///< what the strategy expects: forecast mid move, or a spread between two markets
  double cost_bps;      ///< what it must exceed
  std::int64_t position_units;
  std::int64_t target_units;
  std::uint64_t client_order_id;  ///< the first that was sent for it, 0 when none was
  std::uint32_t instrument;
  std::uint32_t model_id;  ///< first 32 bits of the bundle's hash; 0 without a model
  std::uint8_t action;     ///< SignalAction
  std::uint8_t rule;       ///< RiskRule that refused first, 0 = none
  std::uint8_t trading_state;
  std::uint8_t strategy;  ///< index of the strategy in the engine's document
  std::uint8_t reserved[4];
};
static_assert(sizeof(DecisionRecord) == 80);

/// What an order request asks for. Of an amendment `price_ticks` and `size_units` are the new totals; a query
/// asks what became of an order.
enum class RequestKind : std::uint8_t { place = 0, cancel = 1, amend = 2, query = 3 };

/// An order request: "order bytes". Venue JSON is made outside.
struct OrderRequestRecord {
  std::uint64_t seq;
  TsNs ts_ns;
  std::uint64_t client_order_id;
  std::int64_t price_ticks;  ///< 0 for market orders
  std::int64_t size_units;
  TsNs ts_step_ns;  ///< of the forecast or step that asked for it; 0 for orders that close or cancel
  std::uint32_t instrument;
  std::uint32_t model_id;       ///< as in DecisionRecord: every order names its bundle
  std::uint8_t kind;            ///< RequestKind
  std::uint8_t side;            ///< 0 buy, 1 sell
  std::uint8_t type;            ///< 0 limit, 1 market
  std::uint8_t time_in_force;   ///< TimeInForce: 0 GTC, 1 IOC, 2 post-only, 3 FOK
  std::uint8_t strategy;        ///< as in DecisionRecord
  std::uint8_t purpose;         ///< OrderPurpose
  std::uint8_t is_reduce_only;  ///< 1: the venue lets it close a position only
  std::uint8_t reserved;
};
static_assert(sizeof(OrderRequestRecord) == 64);

/// A transition of one order. Lake table `orders`.
struct OrderEventRecord {
  std::uint64_t seq;
  TsNs ts_ns;
  std::uint64_t client_order_id;
  std::int64_t price_ticks;
  std::int64_t size_units;
  std::int64_t filled_units;
  TsNs ts_step_ns;  ///< as in OrderRequestRecord, like the next three
  std::uint32_t instrument;
  std::uint32_t model_id;
  std::uint8_t side;
  std::uint8_t state_from;  ///< OrderState
  std::uint8_t state_to;
  std::uint8_t reason;  ///< RiskRule where we refused, SimReason or VenueReason where the venue did
  std::uint8_t strategy;
  std::uint8_t purpose;
  std::uint8_t time_in_force;
  std::uint8_t is_venue_reason;  ///< 1: a real venue's, so `reason` is a VenueReason
};
static_assert(sizeof(OrderEventRecord) == 72);

/// Our own execution. Lake table `fills`. Money counts quote units = tick x size_unit.
struct FillRecord {
  std::uint64_t seq;
  TsNs ts_ns;
  std::uint64_t client_order_id;
  std::uint64_t trade_id;
  std::int64_t price_ticks;
  std::int64_t size_units;
  std::int64_t fee_quote_units;
  std::uint32_t instrument;
  std::uint8_t side;
  std::uint8_t is_maker;
  std::uint8_t strategy;
  std::uint8_t
      fee_asset;  ///< FeeAsset: 0 quote, 1 base (then whole size units as they left the position), 2 other
};
static_assert(sizeof(FillRecord) == 64);

/// Position of one instrument after a fill, and at each closed step while open. Lake table `positions`.
struct PositionRecord {
  std::uint64_t seq;
  TsNs ts_ns;
  std::int64_t position_units;
  std::int64_t cost_quote_units;        ///< signed cost of the open position; average price = cost / position
  std::int64_t realised_quote_units;    ///< before fees
  std::int64_t unrealised_quote_units;  ///< at the mid
  std::int64_t fees_quote_units;
  std::int64_t funding_quote_units;  ///< paid in all; negative is received
  std::uint32_t instrument;
  std::uint32_t reserved;
};
static_assert(sizeof(PositionRecord) == 72);

/// Funding exchanged on a perpetual: longs pay when the rate is positive. Lake table `funding`.
struct FundingRecord {
  std::uint64_t seq;
  TsNs ts_ns;
  TsNs ts_funding_ns;      ///< when the venue charged it
  std::uint64_t trade_id;  ///< unique on its instrument among fills and fundings
  std::int64_t position_units;
  std::int64_t mark_price_ticks;
  std::int64_t rate_e8;
  std::int64_t paid_quote_units;  ///< negative is received
  std::uint32_t instrument;
  std::uint32_t reserved;
};
static_assert(sizeof(FundingRecord) == 72);

/// What the account of one quote currency is worth at a closed step; a row only where something differs from
/// the row before. All in 10^-8 of the quote currency, against a start of 0. Lake table `equity`.
struct EquityRecord {
  std::uint64_t seq;
  TsNs ts_ns;
  TsNs ts_step_ns;
  std::int64_t equity_e8;      ///< realised + unrealised - fees - funding
  std::int64_t realised_e8;    ///< before fees
  std::int64_t unrealised_e8;  ///< at the mids
  std::int64_t fees_e8;
  std::int64_t funding_e8;
  std::int64_t net_exposure_e8;    ///< signed, at the mids
  std::int64_t gross_exposure_e8;  ///< sum of |position| x mid
  std::uint32_t quote_group;       ///< id of the first instrument of this quote currency
  std::uint32_t reserved;
};
static_assert(sizeof(EquityRecord) == 88);

/// A watch rule that tripped. Lake table `risk_events`.
struct RiskEventRecord {
  std::uint64_t seq;
  TsNs ts_ns;
  double value;              ///< what was measured, in the rule's own unit
  double threshold;          ///< what it was held against
  std::uint32_t instrument;  ///< no_instrument where the rule is about all of them
  std::uint8_t rule;         ///< WatchRule
  std::uint8_t action;       ///< WatchAction that followed
  std::uint8_t reserved[2];
};
static_assert(sizeof(RiskEventRecord) == 40);

/// How two markets of one base asset move together. Lake table `cross_market`.
struct CrossMarketRecord {
  std::uint64_t seq;
  TsNs ts_step_ns;
  double correlation;       ///< of one-step mid returns at the same step
  double lead_correlation;  ///< the largest by size over the lags
  std::uint32_t instrument_a;
  std::uint32_t instrument_b;
  std::int32_t lead_steps;  ///< lag of that; positive: a moves first
  std::uint32_t reserved;
};
static_assert(sizeof(CrossMarketRecord) == 48);

/// A transition of the trading state. Lake table `state_events`.
struct StateEventRecord {
  std::uint64_t seq;
  TsNs ts_ns;
  std::uint32_t text_offset;  ///< reason, in the arena
  std::uint32_t text_length;
  std::uint8_t state_from;  ///< TradingState
  std::uint8_t state_to;
  std::uint8_t trigger;  ///< TradingTrigger
  std::uint8_t reserved[5];
};
static_assert(sizeof(StateEventRecord) == 32);

}  // namespace lob
