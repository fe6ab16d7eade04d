// matching.hpp: the simulated venue beside the engine.
#include "bindings.hpp"
#include "fast_frame.hpp"
#include "lob/config.hpp"
#include "lob/matching.hpp"

namespace lob::python {
namespace {

std::unique_ptr<SimVenue> make_venue(std::string_view config_json) {
  const EngineConfig config = parse_config(config_json);
  return std::make_unique<SimVenue>(config.instruments, config.sources, config.feed, config.matching);
}

void submit(SimVenue& venue, const py::array_t<OrderRequestRecord, py::array::c_style>& requests,
            TsNs ts_ns) {
  const std::span<const OrderRequestRecord> rows(requests.data(), static_cast<std::size_t>(requests.size()));
  for (const OrderRequestRecord& request : rows) venue.submit(request, ts_ns);
}

py::list due(SimVenue& venue, TsNs ts_ns) {
  std::vector<TimedReply> replies;
  venue.due(ts_ns, replies);
  py::list out;
  for (const TimedReply& reply : replies) {
    const SimReplyBytes bytes = encode(reply.reply);
    out.append(py::make_tuple(reply.ts_ns, to_bytes(bytes)));
  }
  return out;
}

}  // namespace

void bind_matching(py::module_& m) {
  py::class_<SimVenue> venue(m, "SimVenue");
  venue.def(py::init(&make_venue), py::arg("config_json"))
      .def("submit", &submit, py::arg("order_requests"), py::arg("ts_ns"))
      .def("due", &due, py::arg("ts_ns"))
      .def("next_ts_ns", [](const SimVenue& v) -> py::object {
        const auto ts_ns = v.next_ts_ns();
        return ts_ns ? py::object(py::int_(*ts_ns)) : py::object(py::none());
      });
  add_frame_method<SimVenue>(venue, [](SimVenue& v, const FrameArguments& a) {
    v.on_frame(a.seq, a.connection, a.ts_recv_ns, a.data);
    return v.exposed_count() +
           (v.next_ts_ns() ? 1U : 0U);  // 0: nothing of ours can change with the next frame
  });
}

}  // namespace lob::python
