// risk.hpp, watch.hpp, trading_state.hpp, orders.hpp: the tables of rules and states, for documents and
// settings.
#include "bindings.hpp"
#include "lob/orders.hpp"
#include "lob/risk.hpp"
#include "lob/trading_state.hpp"
#include "lob/watch.hpp"

namespace lob::python {
namespace {

py::str word(std::string_view text) {
  return {text.data(), text.size()};
}

py::list risk_table() {
  py::list rows;
  for (const RiskRuleEntry& entry : risk_rules()) {
    rows.append(py::make_tuple(static_cast<int>(entry.rule), word(entry.name), word(entry.formula),
                               word(entry.unit), word(entry.limit), word(text_of(entry.asked_of)),
                               is_always_on(entry.rule)));
  }
  return rows;
}

py::list watch_table() {
  py::list rows;
  for (const WatchRuleEntry& entry : watch_rules()) {
    rows.append(py::make_tuple(static_cast<int>(entry.rule), word(entry.name), word(entry.formula),
                               word(entry.unit), word(entry.limit), word(text_of(entry.action)),
                               entry.is_of_slot, word(text_of(entry.trigger))));
  }
  return rows;
}

py::list state_table() {
  py::list rows;
  for (const TradingCell& cell : trading_table()) {
    const py::object to = cell.to ? py::object(word(text_of(*cell.to))) : py::object(py::none());
    rows.append(py::make_tuple(word(text_of(cell.from)), word(text_of(cell.op)), to));
  }
  return rows;
}

py::list order_table() {
  py::list rows;
  for (std::size_t state = 0; state < order_state_count; ++state) {
    for (std::size_t trigger = 0; trigger < order_trigger_count; ++trigger) {
      const auto from = static_cast<OrderState>(state);
      const auto why = static_cast<OrderTrigger>(trigger);
      const auto to = next_state(from, why);
      const py::object end = to ? py::object(word(text_of(*to))) : py::object(py::none());
      rows.append(py::make_tuple(word(text_of(from)), word(text_of(why)), end));
    }
  }
  return rows;
}

}  // namespace

void bind_risk(py::module_& m) {
  m.def("risk_rules", &risk_table);
  m.def("watch_rules", &watch_table);
  m.def("trading_table", &state_table);
  m.def("order_table", &order_table);
}

}  // namespace lob::python
