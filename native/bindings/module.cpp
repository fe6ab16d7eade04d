// Table of contents of the extension module.
#include "bindings.hpp"

PYBIND11_MODULE(_native, m) {
  namespace python = lob::python;
  m.doc() = "The deterministic core: records, books, features, engine, simulated venue and backtest.";
  python::bind_records(m);
  python::bind_dtypes(m);
  python::bind_features(m);
  python::bind_engine(m);
  python::bind_matching(m);
  python::bind_backtest(m);
  python::bind_risk(m);
}
