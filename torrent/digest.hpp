// Digests and the identifiers made of them: plain values, ordered by their bytes.
#pragma once

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace barter {

// N bytes with a meaning. The tag keeps a PeerId from being taken for a Sha1Digest.
template <std::size_t N, class Tag>
struct FixedBytes {
  static constexpr std::size_t size = N;
  std::array<std::byte, N> bytes{};

  friend auto operator<=>(const FixedBytes&, const FixedBytes&) = default;

  // Exactly N bytes, or nothing.
  static std::optional<FixedBytes> from(std::string_view raw) {
    if (raw.size() != N) return std::nullopt;
    FixedBytes out;
    std::memcpy(out.bytes.data(), raw.data(), N);
    return out;
  }
  std::string_view view() const { return {reinterpret_cast<const char*>(bytes.data()), N}; }
  bool is_zero() const { return *this == FixedBytes{}; }
};

using Sha1Digest = FixedBytes<20, struct Sha1Tag>;
using Sha256Digest = FixedBytes<32, struct Sha256Tag>;
// Identifies a client in a swarm (BEP 3, BEP 20): our own is random for each run.
using PeerId = FixedBytes<20, struct PeerIdTag>;
// What travels in handshakes and announces: a v1 info-hash, or a v2 one cut to 20 bytes (BEP 52).
using WireInfoHash = FixedBytes<20, struct WireInfoHashTag>;

// The hash of the info dictionary: v1 (SHA-1), v2 (SHA-256), or both
// for a hybrid (BEP 52). At least one is set.
struct InfoHash {
  std::optional<Sha1Digest> v1;
  std::optional<Sha256Digest> v2;
  friend bool operator==(const InfoHash&, const InfoHash&) = default;

  // The hash under which this torrent is announced: v1 where there is one.
  WireInfoHash wire() const {
    WireInfoHash out;
    std::memcpy(out.bytes.data(), v1 ? v1->bytes.data() : v2->bytes.data(), 20);
    return out;
  }
};

// Lower-case hexadecimal.
std::string to_hex(std::span<const std::byte> bytes);
template <std::size_t N, class Tag>
std::string to_hex(const FixedBytes<N, Tag>& value) {
  return to_hex(std::span<const std::byte>(value.bytes));
}
// Upper or lower case; nothing unless `hex` is exactly 2 * out.size() digits.
bool from_hex(std::string_view hex, std::span<std::byte> out);

inline std::span<const std::byte> as_bytes(std::string_view text) {
  return {reinterpret_cast<const std::byte*>(text.data()), text.size()};
}
inline std::string_view as_text(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

}  // namespace barter

// Digests are uniform already, so eight of their bytes are a hash. Peers choose PeerIds and
// info-hashes though: where an attacker gains by collisions, key the table (tracker/registry does).
template <std::size_t N, class Tag>
struct std::hash<barter::FixedBytes<N, Tag>> {
  std::size_t operator()(const barter::FixedBytes<N, Tag>& value) const noexcept {
    std::size_t out = 0;
    std::memcpy(&out, value.bytes.data() + N - sizeof out, sizeof out);
    return out;
  }
};
