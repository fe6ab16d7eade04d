#include "lob/record.hpp"

#include <doctest/doctest.h>

#include <cstring>
#include <string_view>

using namespace lob;

namespace {

Bytes bytes_of(std::string_view text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}

RecordHeader header(std::uint64_t seq, TsNs ts_ns, RecordKind kind = RecordKind::frame,
                    std::uint16_t source = 0) {
  return {0, static_cast<std::uint8_t>(kind), record_version, source, seq, ts_ns};
}

std::vector<std::byte> block_of(std::initializer_list<std::pair<std::uint64_t, TsNs>> seq_and_time) {
  std::vector<std::byte> block;
  for (const auto& [seq, ts_ns] : seq_and_time) append_record(header(seq, ts_ns), bytes_of("x"), block);
  return block;
}

}  // namespace

TEST_CASE("the checksum is CRC-32C as published: 123456789 gives E3069283") {
  CHECK(crc32c(bytes_of("123456789")) == 0xE3069283U);
  CHECK(crc32c({}) == 0U);
}

TEST_CASE("a record comes back as it was written") {
  std::vector<std::byte> block;
  append_record(header(7, 123456789, RecordKind::command, 3), bytes_of("{\"op\":\"halt\"}"), block);

  RecordReader reader(block);
  const auto record = reader.next();

  REQUIRE(record);
  CHECK(record->header.seq == 7);
  CHECK(record->header.ts_ns == 123456789);
  CHECK(record->header.source == 3);
  CHECK(record->header.kind == static_cast<std::uint8_t>(RecordKind::command));
  CHECK(std::memcmp(record->payload.data(), "{\"op\":\"halt\"}", 13) == 0);
  CHECK_FALSE(reader.next());
  CHECK(reader.error() == RecordError::none);
}

TEST_CASE("every changed byte of a record is noticed") {
  std::vector<std::byte> block;
  append_record(header(7, 9), bytes_of("payload"), block);
  for (std::size_t i = 0; i < block.size(); ++i) {
    std::vector<std::byte> damaged = block;
    damaged[i] ^= std::byte{0x40};
    RecordReader reader(damaged);
    CHECK_FALSE(reader.next());
    CHECK(reader.error() != RecordError::none);
    CHECK(reader.offset() == 0);
  }
}

TEST_CASE("every cut of a block is noticed, and whole records before it are kept") {
  const std::vector<std::byte> block = block_of({{1, 10}, {2, 20}});
  const std::size_t half = block.size() / 2;
  for (std::size_t length = 1; length < block.size(); ++length) {
    RecordReader reader(Bytes(block).first(length));
    std::size_t whole = 0;
    while (reader.next()) ++whole;
    CHECK(whole == length / half);
    CHECK((reader.error() == RecordError::none) == (length % half == 0));
  }
}

TEST_CASE("blocks merge by time, then run, then sequence number") {
  const std::vector<std::byte> late_run = block_of({{1, 10}, {2, 20}, {3, 20}});
  const std::vector<std::byte> early_run_a = block_of({{5, 20}});
  const std::vector<std::byte> early_run_b = block_of({{4, 20}, {6, 30}});
  const MergeBlock blocks[] = {{late_run, 1, 100}, {early_run_a, 0, 0}, {early_run_b, 0, 10}};

  std::vector<std::byte> merged;
  CHECK(merge_records(blocks, merged).error == RecordError::none);

  std::vector<std::pair<std::uint64_t, int>> order;
  RecordReader reader(merged);
  while (auto record = reader.next()) order.emplace_back(record->header.seq, record->header.source);
  const std::vector<std::pair<std::uint64_t, int>> expected{{1, 100}, {4, 10},  {5, 0},
                                                            {2, 100}, {3, 100}, {6, 10}};
  CHECK(order == expected);
}

TEST_CASE("a damaged block is named and nothing is merged") {
  const std::vector<std::byte> good = block_of({{1, 10}});
  std::vector<std::byte> bad = block_of({{1, 10}, {2, 20}});
  bad.pop_back();
  const MergeBlock blocks[] = {{good, 0, 0}, {bad, 0, 0}};

  std::vector<std::byte> merged;
  const MergeResult result = merge_records(blocks, merged);

  CHECK(result.error == RecordError::truncated);
  CHECK(result.block == 1);
  CHECK(result.offset == bad.size() / 2 + 0U + (bad.size() % 2));
  CHECK(merged.empty());
}
