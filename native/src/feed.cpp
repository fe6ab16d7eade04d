#include "lob/feed.hpp"

namespace lob {

std::string_view text_of(FeedState state) noexcept {
  constexpr std::array<std::string_view, 4> names{"unsynced", "buffering", "synced", "gap"};
  return names[static_cast<std::size_t>(state)];
}

std::string_view text_of(FeedTrigger trigger) noexcept {
  constexpr std::array<std::string_view, 8> names{"first_frame",   "snapshot",       "bridge",
                                                  "discontinuity", "server_restart", "crossed",
                                                  "buffer_full",   "reset"};
  return names[static_cast<std::size_t>(trigger)];
}

std::string_view text_of(GapCause cause) noexcept {
  constexpr std::array<std::string_view, 6> names{"sequence_break",  "server_restart", "crossed_book",
                                                  "buffer_overflow", "not_recorded",   "bad_frame"};
  return names[static_cast<std::size_t>(cause)];
}

std::string_view text_of(GapRepair repair) noexcept {
  constexpr std::array<std::string_view, 3> names{"none", "rest_snapshot", "pushed_snapshot"};
  return names[static_cast<std::size_t>(repair)];
}

FeedLink link_of(Venue venue, const DepthEvent& event, std::int64_t last_id) noexcept {
  if (event.last_id <= last_id) return FeedLink::older;
  switch (venue) {
    case Venue::binance_usdm:
      return event.previous_id == last_id ? FeedLink::follows : FeedLink::breaks;
    case Venue::binance_spot:
      return event.first_id <= last_id + 1 ? FeedLink::follows : FeedLink::breaks;
    case Venue::bybit_spot:
    case Venue::other:
      break;
  }
  return event.last_id == last_id + 1 ? FeedLink::follows : FeedLink::breaks;
}

FeedLink bridge_of(Venue venue, const DepthEvent& event, std::int64_t snapshot_id) noexcept {
  if (venue != Venue::binance_usdm) return link_of(venue, event, snapshot_id);
  if (event.last_id < snapshot_id) return FeedLink::older;
  const bool is_joined = event.first_id <= snapshot_id || event.previous_id <= snapshot_id;
  return is_joined ? FeedLink::follows : FeedLink::breaks;
}

}  // namespace lob
