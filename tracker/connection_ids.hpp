// The connection ids of a UDP tracker (BEP 15): who sends one back has received it, so it is where
// it says. Nothing is kept for a client: an id is a keyed hash of its address and of the minute. A
// value type; no I/O.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>

#include "torrent/endpoint.hpp"
#include "torrent/siphash.hpp"
#include "torrent/time.hpp"

namespace barter::tracker {

class ConnectionIds {
 public:
  // The key is random and secret: whoever knows it speaks for any address.
  explicit ConnectionIds(SipKey key) : key_(key) {}

  std::uint64_t make(const Address& address, TimePoint now) const {
    return of(address, minute(now));
  }
  // An id lives for two minutes at least and for three at most. One of the future is as wrong as
  // one of yesterday.
  bool valid(std::uint64_t id, const Address& address, TimePoint now) const {
    bool out = false;
    for (std::int64_t age = 0; age <= 2; ++age) out |= of(address, minute(now) - age) == id;
    return out;
  }

 private:
  static std::int64_t minute(TimePoint now) {
    return std::chrono::floor<std::chrono::minutes>(now.time_since_epoch()).count();
  }
  // The port is left out: translators of addresses change it, and clients use one id for two.
  std::uint64_t of(const Address& address, std::int64_t minute) const {
    std::array<std::byte, 24> input{};
    std::size_t at = 0;
    for (const std::uint8_t byte : address.v6_bytes()) input[at++] = std::byte{byte};
    for (int shift = 0; shift < 64; shift += 8) {
      input[at++] = static_cast<std::byte>(static_cast<std::uint64_t>(minute) >> shift & 0xff);
    }
    return siphash(key_, input);
  }

  SipKey key_;
};

}  // namespace barter::tracker
