// One decoder for all venues: bytes of a frame in, typed events or an error value out.
#pragma once

#include <memory>
#include <span>

#include "lob/decode/events.hpp"
#include "lob/instrument.hpp"
#include "lob/types.hpp"

namespace lob {

/// Longest frame accepted: a 5000-level spot snapshot is about 250 kB.
inline constexpr std::size_t frame_bytes_max = std::size_t{8} << 20;

/// Owns the JSON parser and all reused buffers; allocates only while these grow. Not thread-safe.
class Decoder {
 public:
  /// Throws std::invalid_argument with make_scale's text, or on a venue and symbol listed twice.
  explicit Decoder(std::span<const InstrumentSpec> instruments);
  ~Decoder();
  Decoder(Decoder&&) noexcept;
  Decoder& operator=(Decoder&&) noexcept;

  /// Decodes one frame of `source`. The frame is borrowed, copied once into a padded buffer, and not kept.
  /// After an error `decoded()` is of kind ignored.
  [[nodiscard]] DecodeStatus decode(const SourceSpec& source, Bytes frame);
  [[nodiscard]] const Decoded& decoded() const noexcept;
  [[nodiscard]] const InstrumentScale& scale(InstrumentId instrument) const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace lob
