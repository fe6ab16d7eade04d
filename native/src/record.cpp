#include "lob/record.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>

#if defined(__x86_64__)
#include <nmmintrin.h>
#endif

namespace lob {
namespace {

static_assert(std::endian::native == std::endian::little, "records are written as they lie in memory");

constexpr std::uint32_t castagnoli_reflected = 0x82F63B78U;

constexpr std::array<std::uint32_t, 256> make_crc_table() {
  std::array<std::uint32_t, 256> table{};
  for (std::uint32_t i = 0; i < 256; ++i) {
    std::uint32_t crc = i;
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1U) ^ ((crc & 1U) != 0U ? castagnoli_reflected : 0U);
    table[i] = crc;
  }
  return table;
}
constexpr auto crc_table = make_crc_table();

std::uint32_t crc_portable(Bytes data, std::uint32_t crc) noexcept {
  for (const std::byte byte : data) {
    crc = crc_table[(crc ^ std::to_integer<std::uint32_t>(byte)) & 0xFFU] ^ (crc >> 8U);
  }
  return crc;
}

#if defined(__x86_64__)
__attribute__((target("sse4.2"))) std::uint32_t crc_hardware(Bytes data, std::uint32_t crc) noexcept {
  std::uint64_t wide = crc;
  std::size_t i = 0;
  for (; i + 8 <= data.size(); i += 8) {
    std::uint64_t word = 0;
    std::memcpy(&word, data.data() + i, sizeof word);
    wide = _mm_crc32_u64(wide, word);
  }
  crc = static_cast<std::uint32_t>(wide);
  for (; i < data.size(); ++i) crc = _mm_crc32_u8(crc, std::to_integer<std::uint8_t>(data[i]));
  return crc;
}
#endif

template <class T>
void append_raw(const T& value, std::vector<std::byte>& out) {
  const auto* bytes = reinterpret_cast<const std::byte*>(&value);
  out.insert(out.end(), bytes, bytes + sizeof value);
}

struct MergeEntry {
  Record record;
  std::uint32_t run;
  std::uint16_t source_offset;
};

RecordError collect(const MergeBlock& block, std::vector<MergeEntry>& entries, std::size_t& offset) {
  RecordReader reader(block.records);
  while (auto record = reader.next()) {
    if (record->header.kind == static_cast<std::uint8_t>(RecordKind::header)) continue;
    entries.push_back({*record, block.run, block.source_offset});
  }
  offset = reader.offset();
  return reader.error();
}

bool before(const MergeEntry& a, const MergeEntry& b) noexcept {
  if (a.record.header.ts_ns != b.record.header.ts_ns) return a.record.header.ts_ns < b.record.header.ts_ns;
  if (a.run != b.run) return a.run < b.run;
  return a.record.header.seq < b.record.header.seq;
}

}  // namespace

std::string_view text(RecordError error) noexcept {
  switch (error) {
    case RecordError::none:
      return "no error";
    case RecordError::truncated:
      return "the block ends inside the record";
    case RecordError::bad_kind:
      return "unknown record kind";
    case RecordError::bad_version:
      return "unknown record version";
    case RecordError::too_long:
      return "payload longer than the limit";
    case RecordError::bad_crc:
      return "checksum does not match";
  }
  return "unknown error";
}

std::uint32_t crc32c(Bytes data) noexcept {
#if defined(__x86_64__)
  static const bool has_hardware = __builtin_cpu_supports("sse4.2") != 0;
  if (has_hardware) return ~crc_hardware(data, ~0U);
#endif
  return ~crc_portable(data, ~0U);
}

void append_record(const RecordHeader& header, Bytes payload, std::vector<std::byte>& out) {
  const std::size_t start = out.size();
  RecordHeader written = header;
  written.length = static_cast<std::uint32_t>(payload.size());
  written.version = record_version;
  append_raw(written, out);
  out.insert(out.end(), payload.begin(), payload.end());
  append_raw(crc32c(Bytes(out).subspan(start)), out);
}

RecordError RecordReader::check(const RecordHeader& header, Bytes rest) const noexcept {
  if (header.kind >= record_kind_count) return RecordError::bad_kind;
  if (header.version != record_version) return RecordError::bad_version;
  if (header.length > record_payload_bytes_max) return RecordError::too_long;
  const std::size_t body = record_header_bytes + header.length;
  if (rest.size() < body + record_crc_bytes) return RecordError::truncated;
  std::uint32_t crc = 0;
  std::memcpy(&crc, rest.data() + body, sizeof crc);
  return crc == crc32c(rest.first(body)) ? RecordError::none : RecordError::bad_crc;
}

std::optional<Record> RecordReader::next() noexcept {
  const Bytes rest = block_.subspan(offset_);
  if (rest.empty() || error_ != RecordError::none) return std::nullopt;
  RecordHeader header{};
  if (rest.size() < record_header_bytes) {
    error_ = RecordError::truncated;
    return std::nullopt;
  }
  std::memcpy(&header, rest.data(), sizeof header);
  error_ = check(header, rest);
  if (error_ != RecordError::none) return std::nullopt;
  offset_ += record_header_bytes + header.length + record_crc_bytes;
  return Record{header, rest.subspan(record_header_bytes, header.length)};
}

MergeResult merge_records(std::span<const MergeBlock> blocks, std::vector<std::byte>& out) {
  std::vector<MergeEntry> entries;
  std::size_t bytes = 0;
  MergeResult result;
  for (; result.block < blocks.size(); ++result.block) {
    bytes += blocks[result.block].records.size();
    result.error = collect(blocks[result.block], entries, result.offset);
    if (result.error != RecordError::none) return result;
  }
  std::stable_sort(entries.begin(), entries.end(), before);
  out.clear();
  out.reserve(bytes);
  for (const MergeEntry& entry : entries) {
    RecordHeader header = entry.record.header;
    header.source = static_cast<std::uint16_t>(header.source + entry.source_offset);
    append_record(header, entry.record.payload, out);
  }
  return result;
}

}  // namespace lob
