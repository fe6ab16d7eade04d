// record.hpp: one record form for segments and journals.
#include "bindings.hpp"
#include "lob/record.hpp"

namespace lob::python {
namespace {

/// One row of `scan_records`.
struct ScannedRecord {
  std::uint64_t seq;
  TsNs ts_ns;
  std::uint64_t offset;  ///< of the payload within the block
  std::uint32_t length;
  std::uint16_t source;
  std::uint8_t kind;
  std::uint8_t version;
};

[[noreturn]] void throw_damaged(std::size_t record, std::size_t offset, RecordError error) {
  throw py::value_error("record " + std::to_string(record) + " at byte " + std::to_string(offset) + ": " +
                        std::string(text(error)));
}

py::bytes encode_record(std::uint8_t kind, std::uint16_t source, std::uint64_t seq, TsNs ts_ns,
                        py::handle payload) {
  if (kind >= record_kind_count) throw py::value_error("record kind " + std::to_string(kind) + " is unknown");
  const BorrowedBuffer data(payload);
  if (data.bytes().size() > record_payload_bytes_max) throw py::value_error("record payload is over 64 MiB");
  std::vector<std::byte> out;
  out.reserve(record_header_bytes + data.bytes().size() + record_crc_bytes);
  append_record({0, kind, record_version, source, seq, ts_ns}, data.bytes(), out);
  return to_bytes(out);
}

py::array_t<ScannedRecord> scan_records(py::handle block) {
  const BorrowedBuffer buffer(block);
  const Bytes bytes = buffer.bytes();
  std::vector<ScannedRecord> rows;
  RecordReader reader(bytes);
  while (auto record = reader.next()) {
    const RecordHeader& h = record->header;
    rows.push_back({h.seq, h.ts_ns, static_cast<std::uint64_t>(record->payload.data() - bytes.data()),
                    h.length, h.source, h.kind, h.version});
  }
  if (reader.error() != RecordError::none) throw_damaged(rows.size(), reader.offset(), reader.error());
  return to_array(rows);
}

template <class T>
T item_or(const py::object& list, std::size_t i, T otherwise) {
  return list.is_none() ? otherwise : py::cast<T>(list[py::int_(i)]);
}

py::bytes merge_blocks(const py::list& blocks, const py::object& runs, const py::object& source_offsets) {
  std::vector<std::unique_ptr<BorrowedBuffer>> buffers;
  std::vector<MergeBlock> views;
  for (std::size_t i = 0; i < blocks.size(); ++i) {
    buffers.push_back(std::make_unique<BorrowedBuffer>(blocks[i]));
    views.push_back({buffers.back()->bytes(), item_or<std::uint32_t>(runs, i, 0),
                     item_or<std::uint16_t>(source_offsets, i, 0)});
  }
  std::vector<std::byte> out;
  MergeResult result;
  {
    const py::gil_scoped_release released;
    result = merge_records(views, out);
  }
  if (result.error != RecordError::none) {
    throw py::value_error("block " + std::to_string(result.block) + " at byte " +
                          std::to_string(result.offset) + ": " + std::string(text(result.error)));
  }
  return to_bytes(out);
}

}  // namespace

void bind_records(py::module_& m) {
  PYBIND11_NUMPY_DTYPE(ScannedRecord, seq, ts_ns, offset, length, source, kind, version);
  m.def("encode_record", &encode_record, py::arg("kind"), py::arg("source"), py::arg("seq"), py::arg("ts_ns"),
        py::arg("payload"));
  m.def("scan_records", &scan_records, py::arg("block"));
  m.def("merge_blocks", &merge_blocks, py::arg("blocks"), py::arg("runs") = py::none(),
        py::arg("source_offsets") = py::none());
  m.def("crc32c", [](py::handle data) { return crc32c(BorrowedBuffer(data).bytes()); }, py::arg("data"));
}

}  // namespace lob::python
