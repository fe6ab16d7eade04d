// features.hpp, feature_schema.hpp, normalizer.hpp, decimal.hpp: pure functions over arrays.
#include <pybind11/stl.h>

#include <bit>

#include "bindings.hpp"
#include "lob/decimal.hpp"
#include "lob/feature_schema.hpp"
#include "lob/features.hpp"
#include "lob/normalizer.hpp"

namespace lob::python {
namespace {

template <class T>
using Array = py::array_t<T, py::array::c_style | py::array::forcecast>;

template <class T>
std::span<const T> view(const Array<T>& array) {
  return {array.data(), static_cast<std::size_t>(array.size())};
}

Array<float> normalize_array(const Array<float>& features, const Array<float>& offset,
                             const Array<float>& scale, const Array<float>& lo, const Array<float>& hi) {
  Array<float> out(std::vector<py::ssize_t>(features.shape(), features.shape() + features.ndim()));
  const std::span<float> written(out.mutable_data(), static_cast<std::size_t>(out.size()));
  const NormalizerConstants constants{view(offset), view(scale), view(lo), view(hi)};
  if (!normalize(view(features), constants, written)) {
    throw py::value_error(
        "normalize: expected features [T, V, F] and constants [V, F], found sizes that do not fit");
  }
  return out;
}

Array<float> features_of_batch(const Array<std::int64_t>& price_ticks, const Array<std::int64_t>& size_units,
                               const Array<double>& flows, const Array<double>& reference_mid,
                               const Array<std::uint8_t>& row_state, double tick, double size_unit,
                               TsNs stale_ns) {
  const FeatureBatch batch{view(price_ticks),   view(size_units), view(flows),
                           view(reference_mid), view(row_state),  tick,
                           size_unit,           stale_ns};
  const auto rows = static_cast<py::ssize_t>(row_state.size());
  Array<float> out({rows, static_cast<py::ssize_t>(feature_count)});
  if (!features_batch(batch, {out.mutable_data(), static_cast<std::size_t>(out.size())})) {
    throw py::value_error(
        "features_batch: expected [T, 10], [T, 10], [T, 4], [T] and [T], found sizes that do not fit");
  }
  return out;
}

py::tuple feature_name_tuple() {
  py::tuple names(feature_count);
  for (std::size_t i = 0; i < feature_count; ++i) names[i] = py::str(std::string(feature_names[i]));
  return names;
}

/// SHA-256 is the interpreter's: the core needs no digest of its own.
std::string schema_hash(const std::vector<std::string>& venues, TsNs step_ns, std::size_t levels) {
  if (step_ns < step_ns_min)
    throw py::value_error("step_ns: expected at least " + std::to_string(step_ns_min));
  std::string text =
      "lob-features-1\nfloat32\n" + std::to_string(step_ns) + "\n" + std::to_string(levels) + "\n";
  for (const std::string_view name : feature_names) text.append(name).append("\n");
  for (const std::string& venue : venues) text.append(venue).append("\n");
  const std::vector<std::byte> golden = golden_feature_bytes(step_ns);
  const py::object digest = py::module_::import("hashlib").attr("sha256")(py::bytes(text));
  digest.attr("update")(to_bytes(golden));
  return digest.attr("hexdigest")().cast<std::string>();
}

std::int64_t parse_decimal_text(const std::string& text, const std::string& unit) {
  const std::optional<DecimalScale> scale = DecimalScale::of(unit);
  if (!scale) throw py::value_error("unit: expected a positive decimal such as 0.01, found '" + unit + "'");
  const DecimalResult result = parse_decimal(text, *scale);
  if (result.is_ok()) return result.units;
  throw py::value_error("'" + text + "' is no whole count of " + unit + ": " +
                        std::string(text_of(result.error)));
}

}  // namespace

void bind_features(py::module_& m) {
  static_assert(std::endian::native == std::endian::little);
  m.attr("FEATURE_NAMES") = feature_name_tuple();
  m.def("normalize", &normalize_array, py::arg("features"), py::arg("offset"), py::arg("scale"),
        py::arg("lo"), py::arg("hi"));
  m.def("features_batch", &features_of_batch, py::arg("price_ticks"), py::arg("size_units"), py::arg("flows"),
        py::arg("reference_mid"), py::arg("valid"), py::arg("tick"), py::arg("size_unit"),
        py::arg("stale_ns"));
  m.def("feature_schema_hash", &schema_hash, py::arg("venues"), py::arg("step_ns"), py::arg("levels"));
  m.def("parse_decimal", &parse_decimal_text, py::arg("text"), py::arg("unit"));
}

}  // namespace lob::python
