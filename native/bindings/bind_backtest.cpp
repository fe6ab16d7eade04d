// backtest.hpp: many traders over one recorded market. Blocks and arrays cross; nothing is called once an
// event.
#include <pybind11/stl.h>

#include "bindings.hpp"
#include "lob/backtest.hpp"

namespace lob::python {
namespace {

template <class T>
using Column = py::array_t<T, py::array::c_style | py::array::forcecast>;

std::unique_ptr<Backtest> make_backtest(std::string_view config_json, const std::vector<std::string>& lanes) {
  return std::make_unique<Backtest>(config_json, lanes);
}

template <class T>
std::vector<T> to_vector(const Column<T>& column) {
  return {column.data(), column.data() + column.size()};
}

void forecasts(Backtest& backtest, const Column<TsNs>& ts_ns, const Column<TsNs>& ts_step_ns,
               const Column<std::uint32_t>& model_id, const Column<float>& values) {
  if (values.ndim() != 3) throw py::value_error("forecasts: expected values float32 [N, H, V * 20]");
  backtest.forecasts({.ts_ns = to_vector(ts_ns),
                      .ts_step_ns = to_vector(ts_step_ns),
                      .model_id = to_vector(model_id),
                      .values = to_vector(values),
                      .horizon_steps = static_cast<std::size_t>(values.shape(1))});
}

std::size_t process(Backtest& backtest, py::handle block) {
  const BorrowedBuffer buffer(block);
  BlockResult result;
  {
    const py::gil_scoped_release released;
    result = backtest.process(buffer.bytes());
  }
  if (result.error != RecordError::none) {
    throw py::value_error("record " + std::to_string(result.records) + " at byte " +
                          std::to_string(result.offset) + ": " + std::string(text(result.error)));
  }
  return result.records;
}

Lane& lane_of(Backtest& backtest, std::size_t lane) {
  if (lane < backtest.lane_count()) return backtest.lane(lane);
  throw py::index_error("lane " + std::to_string(lane) + " of " + std::to_string(backtest.lane_count()));
}

py::dict drain(Backtest& backtest, std::size_t number) {
  Lane& lane = lane_of(backtest, number);
  LaneOutputs& out = lane.outputs();
  py::dict arrays;
  put_trading(out.trading, arrays);
  arrays["rejects"] = to_array(out.rejects);
  arrays["arena"] = py::bytes(out.arena);
  lane.forget_outputs();
  return arrays;
}

py::array_t<GridRecord> grid(Backtest& backtest) {
  auto rows = to_array(backtest.grid());
  backtest.grid().clear();
  return rows;
}

}  // namespace

void bind_backtest(py::module_& m) {
  PYBIND11_NUMPY_DTYPE(LaneSummary, steps, decisions, orders, refused, cancelled, rejected, expired, fills,
                       maker_fills, winning_closes, losing_closes, submitted_lots, filled_lots, turnover_e8,
                       gross_profit_e8, gross_loss_e8, fees_e8, funding_e8, spread_earned_e8, realised_e8,
                       unrealised_e8, equity_e8, max_drawdown_e8, lane, quote_group);
  py::class_<Backtest>(m, "Backtest")
      .def(py::init(&make_backtest), py::arg("config_json"), py::arg("lanes"))
      .def("forecasts", &forecasts, py::arg("ts_ns"), py::arg("ts_step_ns"), py::arg("model_id"),
           py::arg("values"))
      .def("process", &process, py::arg("block"))
      .def(
          "finish",
          [](Backtest& b, TsNs ts_ns) {
            const py::gil_scoped_release released;
            b.finish(ts_ns);
          },
          py::arg("ts_ns"))
      .def("drain", &drain, py::arg("lane"))
      .def("summary", [](const Backtest& b) { return to_array(b.summary()); })
      .def(
          "equity", [](Backtest& b, std::size_t lane) { return to_array(lane_of(b, lane).equity_e8()); },
          py::arg("lane"))
      .def("grid", &grid);
}

}  // namespace lob::python
