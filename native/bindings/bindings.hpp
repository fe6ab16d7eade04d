// What the binding files share: registration functions, and arrays made from vectors.
#pragma once

#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>

#include <cstring>
#include <vector>

#include "lob/trader.hpp"
#include "lob/types.hpp"

namespace lob::python {

namespace py = pybind11;

void bind_records(py::module_& m);
void bind_dtypes(py::module_& m);
void bind_features(py::module_& m);
void bind_engine(py::module_& m);
void bind_matching(py::module_& m);
void bind_risk(py::module_& m);
void bind_backtest(py::module_& m);

/// Copies every kind of trading record into `arrays`, under its output name.
void put_trading(const TradingOutputs& out, py::dict& arrays);

/// A numpy structured array holding a copy of `rows`.
template <class T>
py::array_t<T> to_array(const std::vector<T>& rows) {
  py::array_t<T> array(static_cast<py::ssize_t>(rows.size()));
  if (!rows.empty()) std::memcpy(array.mutable_data(), rows.data(), rows.size() * sizeof(T));
  return array;
}

inline py::bytes to_bytes(std::span<const std::byte> data) {
  return py::bytes(reinterpret_cast<const char*>(data.data()), data.size());
}

/// A borrowed view of any contiguous Python buffer; valid while `view` lives.
class BorrowedBuffer {
 public:
  explicit BorrowedBuffer(py::handle object) {
    if (PyObject_GetBuffer(object.ptr(), &view_, PyBUF_SIMPLE) != 0) throw py::error_already_set();
  }
  BorrowedBuffer(const BorrowedBuffer&) = delete;
  BorrowedBuffer& operator=(const BorrowedBuffer&) = delete;
  ~BorrowedBuffer() { PyBuffer_Release(&view_); }
  [[nodiscard]] Bytes bytes() const noexcept {
    return {static_cast<const std::byte*>(view_.buf), static_cast<std::size_t>(view_.len)};
  }

 private:
  Py_buffer view_{};
};

}  // namespace lob::python
