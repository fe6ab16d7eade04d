// One record form for raw segments and journals.
//
//   length u32 | kind u8 | version u8 | source u16 | seq u64 | ts_ns i64 | payload | crc32c u32
//
// Little-endian, no padding; the checksum covers header and payload. Compression wraps blocks of records
// and is not seen here.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "lob/types.hpp"

namespace lob {

enum class RecordKind : std::uint8_t {
  header = 0,       ///< JSON: settings, instruments, sources; the first record of a file
  frame = 1,        ///< bytes exactly as received
  timer = 2,        ///< empty
  forecast = 3,     ///< ForecastPrefix, then float32 values
  command = 4,      ///< JSON
  request = 5,      ///< when a REST request left; the engine ignores it
  output_hash = 6,  ///< journals: hash chain of the outputs so far
  wishes = 7,       ///< WishesPrefix, then WishRow: what a strategy outside the core wants
};
inline constexpr std::uint8_t record_kind_count = 8;
inline constexpr std::uint8_t record_version = 1;
inline constexpr std::size_t record_header_bytes = 24;
inline constexpr std::size_t record_crc_bytes = 4;
inline constexpr std::uint32_t record_payload_bytes_max = 64U << 20U;

struct RecordHeader {
  std::uint32_t length;
  std::uint8_t kind;
  std::uint8_t version;
  std::uint16_t source;
  std::uint64_t seq;
  TsNs ts_ns;
};
static_assert(sizeof(RecordHeader) == record_header_bytes);

/// What stands before the values in the payload of a forecast record.
struct ForecastPrefix {
  TsNs ts_step_ns;
  std::uint32_t model_id;
  std::uint32_t horizon_steps;
};
static_assert(sizeof(ForecastPrefix) == 16);

/// What stands before the rows in the payload of a wishes record.
struct WishesPrefix {
  TsNs ts_step_ns;
  std::uint32_t strategy;  ///< index of the external strategy in the engine's document
  std::uint32_t count;     ///< rows that follow
};
static_assert(sizeof(WishesPrefix) == 16);

/// One wish as it crosses: see strategy.hpp.
struct WishRow {
  std::uint32_t slot;
  std::uint32_t action;
  std::int64_t target_units;
  std::int64_t limit_ticks;
  std::int64_t bid_price_ticks;
  std::int64_t bid_size_units;
  std::int64_t ask_price_ticks;
  std::int64_t ask_size_units;
  double expected_bps;
  double cost_bps;
};
static_assert(sizeof(WishRow) == 72);

struct Record {
  RecordHeader header;
  Bytes payload;
};

enum class RecordError : std::uint8_t { none, truncated, bad_kind, bad_version, too_long, bad_crc };
[[nodiscard]] std::string_view text(RecordError error) noexcept;

/// CRC-32C (Castagnoli), as iSCSI and ext4 use it.
[[nodiscard]] std::uint32_t crc32c(Bytes data) noexcept;

/// Appends one record to `out`.
void append_record(const RecordHeader& header, Bytes payload, std::vector<std::byte>& out);

/// Walks the records of a block; stops at the end or at the first damaged one.
class RecordReader {
 public:
  explicit RecordReader(Bytes block) noexcept : block_(block) {}

  /// The next record, or nothing at the end and on damage: ask `error()` which.
  [[nodiscard]] std::optional<Record> next() noexcept;
  [[nodiscard]] RecordError error() const noexcept { return error_; }
  /// Byte offset of the record to be read next, or of the damaged one.
  [[nodiscard]] std::size_t offset() const noexcept { return offset_; }

 private:
  [[nodiscard]] RecordError check(const RecordHeader& header, Bytes rest) const noexcept;

  Bytes block_;
  std::size_t offset_ = 0;
  RecordError error_ = RecordError::none;
};

/// How the reading of a block ended.
struct BlockResult {
  std::size_t records = 0;  ///< applied
  std::size_t offset = 0;   ///< byte of the damaged record
  RecordError error = RecordError::none;
};

/// Calls apply(record) for each record of a block, up to its end or the first damage.
template <class Apply>
BlockResult for_each_record(Bytes block, Apply apply) {
  BlockResult result;
  RecordReader reader(block);
  while (const auto record = reader.next()) {
    apply(*record);
    ++result.records;
  }
  result.offset = reader.offset();
  result.error = reader.error();
  return result;
}

/// A block to be merged: its run decides ties of time, and its sources are moved by an offset so that the
/// sources of several runs stay apart in one engine.
struct MergeBlock {
  Bytes records;
  std::uint32_t run = 0;
  std::uint16_t source_offset = 0;
};

struct MergeResult {
  RecordError error = RecordError::none;
  std::size_t block = 0;   ///< of the damaged record
  std::size_t offset = 0;  ///< byte within that block
};

/// Merges blocks into one, by (ts_ns, run, seq). Header records are left out; `out` is whole only without
/// error.
[[nodiscard]] MergeResult merge_records(std::span<const MergeBlock> blocks, std::vector<std::byte>& out);

}  // namespace lob
