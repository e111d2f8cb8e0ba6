// OwnAddress: how others see us, by what a tracker or peers say (BEP 24, "yourip" of BEP 10). It
// decides who is preferred (BEP 40), so no single peer can set it: a peer's word counts once two
// networks say the same, and a tracker's before any. Keeps the last few words. Owned by a Swarm.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <optional>
#include <vector>

#include "torrent/endpoint.hpp"

namespace barter {

class OwnAddress {
 public:
  void told_by_tracker(const Address& address) { known_ = by_tracker_ = address; }
  // True if what is known has changed.
  bool told_by_peer(const Address& address, const Address& peer) {
    if (by_tracker_ || address.is_unspecified()) return false;
    const Address from = network(peer);
    std::erase_if(words_, [&](const Word& word) { return word.from == from; });
    if (words_.size() == max_words) words_.erase(words_.begin());
    words_.push_back({from, address});
    const auto votes = [&](const Address& of) {
      return std::count_if(words_.begin(), words_.end(),
                           [&](const Word& word) { return word.address == of; });
    };
    if (votes(address) < needed || known_ == address) return false;
    if (known_ && votes(*known_) >= votes(address)) return false;
    known_ = address;
    return true;
  }
  const std::optional<Address>& known() const { return known_; }

 private:
  struct Word {
    Address from, address;
  };
  static constexpr std::size_t max_words = 32;
  static constexpr std::ptrdiff_t needed = 2;

  // The /24, or the /48 of IPv6: whoever has one of them has many of its addresses.
  static Address network(const Address& peer) {
    if (peer.is_local()) return peer;
    if (peer.is_v4()) {
      auto bytes = peer.v4_bytes();
      bytes[3] = 0;
      return Address::v4(bytes);
    }
    auto bytes = peer.v6_bytes();
    std::fill(bytes.begin() + 6, bytes.end(), std::uint8_t{0});
    return Address::v6(bytes);
  }

  std::optional<Address> known_, by_tracker_;
  std::vector<Word> words_;
};

}  // namespace barter
