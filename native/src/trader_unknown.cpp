// Orders whose outcome is unknown: asked for until a reply says what became of them.
#include "lob/trader.hpp"
#include "trader_codes.hpp"

namespace lob {

void Trader::query(Cause cause, const Order& order, TradingOutputs& out) {
  orders_.note_query(order.client_order_id, cause.ts_ns + query_wait_ns(order.queries + 1U));
  emit_request(cause, order, RequestKind::query, out);
}

void Trader::on_unknown(Cause cause, const OrderChange& change, TradingOutputs& out) {
  const bool is_fresh = change.is_changed && change.order.state == OrderState::unknown;
  if (config_.execution.is_live && is_fresh) query(cause, change.order, out);
}

void Trader::ask_again(Cause cause, TradingOutputs& out) {
  std::vector<Order> due;
  for (const auto& [id, order] : orders_.live()) {
    if (order.state == OrderState::unknown && order.ts_query_ns <= cause.ts_ns) due.push_back(order);
  }
  for (const Order& order : due) query(cause, order, out);
}

void Trader::cancel_again(Cause cause, TradingOutputs& out) {
  std::vector<Order> chosen = unwanted(state());
  for (const auto& [id, order] : orders_.live()) {
    const bool is_closed = state() == TradingState::active && closing_[order.slot].is_due;
    if (is_closed && order.purpose != OrderPurpose::flatten) chosen.push_back(order);
  }
  for (const Order& order : chosen) {
    const bool is_resting = order.state == OrderState::open || order.state == OrderState::partially_filled;
    const bool is_due = order.may_rest() && is_resting && !order.is_owed_fills();
    if (is_due) cancel(cause, order, out);
  }
}

}  // namespace lob
