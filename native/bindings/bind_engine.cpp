// engine.hpp: set-up and drains are plain pybind11; the frame call, once a market event, is METH_FASTCALL.
#include <pybind11/stl.h>

#include "bindings.hpp"
#include "fast_frame.hpp"
#include "lob/engine.hpp"

namespace lob::python {
namespace {

using Forecast = py::array_t<float, py::array::c_style | py::array::forcecast>;

std::size_t forecast(Engine& engine, std::uint64_t seq, TsNs ts_ns, TsNs step_ts_ns, std::uint32_t model_id,
                     const Forecast& values) {
  if (values.ndim() != 2) throw py::value_error("forecast: expected float32 [H, V * 20]");
  engine.forecast(seq, ts_ns, step_ts_ns, model_id, {values.data(), static_cast<std::size_t>(values.size())},
                  static_cast<std::size_t>(values.shape(0)));
  return engine.outputs().count();
}

std::size_t process(Engine& engine, py::handle block) {
  const BorrowedBuffer buffer(block);
  BlockResult result;
  {
    const py::gil_scoped_release released;
    result = engine.process(buffer.bytes());
  }
  if (result.error != RecordError::none) {
    throw py::value_error("record " + std::to_string(result.records) + " at byte " +
                          std::to_string(result.offset) + ": " + std::string(text(result.error)));
  }
  return engine.outputs().count();
}

py::dict drain(Engine& engine) {
  EngineOutputs& out = engine.outputs();
  py::dict arrays;
  arrays["book_updates"] = to_array(out.market.book_updates);
  arrays["book_snapshots"] = to_array(out.book_snapshots);
  arrays["trades"] = to_array(out.market.trades);
  arrays["quotes"] = to_array(out.market.quotes);
  arrays["feed_events"] = to_array(out.market.feed_events);
  arrays["gaps"] = to_array(out.market.gaps);
  arrays["feed_requests"] = to_array(out.market.requests);
  arrays["rejects"] = to_array(out.market.rejects);
  arrays["grid"] = to_array(out.grid);
  put_trading(out.trading, arrays);
  arrays["cross_market"] = to_array(out.cross_market);
  arrays["arena"] = py::bytes(out.arena);
  out.clear();
  return arrays;
}

void check_instrument(const Engine& engine, std::uint32_t instrument) {
  if (instrument >= engine.market().instrument_count()) {
    throw py::index_error("instrument " + std::to_string(instrument) + " is not in the table of " +
                          std::to_string(engine.market().instrument_count()));
  }
}

py::array_t<std::int64_t> levels_of(const OrderBook& book, Side side, std::size_t count) {
  std::vector<Level> levels(std::min(count, book.level_count(side)));
  levels.resize(book.top(side, levels));
  py::array_t<std::int64_t> out({static_cast<py::ssize_t>(levels.size()), py::ssize_t{2}});
  auto rows = out.mutable_unchecked<2>();
  for (std::size_t i = 0; i < levels.size(); ++i) {
    rows(static_cast<py::ssize_t>(i), 0) = levels[i].price.value;
    rows(static_cast<py::ssize_t>(i), 1) = levels[i].size.value;
  }
  return out;
}

py::tuple book(const Engine& engine, std::uint32_t instrument, std::size_t levels) {
  check_instrument(engine, instrument);
  const OrderBook& book = engine.market().book(instrument);
  return py::make_tuple(levels_of(book, Side::bid, levels), levels_of(book, Side::ask, levels));
}

std::string feed_state(const Engine& engine, std::uint32_t instrument) {
  check_instrument(engine, instrument);
  return std::string(text_of(engine.market().state(instrument)));
}

const Sampler& sampler_of(const Engine& engine) {
  if (engine.sampler() == nullptr) throw py::value_error("this engine has no grid");
  return *engine.sampler();
}

py::tuple window(const Engine& engine, std::size_t steps) {
  const Sampler& sampler = sampler_of(engine);
  const GridWindow view = sampler.window(steps);
  if (view.features.empty()) {
    throw py::value_error("window: expected at least " + std::to_string(steps) + " closed steps, found " +
                          std::to_string(sampler.known_steps()));
  }
  const auto slots = static_cast<py::ssize_t>(sampler.config().slots.size());
  const auto rows = static_cast<py::ssize_t>(steps);
  py::array_t<float> features({rows, slots, static_cast<py::ssize_t>(feature_count)});
  py::array_t<std::uint8_t> valid({rows, slots});
  std::memcpy(features.mutable_data(), view.features.data(), view.features.size_bytes());
  std::memcpy(valid.mutable_data(), view.valid.data(), view.valid.size_bytes());
  return py::make_tuple(view.ts_step_ns, features, valid);
}

py::dict counters(const Engine& engine) {
  const MarketCounters& market = engine.market().counters();
  py::dict out;
  out["frames"] = market.frames;
  out["ignored"] = market.ignored;
  out["unknown_symbols"] = market.unknown_symbols;
  out["rejected"] = market.rejected;
  out["depth_applied"] = market.depth_applied;
  out["depth_older"] = market.depth_older;
  out["snapshots_applied"] = market.snapshots_applied;
  out["snapshots_unused"] = market.snapshots_unused;
  out["gaps"] = market.gaps;
  out["requests"] = market.requests;
  out["steps_closed"] = engine.steps_closed();
  return out;
}

void restore(Engine& engine, py::handle data) {
  const BorrowedBuffer buffer(data);
  const Bytes bytes = buffer.bytes();
  if (!engine.restore({reinterpret_cast<const char*>(bytes.data()), bytes.size()})) {
    throw py::value_error("checkpoint: not one of an engine with these instruments, grid and trader");
  }
}

}  // namespace

void put_trading(const TradingOutputs& out, py::dict& arrays) {
  arrays["decisions"] = to_array(out.decisions);
  arrays["order_requests"] = to_array(out.orders);
  arrays["order_events"] = to_array(out.order_events);
  arrays["fills"] = to_array(out.fills);
  arrays["positions"] = to_array(out.positions);
  arrays["state_events"] = to_array(out.state_events);
  arrays["funding"] = to_array(out.funding);
  arrays["equity"] = to_array(out.equity);
  arrays["risk_events"] = to_array(out.risk_events);
}

void bind_engine(py::module_& m) {
  py::class_<Engine> engine(m, "Engine");
  engine.def(py::init<std::string_view>(), py::arg("config_json"))
      .def(
          "timer",
          [](Engine& e, std::uint64_t seq, TsNs ts_ns) {
            e.timer(seq, ts_ns);
            return e.outputs().count();
          },
          py::arg("seq"), py::arg("ts_ns"))
      .def("forecast", &forecast, py::arg("seq"), py::arg("ts_ns"), py::arg("step_ts_ns"),
           py::arg("model_id"), py::arg("values"))
      .def(
          "command",
          [](Engine& e, std::uint64_t seq, TsNs ts_ns, py::handle data) {
            e.command(seq, ts_ns, BorrowedBuffer(data).bytes());
            return e.outputs().count();
          },
          py::arg("seq"), py::arg("ts_ns"), py::arg("data"))
      .def(
          "wishes",
          [](Engine& e, std::uint64_t seq, TsNs ts_ns, py::handle data) {
            e.wishes(seq, ts_ns, BorrowedBuffer(data).bytes());
            return e.outputs().count();
          },
          py::arg("seq"), py::arg("ts_ns"), py::arg("data"))
      .def("process", &process, py::arg("block"))
      .def("drain", &drain)
      .def("book", &book, py::arg("instrument_id"), py::arg("levels"))
      .def("feed_state", &feed_state, py::arg("instrument_id"))
      .def("window", &window, py::arg("steps"))
      .def("steps_closed", &Engine::steps_closed)
      .def("checkpoint", [](const Engine& e) { return py::bytes(e.checkpoint()); })
      .def("restore", &restore, py::arg("data"))
      .def("counters", &counters);
  add_frame_method<Engine>(engine, [](Engine& e, const FrameArguments& a) {
    e.frame(a.seq, a.connection, a.ts_recv_ns, a.data);
    return e.outputs().count();
  });
}

}  // namespace lob::python
