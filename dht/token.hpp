// Tokens: what get_peers and get hand out so that announce_peer and put prove an address (BEP 5).
// Stateless: a keyed hash of address, target and time, good for 5 to 10 minutes. A value type.
#pragma once

#include <string>
#include <string_view>

#include "dht/node_id.hpp"
#include "torrent/siphash.hpp"
#include "torrent/time.hpp"

namespace barter::dht {

class Tokens {
 public:
  static constexpr std::size_t bytes = 8;
  explicit Tokens(SipKey secret) : secret_(secret) {}

  std::string token(const Address& asker, const NodeId& target, TimePoint now) const;
  bool valid(std::string_view token, const Address& asker, const NodeId& target,
             TimePoint now) const;

 private:
  std::string make(const Address& asker, const NodeId& target, std::int64_t epoch) const;
  SipKey secret_;
};

}  // namespace barter::dht
