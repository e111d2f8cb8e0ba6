// BloomFilter: a set of addresses of which only the size can be told, and that unites with others
// (BEP 33). A value type.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

#include "torrent/endpoint.hpp"

namespace barter::dht {

class BloomFilter {
 public:
  static constexpr std::size_t bytes = 256;
  static std::optional<BloomFilter> from(std::string_view raw);

  void insert(const Address& address);
  void unite(const BloomFilter& other);
  bool contains(const Address& address) const;
  double estimate() const;  // how many addresses are in it; breaks down beyond some 6000
  std::string_view view() const;
  friend bool operator==(const BloomFilter&, const BloomFilter&) = default;

 private:
  std::array<std::uint8_t, bytes> bits_{};
};

}  // namespace barter::dht
