// Synchronisation of one instrument's book with its stream, as a table.
//
// Theory. A stream of changed levels means something only on top of a whole book (a snapshot) and only while
// no message is lost. Each venue numbers its messages, so loss shows: on every frame of a stream's life the
// link to the one before is checked (`link_of`). What may happen is in `feed_transitions`, and nowhere else.
//
// Binance (pulled snapshots): frames are buffered while a REST snapshot with id L is asked for; frames older
// than L are dropped, the first kept one must bridge L, the rest must follow one another.
// Bybit (pushed snapshots): the venue sends the snapshot on the stream itself; whatever comes before it is
// useless. A snapshot older than the buffer is asked for again, the buffer kept; one newer than the whole
// buffer waits.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

#include "lob/decode/events.hpp"
#include "lob/types.hpp"

namespace lob {

enum class FeedState : std::uint8_t {
  unsynced = 0,   ///< nothing heard
  buffering = 1,  ///< frames heard, no book yet
  synced = 2,     ///< the book is the venue's
  gap = 3,        ///< the book was lost; a ledger row is open
};
enum class FeedTrigger : std::uint8_t {
  first_frame = 0,     ///< a first frame without a snapshot
  snapshot = 1,        ///< a REST snapshot came
  bridge = 2,          ///< snapshot and frames join (pushed snapshot: by itself)
  discontinuity = 3,   ///< a frame does not follow the one before
  server_restart = 4,  ///< the venue says that its ids begin anew
  crossed = 5,         ///< best bid at or above best ask
  buffer_full = 6,     ///< more frames waiting than the limit
  reset = 7,           ///< told to forget everything
};
enum class GapCause : std::uint8_t {
  sequence_break = 0,
  server_restart = 1,
  crossed_book = 2,
  buffer_overflow = 3,
  not_recorded = 4,  ///< written outside, for holes between runs
  bad_frame = 5,
};
enum class GapRepair : std::uint8_t { none = 0, rest_snapshot = 1, pushed_snapshot = 2 };

[[nodiscard]] std::string_view text_of(FeedState state) noexcept;
[[nodiscard]] std::string_view text_of(FeedTrigger trigger) noexcept;
[[nodiscard]] std::string_view text_of(GapCause cause) noexcept;
[[nodiscard]] std::string_view text_of(GapRepair repair) noexcept;

/// What the owner of the book does on a transition.
enum class FeedAction : std::uint8_t {
  await_snapshot,   ///< ask for a snapshot
  hold_snapshot,    ///< keep it until frames bridge it
  adopt,            ///< replace the book by the snapshot and apply what waits
  adopt_and_close,  ///< the same, and close the ledger row
  adopt_ledgered,   ///< replace the book; the span since the last frame goes to the ledger, opened and closed
  adopt_newer,      ///< replace the book by a newer one of the same stream: no doubt, no ledger row
  open_gap,         ///< drop the book, open a ledger row, ask for a snapshot
  restart_buffer,   ///< drop what waits, begin anew with this frame
  clear,            ///< forget everything
};

struct FeedTransition {
  FeedState from;
  FeedTrigger trigger;
  FeedState to;
  FeedAction action;
};

// clang-format off
inline constexpr std::array feed_transitions{
    FeedTransition{FeedState::unsynced,  FeedTrigger::first_frame,    FeedState::buffering, FeedAction::await_snapshot},
    FeedTransition{FeedState::unsynced,  FeedTrigger::snapshot,       FeedState::buffering, FeedAction::hold_snapshot},
    FeedTransition{FeedState::unsynced,  FeedTrigger::bridge,         FeedState::synced,    FeedAction::adopt},
    FeedTransition{FeedState::unsynced,  FeedTrigger::reset,          FeedState::unsynced,  FeedAction::clear},
    FeedTransition{FeedState::buffering, FeedTrigger::snapshot,       FeedState::buffering, FeedAction::hold_snapshot},
    FeedTransition{FeedState::buffering, FeedTrigger::bridge,         FeedState::synced,    FeedAction::adopt},
    FeedTransition{FeedState::buffering, FeedTrigger::discontinuity,  FeedState::buffering, FeedAction::restart_buffer},
    FeedTransition{FeedState::buffering, FeedTrigger::buffer_full,    FeedState::gap,       FeedAction::open_gap},
    FeedTransition{FeedState::buffering, FeedTrigger::reset,          FeedState::unsynced,  FeedAction::clear},
    FeedTransition{FeedState::synced,    FeedTrigger::snapshot,       FeedState::synced,    FeedAction::adopt_newer},
    FeedTransition{FeedState::synced,    FeedTrigger::discontinuity,  FeedState::gap,       FeedAction::open_gap},
    FeedTransition{FeedState::synced,    FeedTrigger::server_restart, FeedState::synced,    FeedAction::adopt_ledgered},
    FeedTransition{FeedState::synced,    FeedTrigger::bridge,         FeedState::synced,    FeedAction::adopt_ledgered},
    FeedTransition{FeedState::synced,    FeedTrigger::crossed,        FeedState::gap,       FeedAction::open_gap},
    FeedTransition{FeedState::synced,    FeedTrigger::reset,          FeedState::unsynced,  FeedAction::clear},
    FeedTransition{FeedState::gap,       FeedTrigger::snapshot,       FeedState::gap,       FeedAction::hold_snapshot},
    FeedTransition{FeedState::gap,       FeedTrigger::bridge,         FeedState::synced,    FeedAction::adopt_and_close},
    FeedTransition{FeedState::gap,       FeedTrigger::discontinuity,  FeedState::gap,       FeedAction::restart_buffer},
    FeedTransition{FeedState::gap,       FeedTrigger::buffer_full,    FeedState::gap,       FeedAction::restart_buffer},
    FeedTransition{FeedState::gap,       FeedTrigger::reset,          FeedState::unsynced,  FeedAction::clear},
};
// clang-format on

/// The listed transition, or nullptr: the pair must not happen.
[[nodiscard]] constexpr const FeedTransition* find_transition(FeedState from, FeedTrigger trigger) noexcept {
  for (const FeedTransition& row : feed_transitions) {
    if (row.from == from && row.trigger == trigger) return &row;
  }
  return nullptr;
}

/// How a frame stands to the last id applied (or to a snapshot's id).
enum class FeedLink : std::uint8_t {
  older,    ///< nothing new in it: dropped
  follows,  ///< the next one
  breaks,   ///< something between is missing
};

/// The link in a running stream: USD-M pu == last; spot U == last + 1 (an overlap carries absolute sizes, so
/// it follows too); Bybit u == last + 1. Owes: an update, not a snapshot.
[[nodiscard]] FeedLink link_of(Venue venue, const DepthEvent& event, std::int64_t last_id) noexcept;

/// The link of the first update on top of a snapshot: USD-M U <= L <= u or pu <= L <= u; spot U <= L + 1 <=
/// u.
[[nodiscard]] FeedLink bridge_of(Venue venue, const DepthEvent& event, std::int64_t snapshot_id) noexcept;

/// True when the venue sends snapshots on the stream itself (Bybit); else they are asked for over REST.
[[nodiscard]] constexpr bool pushes_snapshots(Venue venue) noexcept {
  return venue == Venue::bybit_spot;
}

/// Bounds of every feed machine. One section of the engine's settings.
struct FeedLimits {
  std::size_t buffer_frames_max = 10000;
  /// Snapshots asked for in one episode without a bridge; then none until the buffer has filled once more, so
  /// that a venue whose cache only holds old snapshots is not asked for ever.
  std::uint32_t requests_max = 8;
};

}  // namespace lob
