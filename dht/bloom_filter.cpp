#include "dht/bloom_filter.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <utility>

#include "torrent/sha.hpp"

namespace barter::dht {

namespace {

constexpr unsigned bit_count = BloomFilter::bytes * 8;

std::pair<unsigned, unsigned> bits_of(const Address& address) {
  const Sha1Digest digest = sha1(as_bytes(address.view()));
  const auto number = [&](std::size_t i) {
    return (std::to_integer<unsigned>(digest.bytes[i]) |
            std::to_integer<unsigned>(digest.bytes[i + 1]) << 8) %
           bit_count;
  };
  return {number(0), number(2)};
}

}  // namespace

std::optional<BloomFilter> BloomFilter::from(std::string_view raw) {
  if (raw.size() != bytes) return std::nullopt;
  BloomFilter out;
  std::memcpy(out.bits_.data(), raw.data(), bytes);
  return out;
}

void BloomFilter::insert(const Address& address) {
  const auto [a, b] = bits_of(address);
  bits_[a / 8] = static_cast<std::uint8_t>(bits_[a / 8] | 1u << a % 8);
  bits_[b / 8] = static_cast<std::uint8_t>(bits_[b / 8] | 1u << b % 8);
}

void BloomFilter::unite(const BloomFilter& other) {
  for (std::size_t i = 0; i < bytes; ++i) bits_[i] |= other.bits_[i];
}

bool BloomFilter::contains(const Address& address) const {
  const auto [a, b] = bits_of(address);
  return (bits_[a / 8] >> a % 8 & 1) != 0 && (bits_[b / 8] >> b % 8 & 1) != 0;
}

double BloomFilter::estimate() const {
  int ones = 0;
  for (const std::uint8_t byte : bits_) ones += std::popcount(byte);
  constexpr double m = bit_count;
  const double zeros = std::min(m - 1, m - ones);
  if (ones == 0) return 0;
  // A full filter: as if one bit were free.
  return std::log(std::max(zeros, 1.0) / m) / (2 * std::log(1 - 1 / m));
}

std::string_view BloomFilter::view() const {
  return {reinterpret_cast<const char*>(bits_.data()), bytes};
}

}  // namespace barter::dht
